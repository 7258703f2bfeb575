internal import Glibc
internal import Synchronization

/// What a client knows of one host and port: whether it has ever answered, how many requests it bears at a time, and
/// what was said of it last.
final class RemoteHost: Sendable {
  private struct State {
    var window = RequestWindow()
    /// Who waits for room, by the number in line.
    var waiting: [Int: Turn] = [:]
    var hasAnswered = false
    var place: AddressClass?
    var waitTold = ToldLast()
    var failureTold = ToldLast()
  }

  /// When something was last said, and until when it holds.
  private struct ToldLast {
    var at: ContinuousClock.Instant?
    var until: ContinuousClock.Instant?
  }

  private let state = Mutex(State())

  /// Whether any answer of it has come in this run, be it a refusal.
  var hasAnswered: Bool { state.withLock { $0.hasAnswered } }

  func noteAnswer() { state.withLock { $0.hasAnswered = true } }

  /// What kind of place it is; nil while it is not known.
  var place: AddressClass? { state.withLock { $0.place } }

  /// It has answered at an address of that kind. Of several it is the one from which the fewest places may be led to: whoever
  /// chooses what a name means may have it mean this machine for a moment.
  func note(_ place: AddressClass) {
    state.withLock { state in
      if place.rawValue < state.place?.rawValue ?? .max { state.place = place }
    }
  }

  /// Waits until a request may be sent. Throws ``TransportError/cancelled`` when the task is cancelled meanwhile.
  func enter() throws(TransportError) -> RequestWindow.Pass {
    let turn = Turn()
    let entry = state.withLock { state in
      let entry = state.window.enter()
      if case .queued(let number) = entry { state.waiting[number] = turn }
      return entry
    }
    guard case .queued(let number) = entry else {
      guard case .admitted(let pass) = entry else { throw .cancelled }
      return pass
    }
    while true {
      if let pass = turn.wait(Pause.slice) { return pass }
      guard Task.isCancelled else { continue }
      let isLate = state.withLock { state in
        let isLate = state.waiting.removeValue(forKey: number) == nil
        if !isLate { admit(state.window.abandon(number), in: &state) }
        return isLate
      }
      // Its turn had come at the same moment: it goes to the next.
      if isLate, let pass = turn.wait(.zero) { leave(pass, .unknown) }
      throw .cancelled
    }
  }

  /// A request has ended as `answer` says.
  func leave(_ pass: RequestWindow.Pass, _ answer: RequestWindow.Answer) {
    state.withLock { state in
      let admitted = state.window.leave(pass, answer, at: .now)
      admit(admitted, in: &state)
    }
  }

  private func admit(_ admitted: [RequestWindow.Admission], in state: inout State) {
    for admission in admitted {
      guard let turn = state.waiting.removeValue(forKey: admission.number) else { continue }
      turn.come(admission.pass)
    }
  }

  /// Whether to say that it is waited for until `end`: many requests wait at once, for the same thing.
  func mayTellWait(until end: ContinuousClock.Instant, at now: ContinuousClock.Instant) -> Bool {
    state.withLock { state in
      let last = state.waitTold
      let slack = max(.seconds(2), now.duration(to: end) / 10)
      let isKnown = last.until.map { end <= $0.advanced(by: slack) } ?? false
      let isRecent = last.at.map { $0.duration(to: now) < .seconds(10) } ?? false
      guard !isKnown, !isRecent || now.duration(to: end) >= .seconds(10) else { return false }
      state.waitTold = ToldLast(at: now, until: end)
      return true
    }
  }

  /// Whether to say that it fails: once a minute is enough.
  func mayTellFailure(at now: ContinuousClock.Instant) -> Bool {
    state.withLock { state in
      if let last = state.failureTold.at, last.duration(to: now) < .seconds(60) { return false }
      state.failureTold.at = now
      return true
    }
  }
}

/// One thread's turn, for which it waits.
@safe private final class Turn: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  /// Guarded by the mutex.
  private var given: RequestWindow.Pass?

  init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    // A clock that somebody sets must not prolong a wait.
    var attributes = pthread_condattr_t()
    unsafe pthread_condattr_init(&attributes)
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    unsafe pthread_cond_init(condition, &attributes)
    unsafe pthread_condattr_destroy(&attributes)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// It has come.
  func come(_ pass: RequestWindow.Pass) {
    unsafe pthread_mutex_lock(mutex)
    given = pass
    unsafe pthread_cond_signal(condition)
    unsafe pthread_mutex_unlock(mutex)
  }

  /// Waits for it, at most so long; nil when it has not come.
  func wait(_ duration: Duration) -> RequestWindow.Pass? {
    var end = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &end)
    let nanoseconds = Int64(end.tv_nsec) + Int64(duration / .nanoseconds(1))
    end.tv_sec += Int(nanoseconds / 1_000_000_000)
    end.tv_nsec = Int(nanoseconds % 1_000_000_000)
    unsafe pthread_mutex_lock(mutex)
    defer { _ = unsafe pthread_mutex_unlock(mutex) }
    while given == nil, unsafe pthread_cond_timedwait(condition, mutex, &end) == 0 {}
    return given
  }
}
