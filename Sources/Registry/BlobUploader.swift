public import Digests
import Images
import Synchronization
import Transport

/// How a blob came to the registry.
public enum BlobPush: Hashable, Sendable {
  /// From another repository of the same registry; no byte was sent.
  case mounted
  /// Byte by byte, each hashed on the way.
  case uploaded(Proof)
}

/// Stores blobs in a registry: does what ``UploadMachine`` says.
final class BlobUploader: Sendable {
  private let connection: RegistryConnection
  private let policy: Mutex<UploadPolicy>

  init(_ connection: RegistryConnection) {
    self.connection = connection
    policy = Mutex(UploadPolicy(connection.configuration.uploads))
  }

  /// Stores a blob: mounted from `holder` where the registry does that, else uploaded from `source`.
  func push(
    _ descriptor: Descriptor, to repository: String, mountingFrom holder: String?,
    from source: some BlobSource,
    log: any UploadLog
  ) throws -> BlobPush {
    let requests = UploadRequests(descriptor, to: repository, connection)
    var upload = try BlobUpload(requests, from: source, log, connection)
    guard let first = try upload.begin(mountingFrom: holder == repository ? nil : holder) else {
      return .mounted
    }
    var machine = UploadMachine(
      descriptor, to: repository, of: connection.host, reach: source.reach, through: first,
      policy.withLock { $0 })
    var event = UploadMachine.Event.opened(first)
    do {
      while true {
        let action = policy.withLock { machine.handle(event, &$0) }
        switch try upload.perform(action, machine) {
        case .event(let next): event = next
        case .stored(let proof): return .uploaded(proof)
        }
      }
    } catch let error as RegistryError {
      throw error.refusing(descriptor.digest, in: repository, of: connection.host)
    }
  }

  /// Makes a blob of one repository one of another's, without its bytes. False when the registry does not do
  /// that, and wants them.
  func mount(_ descriptor: Descriptor, to repository: String, from holder: String) throws(RegistryError)
    -> Bool
  {
    let requests = UploadRequests(descriptor, to: repository, connection)
    guard let opened = try requests.open(mountingFrom: holder) else { return true }
    requests.cancel(opened)
    return false
  }
}

/// One blob's upload: its bytes, its log and its retries.
private struct BlobUpload<Source: BlobSource>: ~Copyable {
  private let connection: RegistryConnection
  private let lookup: BlobLookup
  private let requests: UploadRequests
  private let log: any UploadLog
  private var held: HeldBackSource<Source>
  private var retrying: Retrying
  /// What the log was told last of the session.
  private var noted: OpenUpload?

  /// How long a chunk may still take to end after its task was cancelled: what is acknowledged need not be
  /// sent again.
  private static var grace: Duration { .milliseconds(1500) }
  /// A request that is sent on for ever moves nothing.
  private static var mostRedirects: Int { 5 }

  /// Throws ``RegistryError/wrongContent(host:repository:what:_:)`` for an empty blob that should not be.
  init(
    _ requests: UploadRequests, from source: Source, _ log: any UploadLog, _ connection: RegistryConnection
  ) throws(RegistryError) {
    self.connection = connection
    self.requests = requests
    self.log = log
    lookup = BlobLookup(connection)
    retrying = connection.http.retrying()
    do { held = try HeldBackSource(source, of: requests.descriptor) } catch {
      throw connection.wrongContent(error, requests.descriptor.digest, requests.repository)
    }
  }

  /// The session to send through: an earlier run's, or a new one; nil when the blob was mounted.
  func begin(mountingFrom holder: String?) throws(RegistryError) -> UploadSession? {
    let earlier = try requests.earlier(in: log)
    var opened: UploadSession?
    if holder != nil || earlier == nil {
      opened = try requests.open(mountingFrom: holder)
      guard opened != nil else {
        forget()
        return nil
      }
    }
    if let earlier {
      switch try requests.standing(of: earlier, or: opened) {
      case .open(let session):
        opened.map(requests.cancel)
        if session.offset > 0 {
          log.continues(session.open, of: requests.descriptor.digest, in: requests.repository)
        }
        return session
      case .replaced(let other): opened = other
      case .lost: break
      }
    }
    // What was remembered is forgotten when there is something in its place, so that an outage costs nothing.
    if opened == nil { opened = try requests.open() }
    guard let opened else { throw requests.unaskedMount }
    if log.earlier(requests.descriptor.digest, in: requests.repository) != nil { forget() }
    return opened
  }

  enum Outcome {
    case event(UploadMachine.Event)
    case stored(Proof)
  }

