import Foundation
import Layouts
import TestSupport
import Testing

/// Which files make up an archive in volumes.
struct `The volumes of an archive` {
  let scratch: ScratchDirectory
  let images: [TestImage]

  init() throws {
    scratch = try ScratchDirectory()
    images = try TestArchive.images()
  }

  @Test func `are found from any volume, in any order, over several directories`() throws {
    try TestVolumes.write(images, to: scratch("set.tar"), size: 3000)
    let names = TestVolumes.names(of: scratch("set.tar"))
    for directory in ["a", "b", "c"] {
      try FileManager.default.createDirectory(atPath: scratch(directory), withIntermediateDirectories: true)
    }
    let moved = try names.enumerated().map { index, name -> String in
      let path = scratch("\(["a", "b", "c"][index % 3])/\(name.split(separator: "/").last ?? "")")
      try FileManager.default.moveItem(atPath: name, toPath: path)
      return path
    }
    let directories = [scratch("a"), scratch("b") + "/", scratch("c")]
    for arguments in [
      moved, moved.reversed(), directories, directories.reversed(), [moved[3], moved[1], moved[2]],
    ] {
      let layout = try TestVolumes.open(arguments)
      #expect(layout.problems == [])
      #expect(layout.volumes.map(\.path) == moved.map { $0 })
    }
    // One place does not do.
    #expect(try TestVolumes.accused([moved[0]]).first == scratch("a/set.tar.002"))
  }

  @Test func `are kept apart from copies, and taken once where they are there twice`() throws {
    try TestVolumes.write(images, to: scratch("set.tar"), size: 3000)
    let names = TestVolumes.names(of: scratch("set.tar"))
    try FileManager.default.createDirectory(atPath: scratch("copy"), withIntermediateDirectories: true)
    let copies = try names.map { name -> String in
      let path = scratch("copy/\(name.split(separator: "/").last ?? "")")
      try FileManager.default.copyItem(atPath: name, toPath: path)
      return path
    }
    #expect(
      try ArchiveInput.group([names[0], copies[0]]).map(\.path) == [
        scratch("set.tar"), scratch("copy/set.tar"),
      ])
    try FileManager.default.removeItem(atPath: names[1])
    #expect(try TestVolumes.open([names[0], copies[0]]).problems == [])
    try Data([1]).write(to: URL(fileURLWithPath: copies[2]))
    #expect(throws: LayoutError.volumeTwice(names[2], copies[2])) {
      try ArchiveInput.group([names[0], copies[0]])
    }
  }

  @Test func `are taken without what Ferry lays beside them, where both are named`() throws {
    try TestVolumes.write(images, to: scratch("set.tar"), size: 3000)
    try TestArchive.write(images, to: scratch("one.tar"))
    let endings = [
      "sha256", "digest", "digest.minisig", "import-journal", "import-journal.2of3",
    ]
    for archive in ["set.tar", "one.tar"] {
      for ending in endings { try scratch.write([1], to: "\(archive).\(ending)") }
    }
    // As a shell gives them, or anybody else.
    let names = try scratch.names.map { scratch($0) }
    for arguments in [names, names.reversed()] {
      #expect(
        Set(try ArchiveInput.group(arguments).map(\.path)) == [scratch("one.tar"), scratch("set.tar")])
    }
    #expect(try ArchiveInput.group([scratch.path]).map(\.path) == [scratch("one.tar"), scratch("set.tar")])
    // What is named without its archive, or is something else, is not passed over.
    for ending in endings {
      let path = scratch("set.tar.\(ending)")
      #expect(try ArchiveInput.group([path, scratch("one.tar")]).first == ArchiveInput(path))
    }
    for ending in ["sha512", "minisig", "import-journal.3", "partial"] {
      let path = try scratch.write([1], to: "set.tar.\(ending)")
      #expect(try ArchiveInput.group([scratch("set.tar.001"), path]).last == ArchiveInput(path))
    }
  }

  @Test func `are told from files whose names end in digits, and from directories of archives`() throws {
    try TestArchive.write(images, to: scratch("backup.2024"))
    try TestArchive.write(images, to: scratch("one.tar"))
    #expect(try TestVolumes.open([scratch("backup.2024")]).problems == [])
    #expect(try TestVolumes.open([scratch("backup.2024")]).volumes.isEmpty)
    try TestVolumes.write(images, to: scratch("set.tar"), size: 3000)
    try FileManager.default.removeItem(atPath: scratch("backup.2024"))
    #expect(try ArchiveInput.group([scratch.path]).map(\.path) == [scratch("one.tar"), scratch("set.tar")])
    try FileManager.default.createDirectory(atPath: scratch("empty"), withIntermediateDirectories: true)
    #expect(throws: LayoutError.noArchive(directory: scratch("empty"))) {
      try ArchiveInput.group([scratch("empty")])
    }
    try TestArchive.write(images, to: scratch("empty/oci-layout"))
    #expect(try ArchiveInput.group([scratch("empty")]) == [ArchiveInput(scratch("empty"))])
  }
}
