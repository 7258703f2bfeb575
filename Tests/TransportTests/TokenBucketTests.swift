import Testing

@testable import Transport

@Suite struct `A token bucket` {
  @Test func `spaces bytes to keep the rate`() {
    var bucket = TokenBucket(rate: 1000)
    let start = Duration.seconds(50)
    #expect(bucket.take(100, at: start) == .zero)
    #expect(bucket.take(500, at: start) == .milliseconds(500))
    #expect(bucket.take(500, at: start) == .seconds(1))
    #expect(bucket.take(500, at: start + .milliseconds(600)) == .milliseconds(900))
  }

  @Test func `saves no more than a moment's worth`() {
    var bucket = TokenBucket(rate: 1000)
    _ = bucket.take(100, at: .zero)
    #expect(bucket.take(1100, at: .seconds(3600)) == .seconds(1))
  }

  @Test(arguments: [Int64(1), 999, 1 << 20, 1 << 40, .max, 0, -5])
  func `keeps pieces in bounds`(rate: Int64) {
    var bucket = TokenBucket(rate: rate)
    #expect((1 << 10...512 << 10).contains(bucket.piece))
    #expect(bucket.take(bucket.piece, at: .zero) >= .zero)
    #expect(bucket.take(Int.max, at: .zero) >= .zero)
  }

  @Test func `lets as many bytes pass as its rate says`() {
    var bucket = TokenBucket(rate: 1 << 20)
    var now = Duration.zero
    for _ in 0..<1000 { now += bucket.take(bucket.piece, at: now) }
    let passed = Double(1000 * bucket.piece)
    #expect(abs(passed / (now / .seconds(1)) - Double(1 << 20)) < 1e4)
  }
}

@Suite struct `A stall watch` {
  private let start = ContinuousClock.now

  private func watch(isUpload: Bool) -> StallWatch {
    StallWatch(stallTimeout: .seconds(60), answerTimeout: .seconds(600), isUpload: isUpload, now: start)
  }

  @Test func `does not count while connecting`() {
    var watch = watch(isUpload: false)
    #expect(watch.stall(at: start + .seconds(1000)) == nil)
  }

  @Test func `counts from the last byte`() {
    var watch = watch(isUpload: false)
    watch.connected(at: start)
    #expect(watch.stall(at: start + .seconds(59)) == nil)
    watch.moved(1 << 20, at: start + .seconds(59))
    #expect(watch.stall(at: start + .seconds(118)) == nil)
    #expect(watch.stall(at: start + .seconds(119)) == StallWatch.Stall(time: .seconds(60)))
  }

  @Test(arguments: [(false, 60), (true, 600)])
  func `gives a server time to think about an upload alone`(isUpload: Bool, seconds: Int) {
    var watch = watch(isUpload: isUpload)
    watch.connected(at: start)
    watch.sentAll(at: start)
    watch.sentAll(at: start + .seconds(50))
    #expect(watch.stall(at: start + .seconds(seconds - 1)) == nil)
    #expect(watch.stall(at: start + .seconds(seconds)) == StallWatch.Stall(time: .seconds(seconds)))
  }

  @Test func `expects the answer to go on once it began`() {
    var watch = watch(isUpload: true)
    watch.connected(at: start)
    watch.sentAll(at: start)
    watch.answered(at: start + .seconds(300))
    watch.sentAll(at: start + .seconds(301))
    #expect(watch.stall(at: start + .seconds(359)) == nil)
    #expect(watch.stall(at: start + .seconds(360)) == StallWatch.Stall(time: .seconds(60)))
  }

  /// A byte a second keeps a connection for months.
  @Test(arguments: [true, false]) func `ends what moves a byte a second`(isAnswer: Bool) {
    var watch = watch(isUpload: !isAnswer)
    watch.connected(at: start)
    if isAnswer {
      watch.sentAll(at: start)
      watch.answered(at: start)
    }
    for second in 1..<60 {
      watch.moved(1, at: start + .seconds(second))
      #expect(watch.stall(at: start + .seconds(second)) == nil)
    }
    #expect(watch.stall(at: start + .seconds(60)) == StallWatch.Stall(time: .seconds(60), bytes: 59))
  }

  /// Whoever waits three seconds for a byte does not wait a minute for five a second.
  @Test func `measures no longer than it may stand still`() {
    var watch = StallWatch(
      stallTimeout: .seconds(3), answerTimeout: .seconds(600), isUpload: false, now: start)
    watch.connected(at: start)
    watch.sentAll(at: start)
    watch.answered(at: start)
    for second in 1..<5 {
      watch.moved(5, at: start + .seconds(second))
      #expect(watch.stall(at: start + .seconds(second)) == nil)
    }
    #expect(watch.stall(at: start + .seconds(5)) == StallWatch.Stall(time: .seconds(5), bytes: 20))
  }

  @Test func `bears what is slow, minute by minute`() {
    var watch = watch(isUpload: false)
    watch.connected(at: start)
    watch.sentAll(at: start)
    watch.answered(at: start)
    for second in 1..<600 {
      watch.moved(StallWatch.leastRate + 8, at: start + .seconds(second))
      #expect(watch.stall(at: start + .seconds(second)) == nil)
    }
  }

  @Test func `does not take the time of a slow disk for the line's`() {
    var watch = watch(isUpload: false)
    watch.connected(at: start)
    watch.sentAll(at: start)
    watch.answered(at: start)
    watch.moved(100, at: start + .seconds(1))
    watch.worked(since: start + .seconds(1), until: start + .seconds(58))
    #expect(watch.stall(at: start + .seconds(61)) == nil)
    #expect(watch.stall(at: start + .seconds(117)) == StallWatch.Stall(time: .seconds(60), bytes: 100))
  }

  @Test func `gives a head no more time for coming line by line`() {
    var watch = watch(isUpload: true)
    watch.connected(at: start)
    watch.sentAll(at: start)
    for second in 10..<70 { watch.headLine(at: start + .seconds(second)) }
    #expect(watch.stall(at: start + .seconds(69)) == nil)
    #expect(watch.stall(at: start + .seconds(70)) == StallWatch.Stall(time: .seconds(60)))
  }
}
