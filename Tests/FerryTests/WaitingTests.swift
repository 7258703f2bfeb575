import Foundation
import Synchronization
import TestSupport
import Testing

/// How long a registry may make Ferry wait, and what is said meanwhile.
@Suite(.waiting) struct `A registry that asks to wait` {
  private let ferry: FerryProcess
  init() throws { ferry = try FerryProcess() }

  /// A way to say when to come again.
  enum Form: String, CaseIterable {
    case seconds
    case date
    /// docker/hub-feedback#2459
    case epoch
    /// Without `Retry-After`.
    case reset
    case epochReset

    /// The header that asks to wait for so many seconds.
    func header(_ seconds: Int) -> (String, String) {
      let then = Date(timeIntervalSinceNow: Double(seconds))
      let epoch = String(Int(then.timeIntervalSince1970.rounded(.up)))
      switch self {
      case .seconds: return ("Retry-After", String(seconds))
      case .epoch: return ("Retry-After", epoch)
      case .reset: return ("ratelimit-reset", "\(seconds);w=60")
      case .epochReset: return ("X-RateLimit-Reset", epoch)
      case .date:
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return ("Retry-After", formatter.string(from: then))
      }
    }
  }

  /// A registry that answers `status` with a header the first time it is asked for the image.
  private func registry(
    _ status: Int = 429, times: Int = 1, _ header: @escaping @Sendable () -> (String, String)
  ) -> ScriptedRegistry {
    let asked = Mutex(0)
    let registry = ScriptedRegistry { request in
      guard request.path.hasSuffix("/manifests/1") else { return nil }
      let count = asked.withLock { count in
        count += 1
        return count
      }
      return count <= times ? ScriptedResponse(status, headers: [header()]) : nil
    }
    registry.add(image: [[1]], to: "old/app", tag: "1")
    return registry
  }

  private func arguments(_ registry: ScriptedRegistry) -> [String] {
    ["export", "--plain-http", registry.reference("old/app:1"), "-o", "a.tar", "--force"]
  }

  @Test(arguments: Form.allCases) func `for seconds is waited for, and says until when`(_ form: Form) throws {
    let registry = registry { form.header(2) }
    let result = try ferry.run(arguments(registry), exits: 0)
    result.complains("\(registry.host) answers 429 and asks to wait until ")
    #expect(result.standardError.contains(/asks to wait until \d\d:\d\d:\d\d \(\d s\)/))
  }

  @Test func `beside a 503 is waited for as well`() throws {
    let registry = registry(503) { Form.seconds.header(1) }
    try ferry.run(arguments(registry), exits: 0).complains("answers 503 and asks to wait until ")
  }

  @Test(arguments: ["-1", "soon", "", "1.5", "0", "Thu, 01 Jan 1970 00:00:00 GMT", "1000000000"])
  func `for no time at all, or in no words, is asked again soon`(_ after: String) throws {
    let registry = registry { ("Retry-After", after) }
    let result = try ferry.run(arguments(registry), exits: 0)
    #expect(!result.standardError.contains("asks to wait"))
  }

  @Test(arguments: Form.allCases) func `for longer than --max-wait is failed for at once`(_ form: Form) throws
  {
    let registry = registry(times: 100) { form.header(3600) }
    let result = try ferry.run(arguments(registry) + ["--max-wait", "60"], exits: 13)
    result.complains(
      "\(registry.host) asks to wait until ", "longer than --max-wait allows (1 min)",
      "or now with --max-wait ",
      "Run the same command again then")
    #expect(registry.server.requests.count { $0.path.hasSuffix("/manifests/1") } == 1)
  }

  @Test(arguments: ["99999999999999999999", "Fri, 31 Dec 2199 23:59:59 GMT", "99999999999"])
  func `for ever is failed for at once`(_ after: String) throws {
    let registry = registry(times: 100) { ("Retry-After", after) }
    let result = try ferry.run(arguments(registry), exits: 13)
    result.complains(registry.host, "longer than --max-wait allows (15 min)")
    #expect(!result.standardError.contains("or now with"))
  }

