import Testing

@testable import Transport

/// A window with everybody who wants to send a request through it, and a clock that only the test moves.
private struct Crowd {
  var window = RequestWindow()
  private(set) var now = ContinuousClock.now
  /// Who is on the way, and who waits in line.
  private(set) var running: [RequestWindow.Pass] = []
  private(set) var waiting: [Int] = []
  /// The numbers in the order in which their turn came.
  private(set) var turns: [Int] = []

  mutating func pass(_ time: Duration) { now = now.advanced(by: time) }

  mutating func enter() {
    switch window.enter() {
    case .admitted(let pass): running.append(pass)
    case .queued(let number): waiting.append(number)
    }
  }

  mutating func leave(_ answer: RequestWindow.Answer) {
    guard !running.isEmpty else { return }
    admit(window.leave(running.removeFirst(), answer, at: now))
  }

  mutating func abandon(_ number: Int) {
    waiting.removeAll { $0 == number }
    admit(window.abandon(number))
  }

  private mutating func admit(_ admitted: [RequestWindow.Admission]) {
    for admission in admitted {
      running.append(admission.pass)
      turns.append(admission.number)
      waiting.removeAll { $0 == admission.number }
    }
  }

  /// `jobs` threads send `count` requests to a host that takes `capacity` at a time and refuses what is beyond. All
  /// that are on the way end together. Returns how many were refused, and how many rounds it took.
  mutating func work(through count: Int, jobs: Int, capacity: Int) -> (refused: Int, rounds: Int, most: Int) {
    var (left, refused, rounds, most) = (count, 0, 0, 0)
    while left > 0 {
      while running.count + waiting.count < min(jobs, left) { enter() }
      let together = running.count
      most = max(most, together)
      let tooMany = max(0, together - capacity)
      for _ in 0..<tooMany { leave(.refused) }
      for _ in tooMany..<together { leave(.served(remaining: nil)) }
      refused += tooMany
      left -= together - tooMany
      rounds += 1
      pass(.milliseconds(10))
    }
    return (refused, rounds, most)
  }
}

struct `A window of requests` {
  @Test func `begins small and grows by half with every round while it is full`() {
    var crowd = Crowd()
    for _ in 0..<20 { crowd.enter() }
    #expect(crowd.running.count == RequestWindow.start && crowd.waiting.count == 20 - RequestWindow.start)
    for _ in 0..<3 { crowd.leave(.served(remaining: nil)) }
    #expect(crowd.running.count == 4)
    crowd.leave(.served(remaining: nil))
    #expect(crowd.running.count == 6)
    for _ in 0..<6 { crowd.leave(.served(remaining: nil)) }
    #expect(crowd.window.limit == 9)

    var idle = Crowd()
    for _ in 0..<100 {
      idle.enter()
      idle.leave(.served(remaining: nil))
    }
    #expect(idle.window.limit == RequestWindow.start)
  }

  @Test func `is halved by a refusal, once for all requests that were on the way`() {
    var crowd = Crowd()
    for _ in 0..<4 { crowd.enter() }
    crowd.leave(.refused)
    #expect(crowd.window.limit == 2)
    crowd.leave(.refused)
    crowd.leave(.refused)
    #expect(crowd.window.limit == 2 && crowd.running.count == 1)
    crowd.enter()
    crowd.leave(.served(remaining: nil))
    crowd.leave(.refused)
    #expect(crowd.window.limit == 1)
    for _ in 0..<5 {
      crowd.enter()
      crowd.leave(.refused)
    }
    #expect(crowd.window.limit == 1)
    crowd.enter()
    #expect(crowd.running.count == 1 && crowd.waiting.isEmpty)
  }

  /// With `jobs` set by hand to what the host bears, 600 requests take 600 / capacity rounds.
  @Test(arguments: [1, 2, 3, 5], [4, 8, 16, 64])
  func `finds out how many a host bears with few refusals, and keeps near it`(capacity: Int, jobs: Int) {
    var crowd = Crowd()
    let (refused, rounds, _) = crowd.work(through: 600, jobs: jobs, capacity: capacity)
    #expect(refused < 20)
    #expect(Double(rounds) < 1.2 * 600 / Double(min(capacity, jobs)))
  }

  @Test func `rises again when the host bears more, up to the jobs there are`() {
    var crowd = Crowd()
    _ = crowd.work(through: 200, jobs: 16, capacity: 3)
    let (refused, _, most) = crowd.work(through: 600, jobs: 16, capacity: 1000)
    #expect(refused == 0 && most == 16)
    _ = crowd.work(through: 100, jobs: 16, capacity: 2)
    #expect(crowd.window.limit <= 3)
  }

