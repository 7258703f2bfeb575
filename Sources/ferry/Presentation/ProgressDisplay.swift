import Digests
import Images
import Registry
import Synchronization
import Transfers
import Transport

/// Shows a transfer's progress and notes on a console.
final class ProgressDisplay: TransferObserver {
  private let console: Console
  private let state = Mutex(ProgressState())
  private let heard = Mutex<[RegistryWarning]>([])
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant

  init(_ console: Console) {
    self.console = console
    start = clock.now
  }

  /// What registries have warned of so far, for reports; nil when they have not.
  var warnings: [Wording]? {
    let heard = heard.withLock { $0 }
    return heard.isEmpty ? nil : heard.map(NoteText.words)
  }

  private var now: Double {
    let elapsed = start.duration(to: clock.now).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
  }

  func expect(bytes: Int64) { state.withLock { $0.expect(bytes: bytes) } }

  func began(_ id: Int, _ blob: Descriptor) {
    let now = now
    state.withLock { $0.began(id, blob, now: now) }
  }

  func advanced(_ id: Int, to position: Int64) { state.withLock { $0.advanced(id, to: position) } }

  func ended(_ id: Int) { state.withLock { $0.ended(id) } }

  func skipped(bytes: Int64) { state.withLock { $0.skipped(bytes: bytes) } }

  func note(_ note: TransferNote) {
    switch note {
    case .resolving(let images) where images == 0: break
    // However quiet, what failed or stays behind is said.
    case .registryWarns(let warning):
      heard.withLock { $0.append(warning) }
      console.complain(NoteText.line(for: note))
    case .imageFailed, .unreadable, .referrerNotCarried, .manifestUnknown, .knownDamaged, .catalogHidden,
      .referrersNotShown, .untaggedUnlisted, .skipped:
      console.complain(NoteText.line(for: note))
    default: console.say(NoteText.line(for: note))
    }
  }

  func named(_ references: [Reference]) {
    // One at a time: there are as many as images.
    console.secrets.excuse(references.lazy.map(\.repositoryName))
    console.secrets.excuse(references.lazy.compactMap(\.tag))
  }

  /// Runs `work` with the display drawn beside it.
  func whileShowing<Value>(_ work: () async throws -> Value) async throws -> Value {
    let drawing = Task { await draw() }
    let result: Result<Value, any Error>
    do { result = .success(try await work()) } catch { result = .failure(error) }
    drawing.cancel()
    // Nothing is drawn below what is printed from here on.
    await drawing.value
    if console.style == .bars { console.draw(bars: []) }
    return try result.get()
  }

  private func draw() async {
    let interval: Duration = console.style == .bars ? .milliseconds(100) : .seconds(10)
    guard console.style != .none else { return }
    while true {
      do { try await Task.sleep(for: interval) } catch { return }
      let now = now
      let snapshot = state.withLock { state in
        state.sample(now: now)
        return state
      }
      guard snapshot.expected > 0, !Task.isCancelled else { continue }
      switch console.style {
      case .bars: console.draw(bars: ProgressLines.bars(snapshot, width: Console.width))
      case .plain: if !snapshot.running.isEmpty { console.say(ProgressLines.total(snapshot)) }
      case .none: return
      }
    }
  }
}

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
    moved.add(saturating: max(0, position - before))
  }

  mutating func ended(_ id: Int) {
    guard let ended = running.removeValue(forKey: id) else { return }
    settled.add(saturating: ended.position)
  }

  mutating func skipped(bytes: Int64) { settled.add(saturating: bytes) }

  /// Bytes that are at their place.
  var done: Int64 { ([settled] + running.values.map(\.position)).saturatingSum() }

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

/// A progress state as lines of text.
enum ProgressLines {
  /// One line for each running transfer and one for the total, none wider than `width` columns.
  static func bars(_ state: ProgressState, width: Int) -> [Wording] {
    let running = state.running.sorted { $0.key < $1.key }.map(\.value)
    var lines = running.prefix(16).map { transfer in
      bar(
        label: "\(transfer.name)", done: transfer.position, size: transfer.size,
        tail: "\(Amounts.bytes(transfer.position)) of \(Amounts.bytes(transfer.size))", width: width)
    }
    lines.append(clip(total(state), to: width))
    return lines
  }

  /// `1.2 GiB of 40.0 GiB (3 %), 110.0 MiB/s, 6 min left`
  static func total(_ state: ProgressState) -> Wording {
    var text: Wording =
      "\(Amounts.bytes(state.done)) of \(Amounts.bytes(state.expected)) (\(state.percent) %)"
    if let rate = state.rate { text += ", \(Amounts.bytes(Int64(rate)))/s" }
    if let left = state.secondsLeft { text += ", \(Amounts.duration(seconds: left)) left" }
    return text
  }

  private static func bar(label: Wording, done: Int64, size: Int64, tail: Wording, width: Int) -> Wording {
    let room = width - label.width - tail.width - 5
    guard room >= 8 else { return clip("\(label) \(tail)", to: width) }
    let share = size > 0 ? min(1, Double(done) / Double(size)) : 1
    let filled = Int(Double(room) * share)
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: room - filled)
    return "\(label) [\(bar)] \(tail)"
  }

  private static func clip(_ text: Wording, to width: Int) -> Wording {
    text.cut(to: max(1, width - 1))
  }
}
