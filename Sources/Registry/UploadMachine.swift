import Digests
import Images
import Transport

/// What one blob's upload has come to, and what is done next: a value that is told what happened and says what to do.
/// It does nothing itself; ``BlobUploader`` does.
///
/// Small blobs go in one PUT, large ones in chunks. What is refused, or fails though the registry answers, goes another way:
/// in smaller requests, with the last bytes in the closing PUT, or in the other mode. Each is tried once; what the registry
/// then takes the next blob has from its beginning. What is cut is resumed from what the registry says that it has, or begins
/// again. A blob counts as stored when the registry's own origin says so in answer to all of its bytes, else when it is asked
/// for the blob and has it.
struct UploadMachine: Sendable {
  /// What is to be done, each answered by an event.
  enum Action: Hashable, Sendable {
    /// Send bytes from the session's offset on, or the end: the request's own event, ``Event/interrupted(_:sent:)`` or
    /// ``Event/failed(_:)``.
    case send(Request)
    /// The registry says that it has the blob. Ask it: ``Event/confirmed(_:)``.
    case confirm
    /// Try again after a wait: ``Event/waited``, or ``Event/exhausted(_:)`` where the retries are used up; `progressed`
    /// refills them.
    case retry(RegistryError, after: Duration?, progressed: Bool, discarding: Bool)
    /// Ask how far the session has come: ``Event/resumed(_:)``, or ``Event/opened(_:)`` in place of one that the registry
    /// does not answer for.
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
    /// The PUT that closes the upload, with all bytes that are not there yet: ``Event/closed(_:)``.
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
    /// The line failed, or the registry for now, when so many bytes of the blob had been given.
    case interrupted(RegistryError, sent: Int64 = 0)
    /// It failed for good.
    case failed(RegistryError)
    case confirmed(BlobPresence)
    case waited
    /// There is no retry left for what failed by this error.
    case exhausted(RegistryError)
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
  /// The modes that were refused for this blob.
  private var refusedModes: Set<UploadPolicy.Mode> = []
  /// The mode that the registry refused, where that says something about other blobs.
  private var lesson: UploadPolicy.Mode?
  /// Whether the closing PUT brings the last chunk.
  private var closesWithBytes: Bool
  /// What no request is larger than, because a larger one failed, in bytes; a lesson as soon as one passes.
  private var ceiling = Int64.max
  /// The ceiling to be, unless it turns out that bytes of the request that failed arrived.
  private var suspected: Int64?
  /// How often the line failed since bytes were acknowledged last.
  private var cuts = 0
  private var hasBeenWrong = false
  private var hasBeenMissing = false
  private var hasBeenForgotten = false
  /// Whether the closing PUT of chunks was what failed last.
  private var hasFailedAtTheClose = false
  /// How often an earlier run's session failed in this one.
  private var failures = 0
  /// Whether the session is still there after a wait, and whether what comes then is not the same again, so that it needs
  /// no retry left.
  private var isOpen = false
  private var isOtherWay = false
  /// The farthest byte ever acknowledged that was progress.
  private var progress: BlobProgress
  /// The request under way: what was thought of a chunk's size, where it ends, and how many bytes it brings.
  private var chunk: ChunkSize
  private var end: Int64 = 0
  private var count: Int64 = 0

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
    closesWithBytes = policy.closesWithBytes
    progress = BlobProgress(of: descriptor.size, from: 0)
    chunk = policy.chunk
  }

  /// What is to be done after `event`. `policy` is what all uploads to the registry have taught, and learns from this one.
  mutating func handle(_ event: Event, _ policy: inout UploadPolicy) -> Action {
    switch event {
    case .opened(let opened):
      session = opened
      if suspected != nil { mode = .chunked }
      // An upload in chunks that failed at its end and is gone with it, where none has ever come to one.
      if hasFailedAtTheClose, !policy.hasClosedChunks { _ = turn(isLesson: true) }
      hasFailedAtTheClose = false
      return send(policy)
    case .resumed(let resumed?):
      // What failed was not too large: some of it arrived.
      if resumed.offset != session.offset { (suspected, cuts) = (nil, 0) }
      session = resumed
      hasFailedAtTheClose = false
      return send(policy)
    case .patched(let answer, let sent, let duration): return patched(answer, sent, duration, &policy)
    case .closed(let answer): return closed(answer, &policy)
    case .interrupted(let error, let sent):
      cuts += 1
      // Where little was sent, little is lost by one more try.
      let isSuspicious = error.mayBeOfTheSize && (sent - session.offset > count / 2 || cuts > 1)
      return retry(error, suspicion: isSuspicious, policy)
    case .failed(let error): return fail(error, discarding: !error.isOfTheLine, policy)
    case .waited: return isOpen ? .resume : .open(discarding: false)
    case .exhausted(let error): return exhausted(error, policy)
    case .resumed(nil): return .open(discarding: false)
    case .confirmed(.held):
      if let lesson { policy.noteRefusal(of: lesson) }
      if mode == .chunked { policy.noteChunks(closedWithBytes: closesWithBytes) }
      return .finish
    case .confirmed(let presence): return missing(presence)
    }
  }

