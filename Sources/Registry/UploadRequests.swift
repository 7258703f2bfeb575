import Digests
import Images
import Transport

/// The small requests of the upload of one blob to one repository: opening and mounting, asking how far it has come, and
/// giving it up; and what an answer to any of its requests says.
struct UploadRequests {
  let descriptor: Descriptor
  let repository: String
  private let connection: RegistryConnection
  private let lookup: BlobLookup
  private let locations: UploadLocations

  init(_ descriptor: Descriptor, to repository: String, _ connection: RegistryConnection) {
    self.descriptor = descriptor
    self.repository = repository
    self.connection = connection
    lookup = BlobLookup(connection)
    locations = UploadLocations(
      for: .pushing(.blob(descriptor.digest), to: repository), repository, connection)
  }

  /// How many bytes a second a registry deals with at least, once it has them: it may be asked what became of them when
  /// its answer takes longer.
  static let slowestIntake: Int64 = 20_000_000

  /// The error for a registry that mounts a blob when it is asked for an upload.
  var unaskedMount: RegistryError {
    .malformedResponse(
      url: (try? connection.root)?.description ?? connection.host, .unaskedMount)
  }

  /// What all of them are for.
  var purpose: Purpose { .pushing(.blob(descriptor.digest), to: repository) }

  /// Opens an upload, or mounts the blob: nil when that was all. A registry that will not mount is asked
  /// for an upload.
  func open(mountingFrom source: String? = nil) throws(RegistryError) -> UploadSession? {
    let url = try connection.url(repository, "blobs/uploads", isDirectory: true)
    if let source {
      let purpose = Purpose.pushing(.blob(descriptor.digest), to: repository, mountingFrom: source)
      let query = [(name: "mount", value: descriptor.digest.description), (name: "from", value: source)]
      do {
        let response = try connection.exchange(
          HTTPRequest(.post, url.appendingQuery(query)), for: purpose)
        // Some say so of a blob that they do not have there, or not any more.
        if response.status == 201,
          try lookup.confirm(descriptor, in: repository, byBytes: true, isReplaceable: true) == .held
        {
          return nil
        }
        if response.status == 202 { return try opened(by: response) }
      } catch .unauthorized, .denied {
        // The other repository may be closed to this credential where this one is open.
      }
    }
    let response = try connection.exchange(HTTPRequest(.post, url), for: purpose)
    guard response.status == 202 else { throw connection.failure(response, for: purpose) }
    return try opened(by: response)
  }

  private func opened(by response: HTTPResponse) throws(RegistryError) -> UploadSession {
    let least = response.headers["OCI-Chunk-Min-Length"].flatMap { Int64($0) } ?? 0
    return UploadSession(location: try locations.given(by: response), leastChunk: least)
  }

  /// What became of an upload that was asked about.
  enum Standing {
    case open(UploadSession)
    /// The registry does not have it, does not say how far it has come, or leads elsewhere.
    case lost
    /// The registry does not answer for it, and has opened another.
    case replaced(by: UploadSession)
  }

  /// What `log` holds of an earlier run's upload, where it may be gone to.
  func earlier(in log: any UploadLog) throws(RegistryError) -> UploadSession? {
    guard let earlier = log.earlier(descriptor.digest, in: repository), try isUpload(earlier.location) else {
      return nil
    }
    return UploadSession(location: earlier.location, isRemembered: true)
  }

  /// Asks how far an upload has come. Where no answer comes, another one is opened, or `spare` taken: when the registry
  /// does that it is not out of order itself, and the upload is asked for only a little longer. So an upload outlasts an outage,
  /// and one that is dead costs no more than a few questions. Throws why no other could be opened.
  func standing(
    of session: UploadSession, or spare: UploadSession? = nil
  ) throws(RegistryError) -> Standing {
    if let standing = try status(of: session) { return standing }
    var opened = spare
    if opened == nil { opened = try open() }
    guard let other = opened else { throw unaskedMount }
    var budget = connection.http.retryBudget()
    for _ in 1...Self.mostQuestions {
      guard let delay = budget.delay() else { break }
      try connection.wait(delay)
      switch try status(of: session) {
      case .open(let session):
        if spare == nil { cancel(other) }
        return .open(session)
      case nil: continue
      case .lost, .replaced: return .replaced(by: other)
      }
    }
    return .replaced(by: other)
  }

