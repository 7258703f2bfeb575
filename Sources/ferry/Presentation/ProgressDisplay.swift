import Images
import Synchronization
import Transfers

/// Shows a transfer's progress and notes on a console.
final class ProgressDisplay: TransferObserver {
  private let console: Console
  private let state = Mutex(ProgressState())
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant

  init(_ console: Console) {
    self.console = console
    start = clock.now
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
    case .imageFailed, .unreadable, .referrerNotCarried, .manifestUnknown, .knownDamaged, .catalogHidden,
      .referrersNotShown:
      console.complain(NoteText.line(for: note))
    default: console.say(NoteText.line(for: note))
    }
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
