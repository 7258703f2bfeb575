/// Decides when a transfer has stood still for too long. A value: it is told what happened and when.
struct StallWatch: Sendable {
  typealias Instant = ContinuousClock.Instant

  private enum Phase {
    /// Names, TCP and TLS: libcurl's own limit holds.
    case connecting
    case moving
    /// All of the request is sent and nothing of the answer is there.
    case awaitingAnswer
    case answering
  }

  private let stallTimeout: Duration
  private let answerTimeout: Duration
  /// Whether the server may think for long before it answers.
  private let isUpload: Bool
  private var phase = Phase.connecting
  private var last: Instant

  init(stallTimeout: Duration, answerTimeout: Duration, isUpload: Bool, now: Instant) {
    self.stallTimeout = stallTimeout
    self.answerTimeout = max(answerTimeout, stallTimeout)
    self.isUpload = isUpload
    last = now
  }

  var isConnecting: Bool { phase == .connecting }

  /// The connection stands and the request begins.
  mutating func connected(at now: Instant) {
    guard phase == .connecting else { return }
    phase = .moving
    last = now
  }

  /// Bytes moved, or the caller's code was at work with them.
  mutating func moved(at now: Instant) { last = now }

  /// The last byte of the request left.
  mutating func sentAll(at now: Instant) {
    guard phase == .moving else { return }
    phase = .awaitingAnswer
    last = now
  }

  /// Something of the answer arrived.
  mutating func answered(at now: Instant) {
    phase = .answering
    last = now
  }

  /// The limit that has passed without a byte, if one has.
  func stall(at now: Instant) -> Duration? {
    guard phase != .connecting else { return nil }
    let limit = phase == .awaitingAnswer && isUpload ? answerTimeout : stallTimeout
    return last.duration(to: now) >= limit ? limit : nil
  }
}