  @Test func `tries again after a minute what was too much, by one request at a time`() {
    var crowd = Crowd()
    for _ in 0..<20 { crowd.enter() }
    crowd.leave(.refused)
    for _ in 0..<3 { crowd.leave(.unknown) }
    #expect(crowd.running.count == 2)
    for _ in 0..<2 { crowd.leave(.served(remaining: nil)) }
    for _ in 0..<4 { crowd.leave(.served(remaining: nil)) }
    #expect(crowd.running.count == 3)
    crowd.pass(RequestWindow.memory)
    for _ in 0..<20 { crowd.enter() }
    crowd.leave(.served(remaining: nil))
    #expect(crowd.running.count == 4)
    // The refusal may meet any of them, and says nothing of the others.
    crowd.leave(.refused)
    #expect(crowd.running.count == 3 && crowd.window.limit == 3)
    for _ in 0..<3 { crowd.leave(.refused) }
    #expect(crowd.running.count == 3 && crowd.window.limit == 3)

    // It takes twice as long now, and as many probes in a row as there are requests then.
    crowd.pass(RequestWindow.memory)
    for _ in 0..<3 { crowd.leave(.served(remaining: nil)) }
    #expect(crowd.running.count == 3)
    crowd.pass(RequestWindow.memory)
    crowd.leave(.served(remaining: nil))
    #expect(crowd.running.count == 4)
    for _ in 0..<40 {
      crowd.enter()
      crowd.leave(.served(remaining: nil))
      if crowd.window.limit == 4 { break }
      #expect(crowd.running.count <= 4)
    }
    #expect(crowd.window.limit == 4)
  }

  @Test func `lets in who came first, and each once`() {
    var crowd = Crowd()
    for _ in 0..<8 { crowd.enter() }
    let line = crowd.waiting
    crowd.abandon(line[1])
    for _ in 0..<8 { crowd.leave(.unknown) }
    #expect(crowd.turns == [line[0], line[2], line[3]])
    #expect(crowd.running.isEmpty && crowd.waiting.isEmpty)
    for _ in 0..<RequestWindow.start { crowd.enter() }
    #expect(crowd.running.count == RequestWindow.start)
  }

  @Test func `nobody overtakes those who wait`() {
    var crowd = Crowd()
    for _ in 0..<5 { crowd.enter() }
    crowd.enter()
    let line = crowd.waiting
    crowd.leave(.unknown)
    crowd.enter()
    #expect(crowd.turns == [line[0]] && crowd.waiting.count == 2 && crowd.waiting.first == line[1])
  }

  @Test func `is never wider than the requests that remain`() {
    var crowd = Crowd()
    for _ in 0..<12 { crowd.enter() }
    for _ in 0..<4 { crowd.leave(.served(remaining: 100)) }
    #expect(crowd.window.limit == 6)
    crowd.leave(.served(remaining: 2))
    #expect(crowd.window.limit == 2)
    crowd.leave(.served(remaining: 0))
    #expect(crowd.window.limit == 1)
    let (_, _, most) = crowd.work(through: 100, jobs: 8, capacity: 1000)
    #expect(most == 8)
  }
}

struct `What an answer says of the requests a host takes` {
  @Test(arguments: [
    (200, [("RateLimit-Remaining", "0")], RequestWindow.Answer.served(remaining: 0)),
    (200, [("ratelimit-remaining", "76;w=21600")], .served(remaining: 76)),
    (404, [("X-RateLimit-Remaining", " 3 ")], .served(remaining: 3)),
    (200, [("x-rate-limit-remaining", "99999999999999999999")], .served(remaining: .max)),
    (200, [("RateLimit-Remaining", "-1")], .served(remaining: nil)),
    (200, [("RateLimit-Remaining", "some")], .served(remaining: nil)), (307, [], .served(remaining: nil)),
    (429, [("RateLimit-Remaining", "10")], .refused), (503, [("RateLimit-Remaining", "0")], .unknown),
  ])
  func `is read from its status and its headers`(
    status: Int, fields: [(String, String)], answer: RequestWindow.Answer
  ) throws {
    var headers = HTTPHeaders()
    for (name, value) in fields { headers.add(name, value) }
    let response = HTTPResponse(status: status, headers: headers, body: [], url: try HTTPURL("https://a/"))
    #expect(response.verdict == answer)
  }
}
