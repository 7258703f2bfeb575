private import Glibc

/// The memory of all decoders that work at the same time. Each thread that unpacks a layer may need the whole of what is
/// allowed; those that come too late wait until others are done, which also ends when these are cancelled.
///
/// `@unchecked Sendable`: `taken` is only touched with the mutex held.
@safe final class DecoderMemory: @unchecked Sendable {
  static let all = DecoderMemory()

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var taken: Int64 = 0

  init() {
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe condition.initialize(to: pthread_cond_t())
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Gives `held` bytes back and waits until `need` may be taken: whoever is alone may always. Nobody holds any while waiting.
  func exchange(_ held: Int64, for need: Int64, within limit: Int64) {
    unsafe pthread_mutex_lock(mutex)
    give(held)
    while taken > 0, need > limit - min(taken, limit) { unsafe pthread_cond_wait(condition, mutex) }
    taken += need
    unsafe pthread_mutex_unlock(mutex)
  }

  /// Gives `held` bytes back.
  func release(_ held: Int64) {
    guard held > 0 else { return }
    unsafe pthread_mutex_lock(mutex)
    give(held)
    unsafe pthread_mutex_unlock(mutex)
  }

  private func give(_ held: Int64) {
    taken -= held
    unsafe pthread_cond_broadcast(condition)
  }
}
