import Digests
import Images
import Testing
import Transport

@testable import Registry

/// What registries and proxies are seen to refuse, and how many bytes it takes to find a way that they do not: at most so
/// many in vain for the first layer, none for the second.
@Suite struct `The way of an upload` {
  static let mebibyte: Int64 = 1 << 20

  /// What is said to a request of so many bytes, behind chunks of these sizes.
  enum Habit: String, CaseIterable, CustomTestStringConvertible {
    case takesEverything
    /// ECR: every piece but the last has 5 MiB at least, which is found out at the close.
    case leastPieceAtTheClose
    /// GHCR.
    case rangeAboveFourMiB
    /// ACR.
    case tooLargeAboveTwentyMB
    /// nginx as it is installed.
    case tooLargeAboveOneMiB
    /// Proxies that have no words for their limit: what is longer is read and dropped, or broken off where it passes the
    /// limit, or answered as if the registry failed.
    case resetAboveTenMiB, cutAtTenMiB, badGatewayAboveTenMiB, internalErrorAboveTwentyMiB
    case noPatch, patchFails, noWhole, wholeFails
    /// Whatever came in chunks is refused at its end.
    case chunksInvalidAtTheClose, chunksUnknownAtTheClose, chunksConflictAtTheClose, chunksFailAtTheClose
    case digestInvalidOfChunks
    /// Nexus, Artifactory: the close with an empty body is answered 411.
    case emptyClose
    /// Replicas without a common store: every second request of an upload comes to one that does not know it.
    case forgetsBetweenChunks

    var testDescription: String { rawValue }

    func answer(_ request: UploadMachine.Request, _ count: Int64, after pieces: [Int64]) -> Reply {
      let isPatch = if case .patch = request { true } else { false }
      let isEnd = !isPatch && !pieces.isEmpty
      switch self {
      case .takesEverything: return .taken
      case .leastPieceAtTheClose:
        let short = (count > 0 ? pieces : Array(pieces.dropLast())).contains { $0 < 5 * mebibyte }
        return isEnd && short ? .status(400, ["DIGEST_INVALID"]) : .taken
      case .rangeAboveFourMiB: return isPatch && count > 4 * mebibyte ? .status(416) : .taken
      case .tooLargeAboveTwentyMB: return count > 20_000_000 ? .status(413) : .taken
      case .tooLargeAboveOneMiB: return count > mebibyte ? .status(413) : .taken
      case .resetAboveTenMiB: return count > 10 * mebibyte ? .reset(after: count) : .taken
      case .cutAtTenMiB: return count > 10 * mebibyte ? .reset(after: 10 * mebibyte) : .taken
      case .badGatewayAboveTenMiB: return count > 10 * mebibyte ? .status(502) : .taken
      case .internalErrorAboveTwentyMiB: return count > 20 * mebibyte ? .status(500) : .taken
      case .noPatch: return isPatch ? .status(405) : .taken
      case .patchFails: return isPatch ? .status(500) : .taken
      case .noWhole: return !isPatch && !isEnd ? .status(405) : .taken
      case .wholeFails: return !isPatch && !isEnd ? .status(500) : .taken
      case .chunksInvalidAtTheClose: return isEnd ? .status(400, ["BLOB_UPLOAD_INVALID"]) : .taken
      case .chunksUnknownAtTheClose: return isEnd ? .status(404, ["BLOB_UPLOAD_UNKNOWN"]) : .taken
      case .chunksConflictAtTheClose: return isEnd ? .status(409) : .taken
      case .chunksFailAtTheClose: return isEnd ? .status(500) : .taken
      case .digestInvalidOfChunks: return isEnd ? .status(400, ["DIGEST_INVALID"]) : .taken
      case .emptyClose: return isEnd && count == 0 ? .status(411) : .taken
      case .forgetsBetweenChunks:
        return pieces.isEmpty ? .taken : .status(404, ["BLOB_UPLOAD_UNKNOWN"])
      }
    }

