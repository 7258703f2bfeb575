import Digests
import Images
import Transport

/// What one blob's upload has come to, and what is done next: a value that is told what happened and says what to do.
/// It does nothing itself; ``BlobUploader`` does.
///
/// Small blobs go in one PUT, large ones in chunks; a registry that refuses the one gets the other. What is cut is
/// resumed from what the registry says that it has, or begins again. A blob counts as stored when the registry's own origin says
/// so in answer to all of its bytes, else when it is asked for the blob and has it.
struct UploadMachine: Sendable {
  /// What is to be done, each answered by an event.
  enum Action: Hashable, Sendable {
    /// Send bytes from the session's offset on, or the end: the request's own event, or ``Event/interrupted(_:)``.
    case send(Request)
    /// The registry says that it has the blob. Ask it, unless that is certain: ``Event/confirmed(_:)``.
    case confirm(isCertain: Bool)
    /// Try again after a wait, or throw the error where the retries are used up; `progressed` refills them:
    /// ``Event/waited``.
    case retry(RegistryError, after: Duration?, progressed: Bool, discarding: Bool)
    /// Ask how far the session has come: ``Event/resumed(_:)``.
    case resume
    /// Open another session in place of this one: ``Event/opened(_:)``.
    case open(discarding: Bool)
    /// The blob is stored.
    case finish
    /// There is no hope. An upload that is discarded is given up at the registry and in the log.
    case fail(RegistryError, discarding: Bool)
  }

  /// What carries an upload on.
  enum Request: Hashable, Sendable {
    /// The PUT that closes the upload, with all bytes: ``Event/closed(_:)``.
    case put
    /// A PATCH: ``Event/patched(_:sent:took:)``.
    case patch(until: Int64)
    /// The PUT that closes the upload, empty, for its bytes are there: ``Event/closed(_:)``.
    case close
  }

  enum Event: Sendable {
    case opened(UploadSession)
    /// The answer to a chunk, how many bytes of the blob had been given by then, and how long it took.
    case patched(UploadAnswer, sent: Int64, took: Duration)
    case closed(UploadAnswer)
    /// The line failed, or the registry for now.
    case interrupted(RegistryError)
    case confirmed(BlobPresence)
    case waited
    /// nil when the registry no longer has the session, or does not say.
    case resumed(UploadSession?)
  }

  /// The upload that the registry has opened.
  private(set) var session: UploadSession
  private let descriptor: Descriptor
  private let host: String
  private let repository: String
  /// How many bytes can be sent again; nil for all.
  private let reach: Int64?
  private var mode: UploadPolicy.Mode
  /// The mode that the registry refused, where that says something about other blobs.
  private var refused: UploadPolicy.Mode?
  private var hasTurned = false
  private var hasBeenWrong = false
  private var hasBeenMissing = false
  /// Whether the session is still there after a wait.
  private var isOpen = false
  /// The farthest byte ever acknowledged: only what lies beyond it is progress.
  private var farthest: Int64 = 0
  /// The chunk under way: what was thought of its size, and where it ends.
  private var chunk: ChunkSize
  private var end: Int64 = 0

  /// The upload of a blob to `repository` of `host` through `session`, which is the first to be opened.
  init(
    _ descriptor: Descriptor, to repository: String, of host: String, reach: Int64?,
    through session: UploadSession,
    _ policy: UploadPolicy
  ) {
    self.descriptor = descriptor
    self.repository = repository
    self.host = host
    self.reach = reach
    self.session = session
    mode = policy.mode(forSize: descriptor.size, reach: reach)
    chunk = policy.chunk
  }

  /// What is to be done after `event`. `policy` is what all uploads to the registry have taught, and learns from this one.
  mutating func handle(_ event: Event, _ policy: inout UploadPolicy) -> Action {
    switch event {
    case .opened(let opened), .resumed(let opened?):
      session = opened
      // What lies there came in chunks.
      if session.offset > 0 { mode = .chunked }
      return send(policy)
    case .patched(let answer, let sent, let duration): return patched(answer, sent, duration, &policy)
    case .closed(let answer): return closed(answer)
    case .interrupted(let error): return retry(error)
    case .waited: return isOpen ? .resume : .open(discarding: false)
    case .resumed(nil): return .open(discarding: false)
    case .confirmed(.held):
      if let refused { policy.noteRefusal(of: refused) }
      return .finish
    case .confirmed(let presence): return missing(presence)
    }
  }

  /// The error for an answer that cannot be true, to a request of the session.
  func malformed(_ breach: RegistryError.Breach) -> RegistryError {
    .malformedResponse(url: session.location.description, breach)
  }

  private mutating func send(_ policy: UploadPolicy) -> Action {
    guard mode == .chunked else { return .send(.put) }
    guard session.offset < descriptor.size else { return .send(.close) }
    chunk = policy.chunk
    end = chunk.end(from: session.offset, of: descriptor.size, least: session.leastChunk)
    // What can be had again after a cut, unless the registry insists on more.
    let most = max(reach ?? .max, session.leastChunk)
    if end - session.offset > most { end = session.offset + most }
    return .send(.patch(until: end))
  }

