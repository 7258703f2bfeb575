private import Glibc

/// What a document is made of, as far as that tells what decoding it costs.
struct DocumentMeasure: Sendable {
  /// In bytes.
  let size: Int
  /// Values and keys, all levels together.
  var values = 0
  /// The most keys of objects that are open at once; all keys, where they are not told apart.
  var keys = 0
  /// Where numbers stand that are not whole, and are the fault of the entry alone that they are in.
  var unfit: [Range<Int>] = []

  /// About how many bytes of memory a decoder takes for it at the most, by what was measured. Beside the text and what it copies
  /// of that it keeps where each value lies, in a list that grows by doubling, and of the objects that it is in a table of their
  /// keys and one of what is made of them.
  var cost: Int { 2 * size + 64 * values + 256 * keys }
}

/// The memory of all documents that are read at the same time. A manifest of a megabyte may take twenty while it is decoded,
/// and each thread may have one: those that come too late wait until others are done.
///
/// Nobody who has some waits for more, so nobody waits for ever: what is read within ``reserving(_:_:)`` or
/// ``whileReading(_:)`` belongs to what was taken there. Whoever is cancelled waits no longer: it has this one document
/// before it, and ends then.
///
/// `@unchecked Sendable`: what changes is only touched with the mutex held.
@safe public final class DocumentMemory: @unchecked Sendable {
  /// That of the process. With what the rest of the program needs it stays below 96 MiB.
  public static let all = DocumentMemory(limit: 40 << 20)
  /// That of documents whose sizes are known before they are fetched, from the first byte on until they have been read: where
  /// several are fetched at a time, their texts alone may fill the memory.
  public static let fetched = DocumentMemory(limit: 32 << 20)

  /// What takes no more bytes is not counted: no document of an image that somebody would run does.
  static let smallest = 256 << 10

  /// What one thread has, on its way through the functions that it is in.
  private final class Share: @unchecked Sendable {
    let memory: DocumentMemory
    /// In bytes. Only touched by that thread.
    var taken: Int
    /// What the thread had before, perhaps of another memory.
    let outer: Share?

    init(of memory: DocumentMemory, taken: Int) {
      self.memory = memory
      self.taken = taken
      outer = DocumentMemory.share
    }
  }

  @TaskLocal private static var share: Share?

  /// What this thread has of this memory.
  private var own: Share? {
    var share = Self.share
    while let other = share, other.memory !== self { share = other.outer }
    return share
  }

  private let limit: Int
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var taken = 0
  /// Who waits, by numbers, the first to come first: nobody is passed over for ever because it needs much.
  private var line: [Int] = []
  private var lastNumber = 0

  /// `limit` is how many bytes may be taken together; whoever is alone may take any number.
  init(limit: Int) {
    self.limit = limit
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe condition.initialize(to: pthread_cond_t())
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

  /// Runs `body`, which takes `need` bytes of memory for a document and has given them back when it ends, once they are to be
  /// had. Blocks.
  public func reserving<Value, Failure: Error>(
    _ need: Int, _ body: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    guard need > Self.smallest else { return try body() }
    if let share = own {
      // What follows may be as large, and nobody can tell.
      if share.taken == 0, take(limit) { share.taken = limit }
      return try body()
    }
    guard take(need) else { return try body() }
    defer { give(need) }
    return try within(Share(of: self, taken: need), body)
  }

  /// The same, where so much is to be had at once; `body` is told whether it is. Does not block.
  public func reservingAtOnce<Value, Failure: Error>(
    _ need: Int, _ body: (Bool) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    guard own == nil, takeAtOnce(need) else { return try body(false) }
    defer { give(need) }
    return try within(Share(of: self, taken: need)) { () throws(Failure) in try body(true) }
  }

  /// Runs `body`, which reads documents one after the other and keeps some of what they say until it ends: from the first one on
  /// that is not small nobody else reads such. Nothing in it may wait for who reads documents in another thread. Blocks.
  public func whileReading<Value, Failure: Error>(
    _ body: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    guard own == nil else { return try body() }
    let share = Share(of: self, taken: 0)
    defer { if share.taken > 0 { give(share.taken) } }
    return try within(share, body)
  }

  /// How many wait.
  var waiting: Int {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return line.count
  }

  private func within<Value, Failure: Error>(
    _ share: Share, _ body: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    // What a task's value is set for throws any error.
    let result = Self.$share.withValue(share) { Result { () throws(Failure) in try body() } }
    return try result.get()
  }

  /// Waits until `need` bytes are to be had, and takes them. False where the task is cancelled: then nothing is taken.
  private func take(_ need: Int) -> Bool {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    if line.isEmpty, isThere(need) {
      taken += need
      return true
    }
    lastNumber += 1
    let number = lastNumber
    line.append(number)
    // Who is next may have room now.
    defer { unsafe pthread_cond_broadcast(condition) }
    while line.first != number || !isThere(need) {
      guard !Task.isCancelled else {
        line.removeAll { $0 == number }
        return false
      }
      waitForSlice()
    }
    line.removeFirst()
    taken += need
    return true
  }

  /// Takes `need` bytes where they are to be had, and nobody waits for any.
  private func takeAtOnce(_ need: Int) -> Bool {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    guard line.isEmpty, isThere(need) else { return false }
    taken += need
    return true
  }

  private func isThere(_ need: Int) -> Bool { taken == 0 || need <= limit - taken }

  private func give(_ bytes: Int) {
    unsafe pthread_mutex_lock(mutex)
    taken -= bytes
    unsafe pthread_cond_broadcast(condition)
    unsafe pthread_mutex_unlock(mutex)
  }

  /// Waits with the mutex until something has changed, or long enough to ask whether the task is cancelled.
  private func waitForSlice() {
    var end = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &end)
    end.tv_nsec += 50_000_000
    if end.tv_nsec >= 1_000_000_000 {
      (end.tv_sec, end.tv_nsec) = (end.tv_sec + 1, end.tv_nsec - 1_000_000_000)
    }
    _ = unsafe pthread_cond_timedwait(condition, mutex, &end)
  }
}
