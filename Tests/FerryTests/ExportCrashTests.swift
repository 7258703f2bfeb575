import Foundation
import TestSupport
import Testing

/// `ferry export`, killed as by a power cut at random moments, and run again.
struct `A killed export` {
  /// More than CI's fifty with `FERRY_CRASH_RUNS`.
  static let runs = Int(ProcessInfo.processInfo.environment["FERRY_CRASH_RUNS"] ?? "") ?? 50
  private static let shares = 4
  private static let jobs = 2

  /// What may be fetched twice after one kill, in bytes: for each running transfer 16 MiB.
  private static let tail = jobs * 16 << 20

  @Test(arguments: 0..<shares) func `goes on where it was, and ends as if undisturbed`(share: Int) throws {
    let images = try LargeImages()
    let ferry = try FerryProcess()
    let sets = [["one", "two"], ["one", "two", "three"], ["three", "two"]]
    for (index, tags) in sets.enumerated() {
      try ferry.run(images.export(tags, to: "undisturbed-\(index).tar"), exits: 0)
    }
    var killed = 0
    let everything = images.size(["one", "two", "three"])
    for seed in stride(from: share, to: Self.runs, by: Self.shares) {
      var random = SeededGenerator(seed: UInt64(seed))
      images.gateway.resetCounts()
      // Most runs want the same images all along; some want others each time.
      let isChanging = seed % 3 == 0
      var set = Int.random(in: 0..<sets.count, using: &random)
      var kills = 0
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        if isChanging { set = Int.random(in: 0..<sets.count, using: &random) }
        // Not so fast that it ends before it is killed.
        let running = try ferry.command(
          images.export(sets[set], to: "a.tar", jobs: Self.jobs) + ["--limit-rate", "200M"]
        ).start()
        let sent = images.gateway.sent
        let size = images.size(sets[set])
        let moment = sent + Int.random(in: 0...max(size - images.moved(), size / 10) / 10 * 9, using: &random)
        while images.gateway.sent < moment, running.isRunning {
          _ = images.gateway.wait(sent: moment, seconds: 0.05)
        }
        usleep(UInt32.random(in: 0...20_000, using: &random))
        if running.kill()?.end == .signalled(SIGKILL) {
          kills += 1
          killed += 1
        }
        images.gateway.waitUntilIdle()
        if FileManager.default.fileExists(atPath: ferry.file("a.tar")) {
          #expect(try areEqual(ferry.file("a.tar"), ferry.file("undisturbed-\(set).tar")), "seed \(seed)")
          try FileManager.default.removeItem(atPath: ferry.file("a.tar"))
          images.gateway.resetCounts()
          kills = 0
        }
      }
      if isChanging { set = Int.random(in: 0..<sets.count, using: &random) }
      let result = try ferry.run(images.export(sets[set], to: "a.tar", jobs: Self.jobs), exits: 0)
      #expect(
        try areEqual(ferry.file("a.tar"), ferry.file("undisturbed-\(set).tar")),
        "seed \(seed): \(result.standardError)")
      // Configs count too, and weigh little.
      let wanted = isChanging ? everything * (kills + 1) : images.size(sets[set])
      #expect(
        images.moved() <= wanted + kills * Self.tail + 4096, "seed \(seed): \(images.moved()) of \(wanted)")
      let left = try FileManager.default.contentsOfDirectory(atPath: ferry.home.path)
      #expect(left.filter { $0.hasPrefix("a.tar") } == ["a.tar"], "seed \(seed)")
      try FileManager.default.removeItem(atPath: ferry.file("a.tar"))
    }
    // That some end before is in the nature of chance.
    #expect(killed >= Self.runs / Self.shares, "only \(killed) were killed")
  }
}