  /// After a chunk: the next one when the registry has acknowledged bytes, not necessarily all, or wants fewer at a time.
  private mutating func patched(
    _ answer: UploadAnswer, _ sent: Int64, _ duration: Duration, _ policy: inout UploadPolicy
  ) -> Action {
    let count = end - session.offset
    if let refusal = answer.refusal {
      // What it has of the upload is asked before anything is sent again.
      if answer.status == 416, session.offset > 0 { return retry(refusal) }
      // No smaller ones than the registry itself asks for.
      if answer.status == 413, count > session.leastChunk, chunk.shrink(below: count) {
        policy.learn(chunk)
        return send(policy)
      }
      return judge(refusal, answer)
    }
    switch answer.location {
    case .success(let location): session.location = location ?? session.location
    case .failure(let error): return .fail(error, discarding: true)
    }
    if let next = answer.next, next > session.offset, next <= sent {
      session.offset = next
    } else if sent == end {
      // It took all and says nothing that could be true: the digest will tell.
      session.offset = end
    } else {
      return retry(malformed(.header("Range")))
    }
    if count >= chunk.bytes, session.offset == end {
      chunk.learn(from: duration)
      policy.learn(chunk)
    }
    return send(policy)
  }

  /// After the PUT that closes the upload.
  private mutating func closed(_ answer: UploadAnswer) -> Action {
    if let refusal = answer.refusal { return judge(refusal, answer) }
    if let stored = answer.stored, stored != descriptor.digest {
      let error = RegistryError.destinationDigestDiffers(
        repository: repository, identifier: descriptor.digest.description, expected: descriptor.digest,
        actual: stored)
      return .fail(error, discarding: true)
    }
    // No doubt is left by the registry's own word, to a request that brought all of the blob, at an address that the
    // registry gave in this run.
    return .confirm(
      isCertain: answer.isOwnWord && mode == .monolithic && session.offset == 0 && !session.isResumed)
  }

  /// What a refusal means for the upload.
  private mutating func judge(_ refusal: RegistryError, _ answer: UploadAnswer) -> Action {
    if answer.isRetryable { return retry(refusal, after: answer.retryAfter) }
    let isForgotten = !answer.codes.isDisjoint(with: Self.forgottenCodes)
    if mode == .chunked {
      let isWrong = !answer.codes.isDisjoint(with: Self.wrongCodes)
      if isWrong, !mayBeginAgain() { return .fail(refusal, discarding: true) }
      if isWrong || isForgotten { return retry(refusal, discarding: true) }
    }
    guard Self.refusals.contains(answer.status), answer.codes.isDisjoint(with: Self.finalCodes),
      turn(isLesson: !isForgotten)
    else { return .fail(refusal, discarding: true) }
    return .open(discarding: true)
  }

  /// Something that may go better a little later. A session that is discarded is not asked for again.
  private mutating func retry(
    _ error: RegistryError, after pause: Duration? = nil, discarding: Bool = false
  ) -> Action {
    isOpen = mode == .chunked && !discarding
    let progressed = session.offset > farthest
    farthest = max(farthest, session.offset)
    return .retry(error, after: pause, progressed: progressed, discarding: discarding)
  }

  /// The registry has taken the blob and does not have it: it is sent again, once.
  private mutating func missing(_ presence: BlobPresence) -> Action {
    let isRepeatable = reach.map { $0 >= descriptor.size } ?? true
    guard isRepeatable, !hasBeenMissing else {
      let error = RegistryError.blobNotKept(
        host: host, repository: repository, digest: descriptor.digest, isOther: presence == .differs)
      return .fail(error, discarding: false)
    }
    hasBeenMissing = true
    return .open(discarding: false)
  }

  /// Takes the other mode because the registry refused this one. False when it has refused that too.
  private mutating func turn(isLesson: Bool) -> Bool {
    guard !hasTurned else { return false }
    hasTurned = true
    if isLesson { refused = mode }
    mode = mode.other
    return true
  }

  /// Whether a blob whose bytes are right here and were wrong there may begin again. A cut line explains it
  /// once; without one, it is the mode that the registry does not take as it should.
  private mutating func mayBeginAgain() -> Bool {
    guard session.isResumed, !hasBeenWrong else { return turn(isLesson: true) }
    hasBeenWrong = true
    return true
  }

  /// What registries answer to a way of sending that they do not know.
  private static let refusals: Set<Int> = [400, 404, 405, 411, 413, 416, 501]
  /// Complaints that another way of sending would not change.
  private static let finalCodes: Set<String> = [
    "DENIED", "DIGEST_INVALID", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED",
  ]
  /// The registry no longer knows the upload.
  private static let forgottenCodes: Set<String> = ["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"]
  /// What it has of the upload is not what was sent.
  private static let wrongCodes: Set<String> = ["DIGEST_INVALID", "SIZE_INVALID", "RANGE_INVALID"]
}