  /// The error for an answer that cannot be true, to a request of the session.
  func malformed(_ breach: RegistryError.Breach) -> RegistryError {
    .malformedResponse(url: session.location.description, breach)
  }

  private mutating func send(_ policy: UploadPolicy) -> Action {
    // What lies there came in chunks.
    if session.offset > 0 { mode = .chunked }
    if let suspected { ceiling = min(ceiling, suspected) }
    suspected = nil
    guard mode == .chunked else {
      count = descriptor.size
      return .send(.put)
    }
    count = 0
    guard session.offset < descriptor.size else { return .send(.close) }
    chunk = policy.chunk
    end = chunk.end(from: session.offset, of: descriptor.size, least: session.leastChunk, most: ceiling)
    // What can be had again after a cut, unless the registry insists on more.
    let most = max(reach ?? .max, session.leastChunk)
    if end - session.offset > most { end = session.offset + most }
    count = end - session.offset
    return .send(closesWithBytes && end == descriptor.size ? .put : .patch(until: end))
  }

  /// After a chunk: the next one when the registry has acknowledged bytes, not necessarily all, or wants fewer at a time.
  private mutating func patched(
    _ answer: UploadAnswer, _ sent: Int64, _ duration: Duration, _ policy: inout UploadPolicy
  ) -> Action {
    if let refusal = answer.refusal { return judge(refusal, answer, &policy) }
    switch answer.location {
    case .success(let location): session.location = location ?? session.location
    case .failure(let error): return fail(error, discarding: true, policy)
    }
    if let next = answer.next, next > session.offset, next <= sent {
      let isTooLittle = next - session.offset < (sent - session.offset) / Self.mostForOneByte
      session.offset = next
      // Who takes next to nothing of each chunk would have it sent for ever.
      if isTooLittle { return retry(malformed(.header("Range")), policy) }
    } else if sent == end {
      // It took all and says nothing that could be true: the digest will tell.
      session.offset = end
    } else {
      return retry(malformed(.header("Range")), policy)
    }
    session.isRemembered = false
    cuts = 0
    if session.offset == end {
      if ceiling < chunk.largest { policy.learn(limit: ceiling) }
      if count >= chunk.bytes {
        chunk.learn(from: duration)
        policy.learn(chunk)
      }
    }
    return send(policy)
  }

  /// After the PUT that closes the upload.
  private mutating func closed(_ answer: UploadAnswer, _ policy: inout UploadPolicy) -> Action {
    if let refusal = answer.refusal { return judge(refusal, answer, &policy) }
    // One of another algorithm is the digest that the same blob goes by there: it says nothing, and the registry is asked.
    let isOtherwiseNamed = answer.stored.map { $0.algorithm != descriptor.digest.algorithm } ?? false
    if let stored = answer.stored, !isOtherwiseNamed, stored != descriptor.digest {
      let error = RegistryError.destinationDigestDiffers(
        repository: repository, identifier: descriptor.digest.description, expected: descriptor.digest,
        actual: stored)
      return .fail(error, discarding: true)
    }
    // Whoever says that it has what it was sent, be it the registry itself, may not have kept it.
    return .confirm
  }

  /// What a refusal means for the upload.
  private mutating func judge(
    _ refusal: RegistryError, _ answer: UploadAnswer, _ policy: inout UploadPolicy
  ) -> Action {
    // Who says that too much is asked of him in a given time says nothing of a request's size.
    let isBusy = answer.status == 429 || answer.retryAfter != nil
    let isClosing = mode == .chunked && count == 0
    hasFailedAtTheClose = isClosing && answer.isRetryable && !isBusy
    if answer.isRetryable { return retry(refusal, after: answer.retryAfter, suspicion: !isBusy, policy) }
    if let smaller = afterTooMuch(refusal, answer, &policy) { return smaller }
    guard !session.isRemembered else { return beginAnew(policy) }
    if mode == .chunked, !answer.codes.isDisjoint(with: Self.wrongCodes) {
      guard mayBeginAgain() else { return .fail(refusal, discarding: true) }
      let action = retry(refusal, discarding: true, policy)
      isOtherWay = true
      return action
    }
    let isForgotten = !answer.codes.isDisjoint(with: Self.forgottenCodes)
    if mode == .chunked, isForgotten {
      // Before the end it may have been lost once. At the end, and twice, it is the way that does not serve, unless the
      // upload is gone because it came to its end, and the answer that said so was lost.
      let hasTurned =
        (isClosing || hasBeenForgotten) && turn(isLesson: hasBeenForgotten || !session.isResumed)
      let action = retry(refusal, discarding: true, policy)
      (isOtherWay, hasBeenForgotten) = (hasTurned || !hasBeenForgotten, true)
      return action
    }
    let isOfTheWay =
      isClosing
      ? (400..<500).contains(answer.status) && answer.status != 403 : Self.refusals.contains(answer.status)
    guard isOfTheWay, answer.codes.isDisjoint(with: Self.finalCodes) else {
      return .fail(refusal, discarding: true)
    }
    // Some want a body, however small.
    if isClosing, answer.status == 411, !closesWithBytes {
      closesWithBytes = true
      return .open(discarding: true)
    }
    guard turn(isLesson: !isForgotten) else { return .fail(refusal, discarding: true) }
    return .open(discarding: true)
  }

