import Digests
import Images

/// What is moving and how fast: a plain value, so that it can be tested without a terminal or a clock.
struct ProgressState: Sendable {
  struct Running: Sendable {
    let name: String
    let size: Int64
    var position: Int64
    let since: Double
  }

  private(set) var expected: Int64 = 0
  private(set) var running: [Int: Running] = [:]
  /// Bytes of transfers that have ended, and of those that were not needed.
  private var settled: Int64 = 0
  /// The total at earlier moments, the newest last: the rate is taken over these seconds.
  private var samples: [(at: Double, moved: Int64)] = []
  private var moved: Int64 = 0
  private static let window = 8.0

  mutating func expect(bytes: Int64) { expected = [expected, bytes].saturatingSum() }

  mutating func began(_ id: Int, _ blob: Descriptor, now: Double) {
    running[id] = Running(name: blob.digest.short, size: blob.size, position: 0, since: now)
  }

  mutating func advanced(_ id: Int, to position: Int64) {
    guard let before = running[id]?.position else { return }
    running[id]?.position = position
    moved += max(0, position - before)
  }

  mutating func ended(_ id: Int) {
    guard let ended = running.removeValue(forKey: id) else { return }
    settled += ended.position
  }

  mutating func skipped(bytes: Int64) { settled += bytes }

  /// Bytes that are at their place.
  var done: Int64 { settled + running.values.reduce(0) { $0 + $1.position } }

  var percent: Int {
    expected > 0 ? Int(min(100, 100 * Double(done) / Double(expected))) : 100
  }

  /// Notes the total at `now`, in seconds.
  mutating func sample(now: Double) {
    samples.append((now, moved))
    let oldest = now - Self.window
    while samples.count > 2, samples[1].at <= oldest { samples.removeFirst() }
  }

  /// Bytes a second over the last samples; nil before there are two.
  var rate: Double? {
    guard let first = samples.first, let last = samples.last, last.at - first.at > 0.2 else { return nil }
    return Double(last.moved - first.moved) / (last.at - first.at)
  }

  /// Seconds until the end at the present rate; nil when nothing moves.
  var secondsLeft: Double? {
    guard let rate, rate > 1 else { return nil }
    return Double(max(0, expected - done)) / rate
  }
}