    /// How many bytes are sent in vain for the first layer at most.
    func waste(of size: Int64) -> Int64 {
      let isWhole = size <= 32 * mebibyte
      switch self {
      case .takesEverything, .leastPieceAtTheClose: return 0
      case .rangeAboveFourMiB, .noPatch: return isWhole ? 0 : 16 * mebibyte
      // One that is too large, of any size it may have grown to.
      case .tooLargeAboveTwentyMB, .internalErrorAboveTwentyMiB: return 32 * mebibyte
      case .resetAboveTenMiB, .cutAtTenMiB, .badGatewayAboveTenMiB: return 32 * mebibyte
      case .tooLargeAboveOneMiB: return min(3 * size, 64 * mebibyte)
      // As often as there are retries.
      case .patchFails: return isWhole ? 0 : (16 + 8 + 5) * mebibyte
      case .noWhole: return isWhole ? size : 0
      case .wholeFails: return isWhole ? 3 * min(size, 5 * mebibyte) + size : 0
      case .chunksInvalidAtTheClose, .chunksUnknownAtTheClose, .chunksConflictAtTheClose,
        .chunksFailAtTheClose, .digestInvalidOfChunks, .emptyClose:
        return isWhole ? 0 : size
      case .forgetsBetweenChunks: return isWhole ? 0 : (16 + 32 + 32 + 64) * mebibyte
      }
    }
  }

  enum Reply {
    case taken
    case status(Int, Set<String> = [])
    case reset(after: Int64)
  }

  enum Line: CaseIterable {
    case fast, slow

    func duration(of count: Int64) -> Duration {
      self == .fast ? .milliseconds(50) : .seconds(count / (1 << 20))
    }
  }

  static let sizes: [Int64] = [1, 3 << 20, 20 << 20, 42 << 20, 600 << 20]

  @Test(arguments: Habit.allCases, sizes)
  func `is found at a bounded price, once`(_ habit: Habit, _ size: Int64) throws {
    for line in Line.allCases {
      var registry = SimulatedRegistry(habit, line)
      let sent = registry.sent(for: size)
      let first = try #require(sent, "\(line): never arrived")
      #expect(first <= size + habit.waste(of: size), "\(line): \(first) bytes")
      // What grows on a fast line meets the limit later; by then it knows.
      let second = registry.sent(for: size)
      #expect(second == size, "\(line): the second one")
    }
  }

  @Test(arguments: Habit.allCases)
  func `has no chunk below 5 MiB but for who demands it`(_ habit: Habit) throws {
    var registry = SimulatedRegistry(habit, .slow)
    _ = registry.sent(for: 200 << 20)
    let demand =
      switch habit {
      case .rangeAboveFourMiB: 4 * Self.mebibyte
      case .tooLargeAboveOneMiB: Self.mebibyte / 2
      default: 5 * Self.mebibyte
      }
    #expect(registry.smallest.map { $0 >= demand } ?? true)
  }

  @Test(arguments: Habit.allCases) func `needs no retry where there is another way`(_ habit: Habit) throws {
    var registry = SimulatedRegistry(habit, .fast, retries: 0)
    do {
      let sent = registry.sent(for: 42 << 20)
      #expect(sent != nil)
    }
    do {
      let sent = registry.sent(for: 42 << 20)
      #expect(sent == 42 << 20)
    }
  }

  @Test(arguments: [6, 12, 40]) func `has chunks as large as the registry wants`(_ least: Int64) throws {
    var registry = SimulatedRegistry(.takesEverything, .slow, leastChunk: least << 20)
    do {
      let sent = registry.sent(for: 200 << 20)
      #expect(sent == 200 << 20)
    }
    #expect(try #require(registry.smallest) >= least << 20)
  }

  @Test func `is not turned by one cut of a large request`() throws {
    var registry = SimulatedRegistry(.takesEverything, .fast)
    registry.replies = [.reset(after: 1 << 20)]
    do {
      let sent = registry.sent(for: 20 << 20)
      #expect(sent == 21 << 20)
    }
    #expect(registry.smallest == nil)
  }

