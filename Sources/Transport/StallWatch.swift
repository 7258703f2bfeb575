/// Decides when a transfer has stood still for too long, or goes on so slowly that it would never end. A value: it is told
/// what happened and when.
struct StallWatch: Sendable {
  typealias Instant = ContinuousClock.Instant

  private enum Phase {
    /// Names, TCP and TLS: libcurl's own limit holds.
    case connecting
    case moving
    /// All of the request is sent and nothing of the answer is there.
    case awaitingAnswer
    /// The answer's head has begun. It counts as one event: line by line it could take for ever.
    case heading
    case answering
  }

  /// What is wrong with a transfer: so many bytes moved in so long a time.
  struct Stall: Equatable {
    let time: Duration
    var bytes: Int64 = 0
  }

  /// The least that has to move in either direction, over a ``window``, in bytes a second: a hundredth of what the slowest
  /// line brings, and a hundred times what comes byte by byte.
  static let leastRate: Int64 = 256

  private let stallTimeout: Duration
  private let answerTimeout: Duration
  private let window: Duration
  /// Whether the server may think for long before it answers.
  private let isUpload: Bool
  private var phase = Phase.connecting
  private var last: Instant
  /// When the time began in which the bytes of ``windowBytes`` moved.
  private var windowStart: Instant
  private var windowBytes: Int64 = 0

  init(
    stallTimeout: Duration, answerTimeout: Duration, window: Duration = .seconds(5), isUpload: Bool,
    now: Instant
  ) {
    self.stallTimeout = stallTimeout
    self.answerTimeout = max(answerTimeout, stallTimeout)
    self.window = max(window, stallTimeout)
    self.isUpload = isUpload
    last = now
    windowStart = now
  }

  var isConnecting: Bool { phase == .connecting }

  private mutating func enter(_ phase: Phase, at now: Instant) {
    self.phase = phase
    last = now
    windowStart = now
    windowBytes = 0
  }

  /// The connection stands and the request begins.
  mutating func connected(at now: Instant) {
    if phase == .connecting { enter(.moving, at: now) }
  }

  /// `bytes` moved.
  mutating func moved(_ bytes: Int64 = 0, at now: Instant) {
    last = now
    windowBytes = windowBytes.addingReportingOverflow(bytes).partialValue
  }

  /// The caller's code was at work with the bytes since `start`: its time is not the line's.
  mutating func worked(since start: Instant, until now: Instant) {
    last = now
    windowStart = min(now, windowStart.advanced(by: start.duration(to: now)))
  }

  /// The last byte of the request left.
  mutating func sentAll(at now: Instant) {
    if phase == .moving { enter(.awaitingAnswer, at: now) }
  }

  /// A line of the answer's head arrived. An interim answer (1xx) is none: whoever sends those has said nothing.
  mutating func headLine(at now: Instant) {
    if phase != .heading, phase != .answering { enter(.heading, at: now) }
  }

  /// The answer's head is complete.
  mutating func answered(at now: Instant) {
    if phase != .answering { enter(.answering, at: now) }
  }

  /// What keeps the transfer from coming to its end, if anything does.
  mutating func stall(at now: Instant) -> Stall? {
    guard phase != .connecting else { return nil }
    let limit = phase == .awaitingAnswer && isUpload ? answerTimeout : stallTimeout
    if last.duration(to: now) >= limit { return Stall(time: limit) }
    guard phase == .moving || phase == .answering, windowStart.duration(to: now) >= window else { return nil }
    defer {
      windowStart = now
      windowBytes = 0
    }
    let least = window / .seconds(1) * Double(Self.leastRate)
    return Double(windowBytes) < least ? Stall(time: window, bytes: windowBytes) : nil
  }
}
