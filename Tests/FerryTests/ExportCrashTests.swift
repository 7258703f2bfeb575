import Foundation
import TestSupport
import Testing

/// `ferry export`, killed as by a power cut at random moments, and run again.
@Suite(.waiting) struct `A killed export` {
  /// More than CI's fifty with `FERRY_CRASH_RUNS`.
  static let runs = Int(ProcessInfo.processInfo.environment["FERRY_CRASH_RUNS"] ?? "") ?? 50
  private static let shares = 4
  private static let sets = [["one", "two"], ["one", "two", "three"], ["three", "two"]]

  /// What may be fetched twice after one kill, in bytes: for each of two transfers what its journal does not
  /// claim yet, and what the line holds.
  private static let tail = 2 * (ArchiveClaims.tail + 8 << 20)

  private let images: LargeImages
  private let ferry: FerryProcess

  init() throws {
    images = try LargeImages()
    ferry = try FerryProcess()
  }

  private var claims: ArchiveClaims { ArchiveClaims(of: ferry.file("a.tar")) }

  /// What of a set's layers is not claimed, in bytes by layer.
  private func missing(of set: Int) -> [Int: Int] {
    let claims = claims
    let layers = Set(Self.sets[set].flatMap { LargeImages.tags[$0] ?? [] })
    return Dictionary(
      uniqueKeysWithValues: layers.map { ($0, LargeImages.sizes[$0] - claims[images.layers[$0]]) }
    )
    .filter { $0.value > 0 }
  }

  private var moved: Int { images.layers.reduce(0) { $0 + images.moved($1) } }

  /// Kills an export at a random moment before its end: one of its layers never comes whole. False when all
  /// layers are there.
  private func kill(_ set: Int, using random: inout SeededGenerator, seed: Int) throws -> Bool {
    let missing = missing(of: set)
    guard let (held, rest) = missing.sorted(by: { $0.key < $1.key }).randomElement(using: &random) else {
      return false
    }
    let stop = Int.random(in: 0..<rest, using: &random)
    let moment = Int.random(in: 0...missing.values.reduce(stop - rest, +), using: &random)
    images.gateway.resetCounts()
    images.gateway.add(.always(.stallAnswer(after: stop), on: .pulledBlob.naming(images.layers[held])))
    let running = try ferry.command(images.export(Self.sets[set], to: "a.tar")).start()
    while running.isRunning, !images.gateway.wait(sent: moment, seconds: 1) {}
    usleep(UInt32.random(in: 0...20_000, using: &random))
    #expect(running.kill()?.end == .signalled(SIGKILL), "seed \(seed): \(running.standardError)")
    #expect(images.gateway.waitUntilIdle())
    images.gateway.clearFaults()
    return true
  }

  @Test(arguments: 0..<shares) func `goes on where it was, and ends as if undisturbed`(share: Int) throws {
    for (index, tags) in Self.sets.enumerated() {
      try ferry.run(images.export(tags, to: "undisturbed-\(index).tar"), exits: 0)
    }
    for seed in stride(from: share, to: Self.runs, by: Self.shares) {
      var random = SeededGenerator(seed: UInt64(seed))
      // Most runs want the same images all along; some want others each time.
      let isChanging = seed % 3 == 0
      var set = Int.random(in: 0..<Self.sets.count, using: &random)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        if isChanging { set = Int.random(in: 0..<Self.sets.count, using: &random) }
        let before = missing(of: set).values.reduce(0, +)
        guard try kill(set, using: &random, seed: seed) else { break }
        if !isChanging {
          let lost = missing(of: set).values.reduce(0, +) - (before - moved)
          #expect(lost <= Self.tail, "seed \(seed)")
        }
      }
      if isChanging { set = Int.random(in: 0..<Self.sets.count, using: &random) }
      let missing = missing(of: set)
      images.gateway.resetCounts()
      let result = try ferry.run(images.export(Self.sets[set], to: "a.tar"), exits: 0)
      #expect(
        try areEqual(ferry.file("a.tar"), ferry.file("undisturbed-\(set).tar")),
        "seed \(seed): \(result.standardError)")
      for (index, digest) in images.layers.enumerated() {
        let most = isChanging ? LargeImages.sizes[index] : missing[index] ?? 0
        #expect(images.moved(digest) <= most, "seed \(seed), layer \(index)")
      }
      let left = try FileManager.default.contentsOfDirectory(atPath: ferry.home.path)
      #expect(left.filter { $0.hasPrefix("a.tar") } == ["a.tar"], "seed \(seed)")
      try FileManager.default.removeItem(atPath: ferry.file("a.tar"))
    }
  }
}