  @Test(arguments: [["--progress", "none"], ["--progress", "plain"], ["-v"], []], [false, true])
  func `is named, with the time, while it is waited for, and Ctrl-C ends that`(
    options: [String], terminal: Bool
  ) throws {
    let registry = registry { Form.seconds.header(600) }
    let process = try ferry.command(arguments(registry) + options, terminal: terminal).start()
    #expect(
      process.waitForError {
        $0.contains("\(registry.host) answers 429 and asks to wait until ") && $0.contains("(10 min)")
      })
    process.signal(SIGINT)
    #expect(process.waitForEnd()?.status == 130)
  }

  @Test func `is not named when Ferry is to be quiet`() throws {
    let registry = registry { Form.seconds.header(1) }
    let result = try ferry.run(arguments(registry) + ["-q"], exits: 0)
    #expect(result.standardError == "")
  }

  @Test func `is named once for all who wait`() throws {
    let registry = ScriptedRegistry { _ in ScriptedResponse(429, headers: [("Retry-After", "600")]) }
    let images = (1...8).map { registry.reference("old/app\($0):1") }
    let process = try ferry.command(
      ["export", "--plain-http", "--jobs", "8", "--keep-going", "-o", "a.tar"] + images
    ).start()
    #expect(registry.server.waitForRequests(2))
    #expect(process.waitForError { $0.contains("asks to wait until ") })
    process.signal(SIGINT)
    let result = try #require(process.waitForEnd())
    #expect(result.standardError.matches(of: /asks to wait until/).count == 1)
  }

  @Test(arguments: [
    (["--max-wait", "1y"], "90s, 15m or 1h"), (["--retry-for", "-1"], "--retry-for"),
    (["--retry-for", "8d"], "7 days"), (["--max-wait", "99999999999999999999h"], "--max-wait"),
    (["--max-wait", "9223372036854775807h"], "7 days"), (["--stall-timeout", "0"], "--stall-timeout"),
    (["--stall-timeout", "2d"], "1 day"), (["--max-wait", ""], "--max-wait"),
  ])
  func `is bounded by a time, not by anything else`(options: [String], words: String) throws {
    try ferry.run(["export", "registry.example/a/b:1", "-o", "a.tar"] + options, exits: 64).complains(words)
  }

  @Test(arguments: ["90", "90s", "15m", "1h", "0", "1d"]) func `is bounded by any time`(_ time: String) throws
  {
    let registry = registry { Form.seconds.header(0) }
    let options = ["--max-wait", time, "--retry-for", time == "0" ? "1" : time]
    try ferry.run(arguments(registry) + options, exits: 0)
  }
}

/// A registry that goes down in the middle of the work, or was never there.
@Suite(.waiting) struct `A registry that breaks down` {
  private let ferry: FerryProcess
  init() throws { ferry = try FerryProcess() }

  /// A registry that gives manifests and then, asked for blobs, fails so many times.
  private func registry(
    failing times: Int, _ answer: @escaping @Sendable () -> ScriptedResponse
  ) -> ScriptedRegistry {
    let count = Mutex(0)
    let registry = ScriptedRegistry { request in
      guard request.path.contains("/blobs/") else { return nil }
      let number = count.withLock { count in
        count += 1
        return count
      }
      return number <= times ? answer() : nil
    }
    registry.add(image: [[1]], to: "old/app", tag: "1")
    return registry
  }

  private func arguments(_ registry: ScriptedRegistry) -> [String] {
    ["export", "--plain-http", registry.reference("old/app:1"), "-o", "a.tar", "--force", "--jobs", "1"]
  }

  /// What a restart, a deployment or a proxy without its back end looks like.
  @Test(
    arguments: ["408", "429", "502", "503", "504", "520", "reset", "silence"],
    [[], ["--retries", "1", "--retry-for", "10m"]])
  func `is asked again until it is back, and that is said`(kind: String, options: [String]) throws {
    let isBack = Gate()
    let registry = ScriptedRegistry { request in
      guard request.path.contains("/blobs/"), !isBack.wait(seconds: 0) else { return nil }
      switch kind {
      case "reset": return .reset
      case "silence": return .silence
      default: return ScriptedResponse(Int(kind) ?? 0)
      }
    }
    registry.add(image: [[1]], to: "old/app", tag: "1")
    let process = try ferry.command(arguments(registry) + options).start()
    #expect(process.waitForError { $0.contains(/; trying again until \d\d:\d\d:\d\d at the latest/) })
    isBack.open()
    let result = try #require(process.waitForEnd())
    #expect(result.status == 0)
    result.complains(
      kind == "reset" || kind == "silence" ? "the connection" : "\(registry.host) answers \(kind)")
  }

  @Test func `is asked again so many times, and that is said`() throws {
    let registry = registry(failing: .max) { ScriptedResponse(503) }
    let process = try ferry.command(arguments(registry) + ["--retries", "12"]).start()
    #expect(process.waitForError { $0.contains(/answers 503; trying again, \d+ times at most/) })
    process.signal(SIGINT)
    #expect(process.waitForEnd()?.status == 130)
  }

  @Test func `at import is waited for as well`() throws {
    let source = registry(failing: 0) { .reset }
    try ferry.run(arguments(source), exits: 0)
    // The first two of each kind.
    let count = Mutex<[String: Int]>([:])
    let target = ScriptedRegistry { request in
      let number = count.withLock { count in
        count[request.method, default: 0] += 1
        return count[request.method] ?? 0
      }
      return ["POST", "PUT"].contains(request.method) && number <= 2 ? ScriptedResponse(503) : nil
    }
    try ferry.run(
      [
        "import", "a.tar", "--plain-http", "--to", "\(target.host)/new", "--retries", "1", "--retry-for",
        "10m",
        "--jobs", "1",
      ], exits: 0)
    #expect(target.tags == ["new/app:1"])
  }

