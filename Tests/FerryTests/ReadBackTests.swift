import Foundation
import Synchronization
import TestSupport
import Testing

/// What `ferry check --read-back` fetches, and what it keeps of that when it is broken off.
@Suite(.waiting) struct `What is read back` {
  private let ferry: FerryProcess
  private let registry: ScriptedRegistry
  private let state = State()
  /// The layers' digests, the largest first: in this order they are read.
  private let layers: [String]

  /// What the registry is to do, and what it has done.
  private final class State: Sendable {
    let stalled = Mutex<String?>(nil)
    let arrived = Gate()
    let fetched = Mutex<[String]>([])
    let lost = Mutex<Set<String>>([])

    func answer(_ request: ScriptedRequest) -> ScriptedResponse? {
      guard let digest = request.path.firstMatch(of: /\/blobs\/(sha256:[0-9a-f]{64})/).map({ String($0.1) })
      else { return nil }
      if lost.withLock({ $0.contains(digest) }) { return ScriptedResponse(404, json: "{}") }
      guard request.method == "GET", request.header("Range") != "bytes=0-0" else { return nil }
      fetched.withLock { $0.append(digest) }
      guard stalled.withLock({ $0 == digest }) else { return nil }
      arrived.open()
      return .stall(Gate())
    }

    /// What was fetched since this was last asked.
    func take() -> [String] {
      fetched.withLock { fetched in
        defer { fetched = [] }
        return fetched
      }
    }
  }

  private static let sizes = [9_000, 8_000, 7_000, 6_000, 5_000, 4_000]

  init() throws {
    ferry = try FerryProcess()
    let state = state
    registry = ScriptedRegistry { state.answer($0) }
    let source = ScriptedRegistry()
    let contents = Self.sizes.map { [UInt8](repeating: UInt8($0 / 1000), count: $0) }
    layers = contents.map(BlobDigest.of)
    for (number, content) in contents.enumerated() {
      source.add(image: [content], to: "old/app", tag: "\(number)")
      registry.add(image: [content], to: "new/app", tag: "\(number)")
    }
    try ferry.export(contents.indices.map { source.reference("old/app:\($0)") }, to: "a.tar")
  }

  private func checking(_ options: String..., host: String? = nil) -> [String] {
    [
      "check", "a.tar", "--plain-http", "--retries", "0", "--jobs", "1", "--stall-timeout", "3600", "--to",
      "\(host ?? registry.host)/new",
    ] + options
  }

  private var journal: String? {
    try? String(contentsOfFile: ferry.file("a.tar.check-journal"), encoding: .utf8)
  }

  /// Runs a check to where the fourth layer is fetched, and ends it there.
  @discardableResult
  private func breakOff(by signal: Int32, _ options: String...) throws -> CommandResult {
    state.stalled.withLock { $0 = layers[3] }
    let running = try ferry.command(checking("--read-back") + options).start()
    #expect(state.arrived.wait(), "\(running.standardError)")
    running.signal(signal)
    let result = try #require(running.waitForEnd())
    state.stalled.withLock { $0 = nil }
    #expect(state.take() == Array(layers[...3]))
    return result
  }

