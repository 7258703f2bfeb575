import Dispatch
import Glibc
import Synchronization

/// Threads of our own on which blocking is allowed: a transfer holds one from its first byte to its last,
/// and the cooperative pool stays free.
final class BlockingExecutor: TaskExecutor {
  /// What the threads share; they outlive no executor, for `deinit` sends each home.
  private final class Jobs: Sendable {
    let waiting = Mutex<[UnownedJob?]>([])
    let count = DispatchSemaphore(value: 0)

    func add(_ job: UnownedJob?) {
      waiting.withLock { $0.append(job) }
      count.signal()
    }

    /// The oldest job, waiting for one; nil tells the thread to end.
    func take() -> UnownedJob? {
      count.wait()
      return waiting.withLock { $0.removeFirst() }
    }
  }

  /// A thread's own view of the executor, which must not keep it alive.
  @safe private final class Seat: Sendable {
    let jobs: Jobs
    let executor: UnownedTaskExecutor

    init(jobs: Jobs, executor: UnownedTaskExecutor) {
      self.jobs = jobs
      unsafe self.executor = executor
    }

    func work() {
      while let job = jobs.take() { unsafe job.runSynchronously(on: executor) }
    }
  }

  let width: Int
  private let jobs = Jobs()

  /// Starts `width` threads.
  init(width: Int) {
    self.width = width
    for _ in 0..<width {
      let seat = unsafe Seat(jobs: jobs, executor: asUnownedTaskExecutor())
      var thread = pthread_t()
      let started = unsafe pthread_create(
        &thread, nil,
        { context in
          guard let context = unsafe context else { return nil }
          unsafe Unmanaged<Seat>.fromOpaque(context).takeRetainedValue().work()
          return nil
        }, unsafe Unmanaged.passRetained(seat).toOpaque())
      // Without a thread of ours the work would wait for ever; one fewer is merely slower.
      if started == 0 { pthread_detach(thread) }
    }
  }

  deinit {
    for _ in 0..<width { jobs.add(nil) }
  }

  func enqueue(_ job: consuming ExecutorJob) {
    jobs.add(UnownedJob(job))
  }
}