  /// Which of the two options decides.
  @Test(arguments: [
    (["--retries", "0"], 1), (["--retries", "2"], 3), (["--retries", "0", "--retry-for", "10m"], 1),
    (["--retry-for", "0"], 1), (["--retries", "2", "--retry-for", "0s"], 3),
  ])
  func `is given up after as many attempts as are asked for`(options: [String], attempts: Int) throws {
    let registry = registry(failing: 100) { ScriptedResponse(503, headers: [("Retry-After", "0")]) }
    let result = try ferry.run(arguments(registry) + options, exits: 13)
    result.complains("still answers 503 after all retries", "run the same command again")
    #expect(registry.server.requests.count { $0.path.contains("/blobs/") } == attempts)
  }

  @Test(arguments: [["--retry-for", "2s"], ["--retries", "1", "--retry-for", "2"]])
  func `is given up when the time is over`(options: [String]) throws {
    let registry = registry(failing: .max) { ScriptedResponse(503) }
    try ferry.run(arguments(registry) + options, exits: 13).complains("still answers 503 after all retries")
  }

  @Test(arguments: [400, 401, 403, 404]) func `is not one that says no`(status: Int) throws {
    let registry = registry(failing: .max) { ScriptedResponse(status) }
    let result = try ferry.command(arguments(registry)).run()
    #expect([10, 11, 12, 13].contains(result.status))
    #expect(!result.standardError.contains("trying again"))
  }

  /// It was never there in this run: a mistyped name, most likely.
  @Test func `before it has answered at all is given up at once`() throws {
    let registry = registry(failing: 0) { .reset }
    registry.stop()
    try ferry.run(arguments(registry), exits: 13).complains("refuses connections")
    try ferry.run(["export", "registry.invalid/a/b:1", "-o", "b.tar", "--retry-for", "1h"], exits: 13)
      .complains("is unknown")
  }
}

/// A registry that answers 429 above so many requests at a time.
@Suite(.waiting) struct `A registry that bears few requests at a time` {
  private let ferry: FerryProcess
  init() throws { ferry = try FerryProcess() }

  private final class Load: Sendable {
    private let state = Mutex((running: 0, refused: 0, most: 0))

    func answer(above most: Int, headers: [(String, String)]) -> ScriptedResponse? {
      let isTooMany = state.withLock { state in
        state.running += 1
        state.most = max(state.most, state.running)
        return state.running > most
      }
      usleep(5000)
      state.withLock { state in
        state.running -= 1
        if isTooMany { state.refused += 1 }
      }
      return isTooMany ? ScriptedResponse(429, headers: headers) : nil
    }

    var refused: Int { state.withLock { $0.refused } }
  }

  private func registry(_ load: Load, above most: Int, headers: [(String, String)] = []) -> ScriptedRegistry {
    ScriptedRegistry { _ in load.answer(above: most, headers: headers) }
  }

  @Test(arguments: [4, 8, 32], [3]) func `is asked fewer by an export`(jobs: Int, most: Int) throws {
    let load = Load()
    let registry = registry(load, above: most)
    for tag in 1...200 { registry.add(image: [Array("\(tag)".utf8)], to: "old/app", tag: "\(tag)") }
    try ferry.run(
      [
        "export", "--plain-http", registry.reference("old/app"), "--all-tags", "-o", "a.tar", "--jobs",
        "\(jobs)",
      ], exits: 0)
    #expect(load.refused < 20, "\(load.refused) answers of 429")
  }

  @Test(arguments: [[], [("Retry-After", "1")], [("ratelimit-remaining", "0;w=1")]])
  func `is asked fewer by an import`(headers: [(String, String)]) throws {
    let source = ScriptedRegistry()
    for tag in 1...60 { source.add(image: [Array("\(tag)".utf8)], to: "old/app", tag: "\(tag)") }
    try ferry.run(
      ["export", "--plain-http", source.reference("old/app"), "--all-tags", "-o", "a.tar"], exits: 0)
    let load = Load()
    let target = registry(load, above: 3, headers: headers)
    try ferry.run(
      ["import", "a.tar", "--plain-http", "--to", "\(target.host)/new", "--jobs", "8"], exits: 0)
    #expect(target.tags.count == 60)
    #expect(load.refused < 20, "\(load.refused) answers of 429")
  }

  @Test func `can be interrupted while all but one wait for their turn`() throws {
    let (arrived, gate) = (Gate(), Gate())
    defer { gate.open() }
    let count = Mutex(0)
    let registry = ScriptedRegistry { request in
      guard request.path.contains("/manifests/") else { return nil }
      let number = count.withLock { count in
        count += 1
        return count
      }
      if number <= 4 { return ScriptedResponse(429, headers: [("ratelimit-remaining", "0")]) }
      arrived.open()
      return .stall(gate)
    }
    let images = (1...20).map { registry.reference("old/app\($0):1") }
    let process = try ferry.command(
      ["export", "--plain-http", "--jobs", "16", "-o", "a.tar"] + images
    ).start()
    #expect(arrived.wait())
    process.signal(SIGINT)
    #expect(process.waitForEnd()?.status == 130)
  }
}
