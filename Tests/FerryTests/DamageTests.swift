import Foundation
import TestSupport
import Testing

/// An archive that was cut, flipped, reordered, robbed or added to is named as damaged, and nothing of it
/// becomes an image anywhere.
@Suite(.waiting) struct `A damaged archive` {
  private struct Damage {
    let name: String
    /// What verify has to say.
    var words: [String] = []
    /// Whether it is found only when the blobs are read.
    var isInBlob = false
    let make: (inout DamagedArchive) throws -> Void

    init(
      _ name: String, says words: [String] = [], isInBlob: Bool = false,
      make: @escaping (inout DamagedArchive) throws -> Void
    ) {
      (self.name, self.words, self.isInBlob, self.make) = (name, words, isInBlob, make)
    }
  }

  private let ferry: FerryProcess
  private let destination: RegistryProcess

  init() throws {
    ferry = try FerryProcess()
    destination = try RegistryProcess()
  }

  /// Both commands' verdicts on each damage.
  private func judge(_ damages: [Damage]) throws {
    for (number, damage) in damages.enumerated() {
      var archive = try DamagedArchive(of: FixtureArchive.small())
      try damage.make(&archive)
      let path = ferry.file("\(number).tar")
      try archive.write(to: path)
      let verified = try ferry.command(["verify", path]).run()
      #expect(verified.status == 14, "verify, \(damage.name): \(verified.standardOutput)")
      let said = verified.standardOutput + verified.standardError
      for word in damage.words { #expect(said.contains(word), "verify, \(damage.name): \(said)") }

      let imported = try ferry.command(
        ["import", path, "--plain-http", "--to", "\(destination.host)/d\(number)"]
      ).run()
      #expect(imported.status == 14, "import, \(damage.name): \(imported.standardError)")
      #expect(destination.storage.repositories == [], "import, \(damage.name)")
      unlink(path)
    }
    // What is damaged was told before anything moved, but for the blobs' content.
    if damages.allSatisfy({ !$0.isInBlob }) { #expect(destination.requests.isEmpty) }
  }

  @Test func `that was cut is truncated, wherever the cut is`() throws {
    let whole = try DamagedArchive(of: FixtureArchive.small())
    var places = [
      11, 100, 511, 512, 513, whole.endMarker, whole.endMarker + 1, whole.endMarker + 512,
      whole.bytes.count - 1,
    ]
    for entry in whole.entries where entry.path != "oci-layout" {
      places += [entry.header, entry.header + 256, entry.content, entry.content + entry.size / 2]
    }
    try judge(
      Set(places).sorted().map { place in
        Damage("cut at \(place)", says: ["truncated"]) { $0.cut(at: place) }
      })
  }

  @Test func `that is empty is no archive`() throws {
    try judge([Damage("empty", says: ["is not an archive"]) { $0.cut(at: 0) }])
    try judge([Damage("one byte", says: ["is not an archive"]) { $0.cut(at: 1) }])
  }

  @Test func `with one bit changed in a header, in padding or in its end is named`() throws {
    let whole = try DamagedArchive(of: FixtureArchive.small())
    var places: [(String, Int)] = []
    for entry in whole.entries {
      // The name, the mode, the size, the time, the checksum, the kind, the magic, and what no reader looks at.
      let fields = [0, 101, 130, 140, 150, 156, 258, 400, 511]
      let chosen = entry.path.hasPrefix("blobs/") ? [fields[entry.header / 512 % fields.count]] : fields
      places += chosen.map { ("\(entry.path), byte \($0) of its header", entry.header + $0) }
      if entry.next > entry.end { places.append(("\(entry.path), padding", entry.next - 1)) }
    }
    places += [("end marker", whole.endMarker), ("last byte", whole.bytes.count - 1)]
    try judge(places.map { name, place in Damage(name) { $0.flip(place, bit: 1) } })
  }

  @Test(arguments: ["index.json", "ferry.json", "manifest.json", "oci-layout"])
  func `with one bit changed in its own files is named`(file: String) throws {
    let entry = try DamagedArchive(of: FixtureArchive.small()).entry(file)
    let places = stride(from: 0, to: entry.size, by: max(1, entry.size / 12))
    try judge(
      places.map { place in
        Damage("\(file), byte \(place)") { $0.flip(entry.content + place, bit: UInt8(place % 7)) }
      })
  }

  @Test func `with one bit changed in a blob of any kind is named by its digest`() throws {
    let whole = try DamagedArchive(of: FixtureArchive.small())
    let blobs = whole.entries.filter { $0.path.hasPrefix("blobs/") }
    try judge(
      blobs.enumerated().map { number, entry in
        let place = entry.content + [0, entry.size / 2, entry.size - 1][number % 3]
        return Damage(
          entry.path, says: ["damaged", String(entry.path.suffix(64)), "hurts"], isInBlob: true
        ) { $0.flip(place, bit: 4) }
      })
  }

  @Test func `is none where its entries alone were moved, as tools do that write the same headers`() throws {
    let whole = try DamagedArchive(of: FixtureArchive.small())
    let blobs = whole.entries.filter { $0.path.hasPrefix("blobs/") }
    let (first, last) = (blobs[0], blobs[blobs.count - 1])
    for pair in [
      (first, last), (blobs[blobs.count - 2], last),
      try (whole.entry("index.json"), whole.entry("ferry.json")),
    ] {
      var archive = whole
      archive.swap(pair.0, pair.1)
      try archive.write(to: ferry.file("a.tar"))
      for way in ["$ferry verify a.tar", "cat a.tar | $ferry verify -"] {
        let verified = try Pipeline(ferry: ferry).run(way)
        #expect(verified.status == 0, "\(pair.0.path) \(pair.1.path) \(way): \(verified.standardOutput)")
        #expect(verified.standardOutput.contains("repacked by another tool"))
      }
    }
  }

  @Test func `whose entries were doubled, added or taken is named`() throws {
    let whole = try DamagedArchive(of: FixtureArchive.small())
    let blobs = whole.entries.filter { $0.path.hasPrefix("blobs/") }
    let (first, last) = (blobs[0], blobs[blobs.count - 1])
    let index = try whole.entry("index.json")
    try judge([
      Damage("a manifest twice") { $0.append(first) },
      Damage("a layer twice") { $0.append(last) },
      Damage("index.json twice") { $0.append(index) },
      Damage("a file that belongs to nothing") { $0.append(index, as: "notes.txt") },
      Damage("a path outside") { $0.append(index, as: "../notes.txt") },
      Damage("an unannounced file") { $0.append(index, as: "ferry/notes.txt") },
      Damage("bytes after the end") { $0.appendBytes([UInt8](repeating: 7, count: 512)) },
    ])
    try judge(blobs.map { entry in Damage("\(entry.path) gone", says: ["missing"]) { $0.drop(entry) } })
    let stranger = "blobs/sha256/\(String(repeating: "ab", count: 32))"
    try judge([Damage("a blob of no image") { $0.append(first, as: stranger) }])
  }

  @Test func `names the images it hurts, and no others`() throws {
    let source = try RegistryProcess.fixtures()
    var archive = try DamagedArchive(of: FixtureArchive.small())
    let digest = try FixtureImages.digest(of: "odd/pretty:1")
    try archive.flip(archive.blob(digest).content + 3)
    try archive.write(to: ferry.file("a.tar"))
    let result = try ferry.run(["verify", "a.tar"], exits: 14)
    #expect(result.standardOutput.contains("hurts \(source.reference("odd/pretty:1"))\n"))
    let report = try Report(ferry.run(["verify", "a.tar", "--json"], exits: 14))
    let problems = report.objects("archives")[0]["problems"] as? [[String: Any]]
    #expect(problems?.first?["images"] as? [String] == [source.reference("odd/pretty:1")])
  }

  @Test func `of another digest than the expected one is refused`() throws {
    let archive = try FixtureArchive.small()
    let wrong = BlobDigest.of([1])
    try ferry.run(["verify", archive, "--expect", wrong], exits: 14).complains("not \(wrong)")
    try ferry.run(
      ["import", archive, "--expect", wrong, "--plain-http", "--to", "\(destination.host)/new"], exits: 14
    ).complains("not \(wrong)")
    #expect(destination.requests.isEmpty)
    try ferry.run(["verify", archive, "--expect", "sha256:12"], exits: 64)
  }
}