  /// What follows where fewer bytes at a time may be taken: 413, and 416 from those who say so of a chunk that is too
  /// large. nil where that is not what the answer means, or no smaller request is worth trying.
  private mutating func afterTooMuch(
    _ refusal: RegistryError, _ answer: UploadAnswer, _ policy: inout UploadPolicy
  ) -> Action? {
    let isTooMuch = count > max(UploadPolicy.smallRange, session.leastChunk)
    switch (mode, answer.status) {
    case (.chunked, 413) where count > session.leastChunk && chunk.shrink(below: count):
      policy.learn(chunk)
      return send(policy)
    case (.chunked, 416) where session.offset > 0 && count > 0:
      // What it has of the upload is asked before anything is sent again.
      if isTooMuch { suspected = max(count / 2, UploadPolicy.smallRange) }
      return retry(refusal, policy)
    case (.chunked, 416) where isTooMuch:
      suspected = UploadPolicy.smallRange
      return send(policy)
    case (.monolithic, 413) where count > UploadPolicy.largeRequest && mayBeChunked(policy):
      refusedModes.insert(.monolithic)
      suspected = count / 2
      return .open(discarding: true)
    default: return nil
    }
  }

  /// Something that may go better a little later. A session that is discarded is not asked for again. With `suspicion` the
  /// request may have been too large for somebody on the way: unless bytes of it arrived, the next is smaller.
  private mutating func retry(
    _ error: RegistryError, after pause: Duration? = nil, discarding: Bool = false, suspicion: Bool = false,
    _ policy: UploadPolicy
  ) -> Action {
    if suspicion, count > max(policy.smallestAfterFailure, session.leastChunk),
      mode == .chunked || mayBeChunked(policy)
    {
      suspected = max(count / 2, policy.smallestAfterFailure)
    }
    failures += 1
    if session.isRemembered, !discarding, failures > Self.mostFailures { return beginAnew(policy) }
    isOpen = mode == .chunked && !discarding
    isOtherWay = suspected != nil
    let progressed = progress.reaches(session.offset)
    return .retry(error, after: pause, progressed: progressed, discarding: discarding)
  }

  /// The retries are used up: what remains is another way.
  private mutating func exhausted(_ error: RegistryError, _ policy: UploadPolicy) -> Action {
    guard !session.isRemembered else { return beginAnew(policy) }
    guard !isOtherWay else {
      isOtherWay = false
      return isOpen ? .resume : .open(discarding: false)
    }
    // A registry that answers, and has never taken anything this way, may take it the other way.
    let hasNeverWorked = progress.farthest == 0 || count == 0 && !policy.hasClosedChunks
    guard error.isFailureThere, hasNeverWorked, turn(isLesson: true) else {
      return .fail(error, discarding: false)
    }
    return .open(discarding: false)
  }

  /// The error that ends the upload, but for an earlier run's, in place of which another is opened.
  private mutating func fail(
    _ error: RegistryError, discarding: Bool, _ policy: UploadPolicy
  ) -> Action {
    session.isRemembered ? beginAnew(policy) : .fail(error, discarding: discarding)
  }

  /// Forgets the session of an earlier run.
  private mutating func beginAnew(_ policy: UploadPolicy) -> Action {
    session.isRemembered = false
    suspected = nil
    mode = policy.mode(forSize: descriptor.size, reach: reach)
    return .open(discarding: false)
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

  /// Whether a blob that goes in one request may go in chunks.
  private func mayBeChunked(_ policy: UploadPolicy) -> Bool {
    !refusedModes.contains(.chunked) && !policy.refuses(.chunked)
  }

  /// Takes the other mode because the registry refused this one. False when it has refused that too.
  private mutating func turn(isLesson: Bool) -> Bool {
    refusedModes.insert(mode)
    guard !refusedModes.contains(mode.other) else { return false }
    if isLesson { lesson = mode }
    mode = mode.other
    suspected = nil
    return true
  }

  /// Whether a blob whose bytes are right here and were wrong there may begin again. A cut line explains it
  /// once; without one, it is the mode that the registry does not take as it should.
  private mutating func mayBeginAgain() -> Bool {
    guard session.isResumed, !hasBeenWrong else { return turn(isLesson: true) }
    hasBeenWrong = true
    return true
  }

  /// How many bytes are sent for one that is acknowledged, but for what is counted as a failure.
  private static let mostForOneByte: Int64 = 256
  /// How often an earlier run's session is tried.
  private static let mostFailures = 2
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