  @Test func `ends where nothing is taken`() throws {
    for status in [400, 404, 405, 413, 416, 500, 503] {
      for size in Self.sizes {
        var registry = SimulatedRegistry(.takesEverything, .fast)
        registry.replies = Array(repeating: .status(status), count: 1000)
        do {
          let sent = registry.sent(for: size)
          #expect(sent == nil)
        }
        #expect(registry.sum <= 3 * size + 96 * Self.mebibyte, "\(status) \(size)")
      }
    }
    for code in ["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "DIGEST_INVALID"] {
      var registry = SimulatedRegistry(.takesEverything, .fast)
      registry.replies = Array(repeating: .status(400, [code]), count: 1000)
      do {
        let sent = registry.sent(for: 42 << 20)
        #expect(sent == nil)
      }
    }
    var registry = SimulatedRegistry(.takesEverything, .fast)
    registry.replies = Array(repeating: .reset(after: 5 << 20), count: 1000)
    do {
      let sent = registry.sent(for: 42 << 20)
      #expect(sent == nil)
    }
  }
}

/// One registry, by what it answers to uploads; what they have taught stays.
private struct SimulatedRegistry {
  typealias Tests = `The way of an upload`

  private let habit: Tests.Habit
  private let line: Tests.Line
  private let retries: Int
  private let leastChunk: Int64
  private var policy = UploadPolicy(UploadSizes())
  /// What it says before it falls into its habit.
  var replies: [Tests.Reply] = []
  /// The smallest chunk but the last of a blob.
  private(set) var smallest: Int64?
  /// Bytes that were sent for the last blob.
  private(set) var sum: Int64 = 0

  init(_ habit: Tests.Habit, _ line: Tests.Line, retries: Int = 2, leastChunk: Int64 = 0) {
    self.habit = habit
    self.line = line
    self.retries = retries
    self.leastChunk = leastChunk
  }

  /// How many bytes it takes to bring a blob over; nil when it does not arrive.
  mutating func sent(for size: Int64) -> Int64? {
    guard let location = try? HTTPURL("https://registry.example/v2/a/blobs/uploads/1") else { return nil }
    let blob = Descriptor(
      mediaType: MediaType(rawValue: "application/octet-stream"), digest: Digest(of: []), size: size)
    let fresh = UploadSession(location: location, leastChunk: leastChunk)
    var machine = UploadMachine(
      blob, to: "a", of: "registry.example", reach: nil, through: fresh, policy)
    var event = UploadMachine.Event.opened(fresh)
    var pieces: [Int64] = []
    var left = retries
    sum = 0
    for _ in 0..<10_000 {
      switch machine.handle(event, &policy) {
      case .send(let request): event = answer(request, machine.session, size, &pieces)
      case .confirm: event = .confirmed(.held)
      case .retry(let error, _, let progressed, _):
        if progressed { left = retries }
        event = left > 0 ? .waited : .exhausted(error)
        left = max(left - 1, 0)
      case .resume:
        var session = machine.session
        session.isResumed = true
        event = .resumed(session)
      case .open:
        pieces = []
        event = .opened(fresh)
      case .finish: return sum
      case .fail: return nil
      }
    }
    Issue.record("it has no end")
    return nil
  }

  private mutating func answer(
    _ request: UploadMachine.Request, _ session: UploadSession, _ size: Int64, _ pieces: inout [Int64]
  ) -> UploadMachine.Event {
    let end =
      switch request {
      case .patch(let end): end
      case .put: size
      case .close: session.offset
      }
    let count = end - session.offset
    if case .patch = request, end < size { smallest = min(smallest ?? count, count) }
    let reply = replies.isEmpty ? habit.answer(request, count, after: pieces) : replies.removeFirst()
    var said = UploadAnswer(
      status: 202, refusal: nil, isRetryable: false, retryAfter: nil, codes: [], location: .success(nil),
      next: nil, stored: nil)
    switch reply {
    case .reset(let after):
      let given = min(after, count)
      sum += given
      let error = RegistryError.transport(.reset(url: "", reason: .incompleteHead))
      return .interrupted(error, sent: session.offset + given)
    case .status(let status, let codes):
      sum += count
      said = UploadAnswer(
        status: status,
        refusal: status >= 500
          ? .overwhelmed(url: "", status: status, messages: [])
          : .refused(url: "", status: status, messages: []),
        isRetryable: status >= 500, retryAfter: nil, codes: codes, location: .success(nil), next: nil,
        stored: nil)
    case .taken:
      sum += count
      pieces.append(count)
    }
    if case .patch = request { return .patched(said, sent: end, took: line.duration(of: count)) }
    return .closed(said)
  }
}
