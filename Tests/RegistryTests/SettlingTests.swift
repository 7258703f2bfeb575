import Testing

@testable import Registry

/// How long is waited for what a registry does not show yet: by a clock that the test sets.
@Suite struct `A wait for a registry to settle` {
  private let start = ContinuousClock.now

  private func pauses(_ patience: Duration, within limit: Duration? = nil) -> [Duration] {
    var pauses = SettlingPauses(start: start, patience: patience)
    var now = start
    var all: [Duration] = []
    while let pause = pauses.next(at: now, within: limit) {
      all.append(pause)
      now = now.advanced(by: pause)
    }
    return all
  }

  @Test func `asks often at first and then less, and ends with its patience`() {
    let all = pauses(.seconds(30))
    #expect(
      all.prefix(4) == [.milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800)])
    #expect(all.reduce(.zero, +) == .seconds(30))
    #expect(all.allSatisfy { $0 <= .seconds(3) } && all.count < 20)
    #expect(pauses(.zero) == [])
    #expect(pauses(.seconds(30), within: .milliseconds(250)) == [.milliseconds(100), .milliseconds(150)])
  }

  @Test func `is shorter after waits in vain, and as long as before after one that was not`() {
    let patience = SettlingPatience(Settling(patience: .seconds(32)))
    func total() -> Duration {
      var pauses = patience.pauses(since: start)
      var now = start
      while let pause = pauses.next(at: now) { now = now.advanced(by: pause) }
      return start.duration(to: now)
    }
    #expect(total() == .seconds(32))
    for _ in 0..<3 { patience.end(false) }
    #expect(total() == .seconds(4))
    patience.end(true)
    #expect(total() == .seconds(32))
    #expect(SettlingPatience(Settling()).isNone)
  }
}