  /// Does what `machine` has said. Throws what is final.
  mutating func perform(_ action: UploadMachine.Action, _ machine: UploadMachine) throws -> Outcome {
    let session = machine.session
    switch action {
    case .send(let request): return .event(try send(request, through: session))
    case .confirm:
      guard held.proof != nil else { throw machine.malformed(.earlySuccess) }
      forget()
      return .event(.confirmed(try lookup.confirm(requests.descriptor, in: requests.repository)))
    case .finish:
      guard let proof = held.proof else { throw machine.malformed(.earlySuccess) }
      return .stored(proof)
    case .retry(let error, let pause, let progressed, let isDiscarding):
      if isDiscarding { discard(session) }
      let fault = ExchangeFault(error, at: session.location, retryAfter: pause)
      let isWorthAnother = try connection.again(&retrying, after: fault, progressed: progressed)
      // The line may have failed after the registry had it all, and an answer that does not come may mean that the
      // registry is not done with it yet.
      let isWorthAsking = isWorthAnother || error.isStall || isDiscarding
      if let proof = held.proof, isWorthAsking, isStored(patiently: error.isStall) {
        forget()
        return .stored(proof)
      }
      return .event(isWorthAnother ? .waited : .exhausted(error))
    case .resume:
      noted = nil
      switch try requests.standing(of: session) {
      case .open(let session): return .event(.resumed(session))
      case .lost: return .event(.resumed(nil))
      case .replaced(let other):
        forget()
        return .event(.opened(other))
      }
    case .open(let isDiscarding):
      if isDiscarding { requests.cancel(session) }
      noted = nil
      guard let opened = try requests.open() else { throw requests.unaskedMount }
      forget()
      return .event(.opened(opened))
    case .fail(let error, let isDiscarding):
      if isDiscarding { discard(session) }
      throw error
    }
  }

  /// Whether the registry has the blob and sends a byte of it, asked more than once where there is something to wait for.
  private func isStored(patiently: Bool) -> Bool {
    let presence =
      patiently
      ? try? lookup.confirm(requests.descriptor, in: requests.repository, byBytes: true)
      : try? lookup.presenceOfBytes(of: requests.descriptor, in: requests.repository)
    return presence == .held
  }

  /// Sends bytes, or the end. Throws what has nothing to do with the registry, after giving the upload up, and what is of the
  /// line where no request was sent.
  private mutating func send(
    _ request: UploadMachine.Request, through session: UploadSession
  ) throws -> UploadMachine.Event {
    do {
      switch request {
      case .patch(let end):
        note(session)
        try held.seek(to: session.offset)
        held.setMark()
        let start = ContinuousClock.now
        let answer = try transmit(.patch, to: session.location, session.offset..<end)
        return .patched(answer, sent: held.position, took: start.duration(to: .now))
      case .close:
        note(session)
        try held.seek(to: session.offset)
        return .closed(try transmit(.put, to: closing(session), nil))
      case .put:
        try held.seek(to: session.offset)
        return .closed(
          try transmit(.put, to: closing(session), session.offset..<requests.descriptor.size))
      }
    } catch let error as TransportError {
      guard error != .cancelled else { throw RegistryError.transport(error) }
      let isPassing = connection.http.isWorthRetrying(error, to: session.location)
      return isPassing ? .interrupted(.transport(error), sent: held.position) : .failed(.transport(error))
    } catch let error as RegistryError {
      if error.isOfTheLine { throw error }
      return .failed(error)
    } catch {
      discard(session)
      switch error {
      case let error as DigestError:
        throw connection.wrongContent(error, requests.descriptor.digest, requests.repository)
      case let error as CallbackError: throw error.error
      default: throw error
      }
    }
  }

  /// The URL whose PUT closes the upload.
  private func closing(_ session: UploadSession) -> HTTPURL {
    session.location.appendingQuery([("digest", requests.descriptor.digest.description)])
  }

  /// One request with the bytes of `range`, or without any, past the registry's challenges.
  private mutating func transmit(
    _ method: HTTPMethod, to url: HTTPURL, _ range: Range<Int64>?
  ) throws -> UploadAnswer {
    var request = HTTPRequest(method, url)
    if range != nil { request.headers.set("Content-Type", "application/octet-stream") }
    if method == .patch, let range {
      request.headers.set("Content-Range", "\(range.lowerBound)-\(range.upperBound - 1)")
      request.grace = Self.grace
    }
    // What a registry does with the bytes takes it longer the more they are.
    let weight = method == .patch ? Int64(range?.count ?? 0) : requests.descriptor.size
    request.answerTimeout =
      connection.http.options.stallTimeout + .seconds(weight / UploadRequests.slowestIntake)
    var authentication = try connection.authentication(for: requests.purpose)
    var redirects = 0
    while true {
      let authorized = try authentication.authorize(request)
      let response: HTTPResponse
      if let range {
        try held.seek(to: range.lowerBound)
        response = try unsafe connection.http.transmit(authorized, size: Int64(range.count)) {
          unsafe try held.fill($0)
        }
      } else {
        response = try connection.http.send(authorized)
      }
      if try authentication.answer(response) { continue }
      if let next = try requests.redirected(request, by: response) {
        redirects += 1
        guard redirects <= Self.mostRedirects else {
          throw TransportError.tooManyRedirects(url: url.description)
        }
        request = next
        continue
      }
      return try requests.read(response, ofChunk: method == .patch, authentication)
    }
  }

  /// Keeps in the log how far the upload has come, where a next run may resume it.
  private mutating func note(_ session: UploadSession) {
    guard session.open != noted, requests.isOwn(session) else { return }
    noted = session.open
    log.acknowledged(session.open, of: requests.descriptor.digest, in: requests.repository)
  }

  /// Gives the upload up.
  private func discard(_ session: UploadSession) {
    requests.cancel(session)
    forget()
  }

  /// There is nothing left to resume.
  private func forget() { log.closed(requests.descriptor.digest, in: requests.repository) }
}

extension RegistryError {
  /// Whether an answer did not come in time.
  fileprivate var isStall: Bool {
    if case .transport(.stalled) = self { true } else { false }
  }
}