  /// How often more an upload is asked for that the registry does not answer for.
  private static let mostQuestions = 2

  /// Asks once how far an upload has come. nil where no answer comes that says anything.
  private func status(of session: UploadSession) throws(RegistryError) -> Standing? {
    let response: HTTPResponse
    do throws(RegistryError) {
      response = try answer(to: HTTPRequest(.get, session.location))
    } catch {
      switch error {
      case .transport(.cancelled): throw error
      case .transport(let error) where error.isRetryable: return nil
      case .overwhelmed: return nil
      default: return .lost
      }
    }
    guard !response.isRetryable else { return nil }
    // Of an upload nobody else can say anything.
    guard response.isSuccess, response.url.hasSameOrigin(as: session.location),
      let range = response.headers["Range"].flatMap({ UploadRange($0) }), range.next <= descriptor.size,
      case .success(let location) = locations.givenNext(by: response),
      location.map({ $0.hasSameOrigin(as: session.location) || connection.isOwn($0) }) ?? true
    else { return .lost }
    var session = session
    session.location = location ?? session.location
    session.offset = range.next
    session.isResumed = true
    return .open(session)
  }

  /// One request, not repeated but for the registry's challenges.
  private func answer(to request: HTTPRequest) throws(RegistryError) -> HTTPResponse {
    var authentication = try connection.authentication(for: purpose)
    while true {
      let authorized = try authentication.authorize(request)
      let response: HTTPResponse
      do { response = try connection.http.send(authorized) } catch { throw .transport(error) }
      if try authentication.answer(response) { continue }
      return response
    }
  }

  /// Gives an upload up, so that the registry need not keep what it has of it. Its failure changes nothing.
  func cancel(_ session: UploadSession) {
    guard var authentication = try? connection.authentication(for: purpose),
      let request = try? authentication.authorize(HTTPRequest(.delete, session.location))
    else { return }
    _ = try? connection.http.send(request)
  }

  /// What an answer says; any success will do where it is of a chunk. Throws what a 401 means that was met by all that
  /// there is.
  func read(
    _ response: HTTPResponse, ofChunk isOfChunk: Bool, _ authentication: RequestAuthentication
  ) throws(RegistryError) -> UploadAnswer {
    guard response.status != 401 else {
      throw connection.failure(response, for: purpose, after: authentication)
    }
    let isSuccess = isOfChunk ? response.isSuccess : [200, 201, 204].contains(response.status)
    return UploadAnswer(
      status: response.status, refusal: isSuccess ? nil : connection.failure(response, for: purpose),
      isRetryable: response.isRetryable, retryAfter: response.retryAfter,
      codes: Set(RegistryMessage.list(in: response.body).map(\.code)),
      location: locations.givenNext(by: response),
      next: response.headers["Range"].flatMap { UploadRange($0) }?.next,
      stored: response.headers["Docker-Content-Digest"].flatMap { try? Digest($0) })
  }

  /// `request`, which carries bytes of the upload, as a redirect wants it; nil for any other answer. Throws
  /// ``RegistryError/uploadElsewhere(host:repository:target:)``.
  func redirected(_ request: HTTPRequest, by response: HTTPResponse) throws(RegistryError) -> HTTPRequest? {
    try locations.redirected(request, by: response)
  }

  /// Whether an upload lies with the registry itself.
  func isOwn(_ session: UploadSession) -> Bool { connection.isOwn(session.location) }

  /// Whether an address that a log names may be gone to. The log is a file that anybody may have written: it leads to
  /// the registry's own origin alone, and there to nothing that is known to be something else.
  private func isUpload(_ location: HTTPURL) throws(RegistryError) -> Bool {
    let root = try connection.root
    guard location.hasSameOrigin(as: root), !location.hasUserInfo else { return false }
    return !location.path.hasPrefix(root.path) || isUpload(path: location.path, below: root)
  }

  /// Whether a path is that of an upload to the repository whoever reads it: where anything is escaped, it may mean
  /// another repository's to what decodes it on the way.
  private func isUpload(path: String, below root: HTTPURL) -> Bool {
    let start = "\(root.path)\(repository)/blobs/"
    return path.hasPrefix(start + "upload") && RegistryConnection.isPath(path.dropFirst(start.utf8.count))
  }
}
