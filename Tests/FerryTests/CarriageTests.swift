import Foundation
import TestSupport
import Testing

/// Whatever is exported, carried and imported in however many steps, the new registry comes to hold what the
/// old one does.
@Suite(.waiting) struct `Everything that is carried` {
  /// Random images of shared layers, some of them signed, carried in random portions, each leaving out what
  /// some of the earlier ones hold.
  private struct Journey {
    let source: RegistryProcess
    let target: RegistryProcess
    let ferry: FerryProcess
    /// `repository:tag`, in the order they were made.
    private(set) var images: [String] = []
    private var random: SeededGenerator

    init(seed: UInt64) throws {
      source = try RegistryProcess()
      target = try RegistryProcess()
      ferry = try FerryProcess()
      random = SeededGenerator(seed: seed)
      let pool = (0..<8).map { _ in random.bytes(Int.random(in: 0...90_000, using: &random)) }
      for number in 0..<Int.random(in: 3...7, using: &random) {
        let repository = "old/\(["a", "b", "team/c"].randomElement(using: &random) ?? "a")"
        let layers = (0..<Int.random(in: 0...5, using: &random)).compactMap { _ in
          pool.randomElement(using: &random)
        }
        let digest = try source.storage.add(
          layers: layers + [Array("\(number)".utf8)], to: repository, tag: "\(number)")
        images.append("\(repository):\(number)")
        let tag = digest.replacingOccurrences(of: ":", with: "-")
        if Bool.random(using: &random) {
          try source.storage.add(artifact: "signs \(number)", to: repository, tag: "\(tag).sig")
        }
        if Bool.random(using: &random) {
          let sbom = try source.storage.add(artifact: "lists \(number)", to: repository, subject: digest)
          try source.storage.add(index: [sbom], to: repository, tag: tag)
        }
      }
    }

    /// With `volumes`, archives are cut into pieces of random sizes.
    mutating func go(volumes: Bool) throws {
      let order = images.shuffled(using: &random)
      var archives: [String] = []
      var start = 0
      while start < order.count {
        let end = Int.random(in: start + 1...order.count, using: &random)
        // Some are carried twice.
        let portion = order[start..<end] + order[..<start].shuffled(using: &random).prefix(1)
        start = end
        let name = "\(archives.count).tar"
        let cutting = volumes ? ["--volume-size", "\(Int.random(in: 64...200, using: &random))K"] : []
        let known = archives.filter { _ in Bool.random(using: &random) }
        try ferry.run(
          ["export", "--plain-http", "-o", name] + cutting + known.flatMap { ["--skip-known", $0] }
            + portion.map(source.reference), exits: 0)
        // Any one volume stands for all.
        let archive = volumes ? "\(name).001" : name
        try ferry.run(["verify", archive], exits: 0)
        archives.append(archive)
      }
      // One after the other, or all at once in any order.
      let together = Bool.random(using: &random)
      for arrived in together ? [archives.shuffled(using: &random)] : archives.map({ [$0] }) {
        try ferry.run(
          ["import"] + arrived + ["--plain-http", "--to", target.reference("new")], exits: 0)
      }
    }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `arrives as it was`(_ seed: UInt64) throws {
    var journey = try Journey(seed: seed)
    try journey.go(volumes: seed.isMultiple(of: 2))
    let (old, new) = (journey.source.storage, journey.target.storage)
    #expect(old.repositories.map { "new" + $0.dropFirst(3) } == new.repositories)
    for repository in old.repositories {
      let target = "new" + repository.dropFirst(3)
      #expect(old.tags(of: repository) == new.tags(of: target))
      for tag in old.tags(of: repository) {
        #expect(old.digest(of: repository, tag) == new.digest(of: target, tag), "\(repository):\(tag)")
      }
    }
    #expect(old.digests == new.digests)
  }
}
