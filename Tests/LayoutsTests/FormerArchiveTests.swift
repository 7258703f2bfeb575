import Digests
import Files
import Foundation
import Images
import TestSupport
import Testing
@testable import Layouts

/// What lies where an archive is to be written.
struct `What an archive takes the place of` {
  let scratch: ScratchDirectory
  let images: [TestImage]
  /// Of the archive that is to be written.
  let plan: ArchivePlan
  static let size: Int64 = 3000

  init() throws {
    scratch = try ScratchDirectory()
    images = try TestArchive.images()
    plan = try ArchivePlan(images)
  }

  private var place: ArchivePlace { ArchivePlace(scratch("a.tar")) }
  private var volumes: ArchivePlace { ArchivePlace(scratch("a.tar"), volumeSize: Self.size) }

  private func refusal(_ place: ArchivePlace, numbers: [Int]? = nil) -> String? {
    do throws(LayoutError) {
      let files = try FormerArchive.files(at: place, for: plan, numbers: numbers)
      if numbers == nil { #expect(files == place.existing) }
      return nil
    } catch {
      guard case .archive(.foreign(let path, _)) = error else { return "\(error)" }
      return path.split(separator: "/").last.map(String.init)
    }
  }

  /// Another archive of Ferry's in one file, as bytes.
  private func other() throws -> [UInt8] {
    try TestArchive.write([images[0]], to: scratch("other.tar"))
    defer { try? FileManager.default.removeItem(atPath: scratch("other.tar")) }
    return try scratch.read("other.tar")
  }

  @Test func `is an archive of Ferry's, whatever has happened to it`() throws {
    let whole = try other()
    for end in [whole.count, whole.count - 1, whole.count / 2, 4096, 1700] {
      try scratch.write(Array(whole[..<end]), to: "a.tar")
      #expect(refusal(place) == nil, "\(end) bytes")
    }
    // Anywhere but in what says whose it is.
    for offset in Array(stride(from: 0, to: 1536, by: 31))
      + Array(stride(from: 1700, to: whole.count, by: 97))
    {
      var damaged = whole
      damaged[offset] ^= 1
      try scratch.write(damaged, to: "a.tar")
      #expect(refusal(place) == nil, "byte \(offset)")
    }
    // As mktemp makes it, or a copy for which there was no room.
    try scratch.write([], to: "a.tar")
    #expect(refusal(place) == nil)
  }

  @Test func `is no file of anybody else`() throws {
    let whole = try other()
    var cases: [(name: String, content: [UInt8])] = [
      ("text", Array("the thesis".utf8)), ("zeros", [UInt8](repeating: 0, count: 10_240)),
      ("too little to tell", Array(whole[..<1000])), ("behind notes", Array("notes".utf8) + whole),
      ("before notes", whole + Array("notes".utf8)), ("before another", whole + whole),
    ]
    let tar = try TestArchive.tar([TestArchive.Entry(name: "notes", bytes: [1])], to: scratch, "tar")
    cases.append(("another tar", try TestVolumes.bytes(tar)))
    // What another tool writes of the same image.
    var entries = try TestArchive.entries(of: try scratch.write(whole, to: "whole"))
    entries.removeAll { $0.name == "ferry.json" }
    for index in entries.indices where entries[index].name == "index.json" {
      let text = String(decoding: entries[index].bytes, as: UTF8.self)
      entries[index].bytes = Array(text.replacing(/"annotations":\{"org.ferry[^}]*\},/, with: "").utf8)
    }
    cases.append(("a layout", try TestVolumes.bytes(TestArchive.tar(entries, to: scratch, "layout"))))
    // Ferry's with something else in it.
    entries = try TestArchive.entries(of: scratch("whole"))
    let more = entries + [TestArchive.Entry(name: "notes", bytes: [1])]
    cases.append(("more files", try TestVolumes.bytes(TestArchive.tar(more, to: scratch, "more"))))
    for (name, content) in cases {
      try scratch.write(content, to: "a.tar")
      #expect(refusal(place) == "a.tar", "\(name)")
    }
    // Packed again as it was, it is Ferry's.
    try scratch.write(TestVolumes.bytes(TestArchive.tar(entries, to: scratch, "again")), to: "a.tar")
    #expect(refusal(place) == nil)

    try scratch.write(whole, to: "own.tar")
    try FileManager.default.removeItem(atPath: scratch("a.tar"))
    try FileManager.default.createSymbolicLink(atPath: scratch("a.tar"), withDestinationPath: "own.tar")
    #expect(refusal(place) == "a.tar")
  }

  @Test(arguments: [3000, 2000] as [Int64])
  func `is volumes of Ferry's, all of them or some`(size: Int64) throws {
    try TestVolumes.write([images[2]], to: scratch("a.tar"), size: size)
    let names = TestVolumes.names(of: scratch("a.tar"))
    #expect(refusal(volumes) == nil)
    // What the archive is stands in the volumes before.
    let plan = try ArchivePlan([images[2]])
    let last = try #require(plan.manifests.last.flatMap { plan.extent(of: $0.digest) })
    let behind = names.dropFirst(Int((last.offset + last.size) / size) + 1)
    #expect(behind.count > 1)
    for name in behind {
      let bytes = try TestVolumes.bytes(name)
      try FileManager.default.removeItem(atPath: name)
      #expect(refusal(volumes) == nil, "without \(name)")
      try Data(bytes).write(to: URL(fileURLWithPath: name))
    }
    // The first one alone says that it is Ferry's, as far as it goes.
    for name in names.dropFirst() { try FileManager.default.removeItem(atPath: name) }
    try Data(TestVolumes.bytes(names[0]).prefix(1700)).write(to: URL(fileURLWithPath: names[0]))
    #expect(refusal(volumes) == nil)
  }

  @Test func `is volumes of the archive itself, also without the first or with a damaged one`() throws {
    try TestVolumes.write(images, to: scratch("a.tar"), size: Self.size)
    let names = TestVolumes.names(of: scratch("a.tar"))
    let first = try TestVolumes.bytes(names[0])
    try Data(first.prefix(1700)).write(to: URL(fileURLWithPath: names[0]))
    #expect(refusal(volumes) == nil)
    try FileManager.default.removeItem(atPath: names[0])
    #expect(refusal(volumes) == nil)
    try Data(first).write(to: URL(fileURLWithPath: names[0]))
    try FileManager.default.removeItem(atPath: names[1])
    try FileManager.default.moveItem(atPath: names[2], toPath: names[1])
    #expect(refusal(volumes) == nil, "exchanged")
  }

  @Test(arguments: ["a.tar.099", "a.tar.0007", "a.tar.0001", "next", "within"])
  func `is no file that is called like a volume`(name: String) throws {
    try TestVolumes.write([images[2]], to: scratch("a.tar"), size: Self.size)
    let names = TestVolumes.names(of: scratch("a.tar"))
    let other =
      switch name {
      case "next": "a.tar.00\(names.count + 1)"
      case "within": "a.tar.002"
      default: name
      }
    for content in [Array("notes".utf8), [UInt8](repeating: 0, count: Int(Self.size) * 3), [], [1]] {
      try scratch.write(content, to: other)
      #expect(refusal(volumes) == other, "\(content.count) bytes")
      #expect(refusal(volumes, numbers: [1]) == nil)
    }
    try FileManager.default.removeItem(atPath: scratch(other))
    try FileManager.default.createDirectory(atPath: scratch(other), withIntermediateDirectories: false)
    #expect(refusal(volumes) == other)
  }

  @Test func `is nothing that begins otherwise, whatever size it has`() throws {
    for number in 1...3 {
      try scratch.write([UInt8](repeating: 7, count: Int(Self.size)), to: "a.tar.00\(number)")
      #expect(refusal(volumes) == "a.tar.001")
    }
    try FileManager.default.removeItem(atPath: scratch("a.tar.001"))
    #expect(refusal(volumes) == "a.tar.002")
    // Single volumes are known by what is to be in them.
    #expect(refusal(volumes, numbers: [1, 4]) == nil)
    #expect(refusal(volumes, numbers: [2]) == "a.tar.002")
  }
}

/// What is called like the unfinished files of an archive.
struct `Files beside those of an earlier run` {
  let scratch: ScratchDirectory
  let images: [TestImage]
  static let notes = Array("notes".utf8)

  init() throws {
    scratch = try ScratchDirectory()
    images = try TestArchive.images()
  }

  private func open(_ size: Int64?, _ images: [TestImage], replacing: Bool) throws -> ArchiveWriter {
    try ArchiveWriter.open(
      plan: ArchivePlan(images), to: ArchivePlace(scratch("a.tar"), volumeSize: size), replacing: replacing,
      earlier: .kept)
  }

  @Test(arguments: [nil, 2000] as [Int64?], ["a.tar.099.partial", "a.tar.1000.partial"])
  func `stay, however the next run is to cut the archive`(size: Int64?, name: String) throws {
    _ = try open(2000, images, replacing: false)
    let before = try scratch.names
    try scratch.write(Self.notes, to: name)
    for replacing in [false, true] {
      #expect(throws: LayoutError.archive(.foreign(path: scratch(name), .content))) {
        try open(size, images, replacing: replacing)
      }
      #expect(try scratch.read(name) == Self.notes)
      #expect(try scratch.names == (before + [name]).sorted())
    }
    try FileManager.default.removeItem(atPath: scratch(name))
    let writer = try open(size, images, replacing: true)
    try TestVolumes.fill(writer, with: images)
    try writer.finish()
    #expect(try scratch.names.allSatisfy { !$0.contains("partial") })
  }

  @Test func `are removed where they are what a run left that came too late`() throws {
    for isTooMany in [true, false] {
      _ = try open(2000, images, replacing: false)
      let plan = try ArchivePlan(images)
      if isTooMany { try scratch.write(Self.notes, to: "a.tar.099.partial") }
      UnfinishedArchive.removeLeftovers(of: scratch("a.tar"), digest: plan.archiveDigest, plan: plan)
      #expect(try scratch.names.isEmpty != isTooMany)
      if isTooMany {
        #expect(try scratch.read("a.tar.099.partial") == Self.notes)
        try FileManager.default.removeItem(atPath: scratch("a.tar.099.partial"))
      }
    }
  }

  @Test func `are refused where no journal speaks of them, and taken for Ferry's only where they are`() throws
  {
    _ = try open(2000, images, replacing: false)
    try FileManager.default.removeItem(atPath: scratch("a.tar.partial.journal"))
    let last = try #require(ArchivePlace.partialVolumes(of: scratch("a.tar")).last?.path)
    let content = try TestVolumes.bytes(last)
    try Data(Self.notes).write(to: URL(fileURLWithPath: last))
    for wanted in [images, [images[0]]] {
      #expect(throws: LayoutError.archive(.foreign(path: last, .content))) {
        try open(2000, wanted, replacing: true)
      }
    }
    #expect(try TestVolumes.bytes(last) == Self.notes)
    try Data(content).write(to: URL(fileURLWithPath: last))
    _ = try open(2000, [images[0]], replacing: true)
  }
}
