import Foundation
import TestSupport
import Testing

/// `ferry export`, ended by a power cut: what it had not brought to the disk is gone, all of it or some.
@Suite(.waiting) struct `An export that loses power` {
  /// More than CI's with `FERRY_CRASH_RUNS`.
  private static let runs = max(
    12, Int(ProcessInfo.processInfo.environment["FERRY_CRASH_RUNS"] ?? "") ?? 0)
  private static let shares = 4
  /// What a power cut may cost each running transfer, in bytes.
  private static let tail = 16 << 20
  /// What of an archive is no layer, at most.
  private static let frame = 64 << 10

  private let images: LargeImages
  private let ferry: FerryProcess

  init() throws {
    images = try LargeImages()
    ferry = try FerryProcess()
  }

  @Test(arguments: 0..<shares) func `fetches little again, and ends as if undisturbed`(share: Int) throws {
    let (tags, others) = (["one", "two"], ["three", "two"])
    try ferry.run(images.export(tags, to: "undisturbed.tar"), exits: 0)
    try ferry.run(images.export(others, to: "others.tar"), exits: 0)
    let size = images.size(tags)
    for seed in stride(from: share, to: Self.runs, by: Self.shares) {
      var random = SeededGenerator(seed: UInt64(seed))
      let jobs = 1 + seed % 2
      let volumes = seed % 5 == 1 ? ["--volume-size", "20M"] : []
      func arguments(_ tags: [String]) -> [String] { images.export(tags, to: "a.tar", jobs: jobs) + volumes }
      let moment = Int.random(in: Self.frame...size / 10 * 9, using: &random)
      let written = try cut(arguments(tags), after: moment, holding: 1, &random)
      #expect(written > 0 || moment < Self.tail, "seed \(seed)")
      // Some want other images then: what is there changes its place, and that is cut off too.
      let isChanging = seed % 3 == 2
      if isChanging {
        let moment = Int.random(in: Self.frame...size / 10, using: &random)
        try cut(arguments(others), after: moment, holding: 2, &random)
      }
      images.gateway.resetCounts()
      let wanted = isChanging ? others : tags
      try ferry.run(arguments(wanted), exits: 0)
      let right = isChanging ? "others.tar" : "undisturbed.tar"
      try Command.run("sh", ["-c", "cd \(ferry.home.path) && cat a.tar* | cmp - \(right) && rm a.tar*"])
      let most = images.size(wanted) - written + jobs * Self.tail + Self.frame
      #expect(images.moved() <= most, "seed \(seed): \(written) had been written")
    }
  }

  /// Runs an export until so many bytes have moved, and takes from the disk what a power cut then takes. A layer's
  /// last byte is held back, so that it does not end before. Returns how many bytes the export had written.
  @discardableResult
  private func cut(
    _ arguments: [String], after bytes: Int, holding layer: Int, _ random: inout SeededGenerator
  ) throws -> Int {
    images.gateway.resetCounts()
    images.gateway.add(
      .always(
        .stallAnswer(after: LargeImages.sizes[layer] - 1), on: .pulledBlob.naming(images.layers[layer])))
    let traces = TemporaryDirectory()
    var command = ferry.command([])
    command.program = "strace"
    command.arguments = TracedWrites.arguments(
      traces.path, [ferry.executable] + arguments + ["--limit-rate", "200M"])
    let running = try command.start()
    #expect(images.gateway.wait(sent: bytes, seconds: 120))
    try running.signalChildren(SIGKILL)
    _ = try #require(running.waitForEnd())
    images.gateway.waitUntilIdle()
    images.gateway.clearFaults()
    let trace = try TracedWrites(traces.path)
    let unfinished = try FileManager.default.contentsOfDirectory(atPath: ferry.home.path)
      .filter { $0.hasSuffix(".partial") }.sorted().map(ferry.file)
    for path in unfinished { try lose(path, trace, &random) }
    try loseEnd(of: ferry.file("a.tar.partial.journal"), trace, &random)
    return unfinished.reduce(0) { $0 + trace.written(to: $1) }
  }

  /// Takes bytes from a file that were not brought to the disk: all, or one write and not the other.
  private func lose(_ path: String, _ trace: TracedWrites, _ random: inout SeededGenerator) throws {
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    defer { try? file.close() }
    let losesAll = Bool.random(using: &random)
    for range in trace.unsettled(of: path) where losesAll || Bool.random(using: &random) {
      try file.seek(toOffset: UInt64(range.lowerBound))
      try file.write(contentsOf: Data(count: range.count))
    }
  }

  /// Cuts a file that only grows somewhere behind what was brought to the disk.
  private func loseEnd(of path: String, _ trace: TracedWrites, _ random: inout SeededGenerator) throws {
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    defer { try? file.close() }
    let size = Int(try file.seekToEnd())
    let settled = min(size, trace.settledEnd(of: path))
    try file.truncate(
      atOffset: UInt64(Bool.random(using: &random) ? settled : .random(in: settled...size, using: &random)))
  }
}