  @Test(arguments: [SIGKILL, SIGINT, SIGTERM])
  func `is not read again when a run was broken off`(signal: Int32) throws {
    let result = try breakOff(by: signal)
    if signal != SIGKILL {
      #expect(result.status == 130)
      result.complains("ferry check a.tar --plain-http")
    }
    #expect(journal?.split(separator: "\n").count == 4)
    let mode = try FileManager.default.attributesOfItem(atPath: ferry.file("a.tar.check-journal"))
    #expect(mode[.posixPermissions] as? Int == 0o600)
    let next = try ferry.run(checking("--read-back"), exits: 0)
    next.complains("continuing: 23.4 KiB of that were read")
    #expect(
      next.standardOutput.contains(
        "6 of 6 images of a.tar are at \(registry.host)/new; read back")
        && next.standardOutput.contains("(100 %), 23.4 KiB of it in a run that was broken off"))
    let read = state.take()
    #expect(Set(read).isDisjoint(with: layers[..<3]) && Set(read).isSuperset(of: layers[3...]))
    #expect(journal == nil)
    // Nothing is believed of a run that came to its end.
    try ferry.run(checking("--read-back"), exits: 0)
    #expect(Set(state.take()).isSuperset(of: layers))
  }

  @Test func `is believed of nothing else than it was read of, and not for ever`() throws {
    try breakOff(by: SIGKILL)
    let written = try #require(journal)
    // Another registry.
    let state = State()
    let other = ScriptedRegistry { state.answer($0) }
    for (number, size) in Self.sizes.enumerated() {
      other.add(
        image: [[UInt8](repeating: UInt8(size / 1000), count: size)], to: "new/app", tag: "\(number)")
    }
    try FileManager.default.copyItem(
      atPath: ferry.file("a.tar.check-journal"), toPath: ferry.file("copy"))
    try ferry.run(checking("--read-back", "--journal", "copy", host: other.host), exits: 0)
    #expect(Set(state.take()).isSuperset(of: layers))
    // More than a week ago, and from days to come.
    for seconds in [-8 * 86_400, 86_400] {
      let time = Int(Date().timeIntervalSince1970) + seconds
      try ferry.write(written.replacing(/"read":\d+/, with: "\"read\":\(time)"), to: "a.tar.check-journal")
      try ferry.run(checking("--read-back"), exits: 0)
      #expect(Set(self.state.take()).isSuperset(of: layers))
    }
  }

  @Test func `is noted elsewhere where it cannot be beside the archive`() throws {
    // Nothing can be made there, whoever runs the tests: a directory has the journal's name.
    try FileManager.default.createDirectory(
      atPath: ferry.file("a.tar.check-journal"), withIntermediateDirectories: true)
    try breakOff(by: SIGKILL)
    let states = ferry.file(".local/state/ferry")
    let names = try FileManager.default.contentsOfDirectory(atPath: states)
    #expect(names.count == 1 && names[0].hasPrefix("a.tar-") && names[0].hasSuffix(".check-journal"))
    try ferry.run(checking("--read-back"), exits: 0).complains("continuing: ")
    #expect(try FileManager.default.contentsOfDirectory(atPath: states) == [])
    var ferry = ferry
    ferry.environment = ["XDG_STATE_HOME": "/proc/nowhere"]
    try ferry.run(checking("--read-back"), exits: 0).complains("cannot be noted for a next run")
  }

  @Test func `outranks nothing that the registry says now`() throws {
    try breakOff(by: SIGKILL)
    state.lost.withLock { _ = $0.insert(layers[0]) }
    #expect(
      try ferry.run(checking("--read-back"), exits: 4).standardOutput.contains(
        "missing: \(layers[0]) in \(registry.host)/new/app"))
  }

  @Test func `stays noted while something could not be read`() throws {
    let layer = layers[5]
    state.stalled.withLock { $0 = nil }
    let flaky = ScriptedRegistry { request in
      request.method == "GET" && request.header("Range") != "bytes=0-0" && request.path.contains(layer)
        ? ScriptedResponse(500, text: "") : nil
    }
    for (number, size) in Self.sizes.enumerated() {
      flaky.add(
        image: [[UInt8](repeating: UInt8(size / 1000), count: size)], to: "new/app", tag: "\(number)")
    }
    let result = try ferry.run(checking("--read-back", "--receipt", "r.json", host: flaky.host), exits: 3)
    result.complains("cannot tell of 127.0.0.1", "old/app:5")
    #expect(journal?.contains(layers[0]) == true && journal?.contains(layer) == false)
    #expect(!FileManager.default.fileExists(atPath: ferry.file("r.json")))
  }

  @Test func `is a part of all, and all parts are everything`() throws {
    var read: [String] = []
    for part in 1...3 {
      let result = try ferry.run(checking("--read-back", "\(part)/3", "--json"), exits: 0)
      let fields = try #require(try Report(result).fields["readBack"] as? [String: Any])
      let fetched = state.take()
      #expect(fields["readBlobs"] as? Int == fetched.count && fields["blobs"] as? Int == 12)
      #expect(fields["scope"] as? String == "\(part)/3")
      read += fetched
      // The same again.
      try ferry.run(checking("--read-back", "\(part)/3"), exits: 0)
      #expect(Set(state.take()) == Set(fetched))
    }
    #expect(read.count == 12 && Set(read).count == 12)
  }

  @Test(arguments: [("1%", 1), ("50%", 20_000), ("10K", 10_240), ("1T", 39_000)] as [(String, Int)])
  func `is a sample of at least what was asked for`(amount: String, least: Int) throws {
    let result = try ferry.run(checking("--read-back", amount, "--json"), exits: 0)
    let fields = try #require(try Report(result).fields["readBack"] as? [String: Any])
    let bytes = try #require(fields["readBytes"] as? Int)
    let total = try #require(fields["totalBytes"] as? Int)
    #expect(bytes >= min(least, total) && bytes <= total)
    if amount == "1%" { #expect(bytes <= 9_000) }
    if amount == "1T" { #expect(bytes == total) }
    #expect(state.take().count == fields["readBlobs"] as? Int)
  }

  @Test(arguments: ["notes", #"{"schema":"ferry/import-journal/v1"}"# + "\n"])
  func `is noted in no file that is not Ferry's`(content: String) throws {
    try ferry.write(content, to: "a.tar.check-journal")
    try ferry.run(checking("--read-back"), exits: 0)
    #expect(journal == content)
    try ferry.run(checking("--read-back", "--journal", "a.tar.check-journal"), exits: 15)
      .complains("a.tar.check-journal is not Ferry's own")
    #expect(journal == content)
    try ferry.run(checking("--read-back", "--journal", "no/where"), exits: 16)
    // An empty one that was named stays.
    try ferry.write("", to: "empty")
    try ferry.run(checking("--read-back", "--journal", "empty"), exits: 0)
    #expect(try String(contentsOfFile: ferry.file("empty"), encoding: .utf8) == "")
  }

  @Test func `is noted by one run at a time`() throws {
    state.stalled.withLock { $0 = layers[3] }
    let running = try ferry.command(checking("--read-back")).start()
    #expect(state.arrived.wait())
    try ferry.run(checking("--read-back"), exits: 15).complains(
      "another process (\(running.id)) is reading back with", "--journal")
    state.stalled.withLock { $0 = nil }
    try ferry.run(checking("--read-back", "--journal", "other"), exits: 0)
    running.kill()
  }

  @Test func `is shown as it comes`() throws {
    let result = try ferry.run(checking("--read-back", "5K"), exits: 0)
    #expect(result.standardError.contains(/reading back \S+ KiB of the 39\.0 KiB that are there/))
    #expect(result.standardOutput.contains(/; read back \S+ KiB of 39\.0 KiB \(\d+ %\)/))
    let quiet = try ferry.run(checking("--read-back", "-q"), exits: 0)
    #expect(quiet.standardError == "")
    // Nothing was asked for but to be read.
    #expect(registry.server.requests.allSatisfy { ["GET", "HEAD"].contains($0.method) })
  }
}
