import Digests
import Files
import Foundation
import Images
import Layouts
import TestSupport
import Testing

struct `An archive in volumes` {
  let scratch: ScratchDirectory
  let images: [TestImage]

  init() throws {
    scratch = try ScratchDirectory()
    images = try TestArchive.images()
  }

  /// Sizes at the edges of everything, and some at random.
  static let sizes: [Int64] = {
    var random = SeededGenerator(seed: 5)
    return [500, 512, 513, 1024, 4096, 20_000, 1 << 20]
      + (0..<12).map { _ in Int64.random(in: 300...12_000, using: &random) }
  }()

  @Test(arguments: sizes) func `is the same bytes as in one file, and is read as well`(size: Int64) throws {
    try TestArchive.write(images, to: scratch("one.tar"))
    try TestVolumes.write(images, to: scratch("set.tar"), size: size)
    let whole = try scratch.read("one.tar")
    let names = TestVolumes.names(of: scratch("set.tar"))
    #expect(try names.flatMap { try TestVolumes.bytes($0) } == whole)
    #expect(try scratch.names.filter { $0.hasSuffix(".partial") || $0.hasSuffix(".journal") } == [])
    let one = try Layout.open(scratch("one.tar"))
    let set = try TestVolumes.open([scratch("set.tar.001")])
    #expect(set.problems == [])
    #expect(set.archiveDigest == one.archiveDigest)
    #expect(set.images == one.images)
    #expect(set.blobs == one.blobs)
    #expect(set.volumes.map(\.size) == ArchivePlace("", volumeSize: size).sizes(for: Int64(whole.count)))
    #expect(set.volumes.allSatisfy { $0.state == .present })
  }

  @Test(arguments: sizes.filter { $0 < 5000 }) func `names each volume that is missing or cut`(size: Int64)
    throws
  {
    try TestVolumes.write(images, to: scratch("set.tar"), size: size)
    let names = TestVolumes.names(of: scratch("set.tar"))
    for name in names {
      let bytes = try TestVolumes.bytes(name)
      try FileManager.default.removeItem(atPath: name)
      #expect(try TestVolumes.accused([scratch("set.tar")]) == [name])
      for left in [bytes.count - 1, bytes.count / 2] {
        try Data(bytes.prefix(left)).write(to: URL(fileURLWithPath: name))
        #expect(try TestVolumes.accused([scratch("set.tar")]) == [name], "\(left) of \(bytes.count)")
      }
      try Data(bytes + [0]).write(to: URL(fileURLWithPath: name))
      #expect(try TestVolumes.accused([scratch("set.tar")]) == [name])
      try Data(bytes).write(to: URL(fileURLWithPath: name))
    }
    #expect(try TestVolumes.accused([scratch("set.tar")]) == [])
  }

  @Test func `may have been cut by another tool into pieces of any sizes`() throws {
    try TestArchive.write(images, to: scratch("one.tar"))
    let whole = try scratch.read("one.tar")
    for (number, piece) in [whole[..<700], whole[700..<9000], whole[9000...]].enumerated() {
      try scratch.write(Array(piece), to: "set.tar.00\(number + 1)")
    }
    let set = try TestVolumes.open([scratch("set.tar")])
    #expect(set.problems == [] && set.volumes.map(\.size) == [700, 8300, Int64(whole.count - 9000)])
    // What is no longer as Ferry wrote it is not.
    for last in [whole[9000...] + [0], whole[9000...].dropLast()] {
      try scratch.write(Array(last), to: "set.tar.003")
      let found = Result { try TestVolumes.open([scratch("set.tar")]).problems }
      #expect((try? found.get()) != [])
    }
  }

  @Test func `is none where the pieces are numbered from zero on, however small one is`() throws {
    try TestArchive.write(images, to: scratch("one.tar"))
    let whole = try scratch.read("one.tar")
    for (number, piece) in [whole[..<4000], whole[4000..<4010], whole[4010...]].enumerated() {
      try scratch.write(Array(piece), to: "set.tar.00\(number)")
    }
    let error = #expect(throws: LayoutError.self) { try TestVolumes.open([scratch("set.tar.001")]) }
    guard case .cutFile(scratch("set.tar.001"), _, _, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func `reads all blobs but those in a missing volume, and says in which they should be`() throws {
    try TestVolumes.write(images, to: scratch("set.tar"), size: 2000)
    let whole = try TestVolumes.open([scratch("set.tar")])
    let names = TestVolumes.names(of: scratch("set.tar"))
    var lost = 0
    for (index, name) in names.enumerated().dropFirst(3) {
      let bytes = try TestVolumes.bytes(name)
      try FileManager.default.removeItem(atPath: name)
      guard let layout = try? TestVolumes.open([scratch("set.tar")]) else { continue }
      let range = Int64(index) * 2000..<Int64(index) * 2000 + Int64(bytes.count)
      let gone = whole.blobs.filter { $0.value.range.overlaps(range) }
      if layout.manifestsAreThere {
        #expect(Set(layout.blobs.keys) == Set(whole.blobs.keys).subtracting(gone.keys))
        lost += gone.count
      }
      for problem in layout.problems {
        guard case .missing(let descriptor) = problem else { continue }
        #expect(layout.volumes(of: problem).map(\.path) == [name])
        #expect(gone[descriptor.digest] != nil)
      }
      try Data(bytes).write(to: URL(fileURLWithPath: name))
    }
    #expect(lost > 3)
  }

  @Test func `knows volumes that were exchanged, and which is which`() throws {
    try TestVolumes.write(images, to: scratch("set.tar"), size: 4096)
    let names = TestVolumes.names(of: scratch("set.tar"))
    let contents = try names.map { try TestVolumes.bytes($0) }
    var told = 0
    for one in names.indices.dropFirst(3) {
      for other in names.indices.dropFirst(3) where other > one {
        try Data(contents[other]).write(to: URL(fileURLWithPath: names[one]))
        try Data(contents[one]).write(to: URL(fileURLWithPath: names[other]))
        let layout = try TestVolumes.open([scratch("set.tar")])
        #expect(layout.problems != [], "\(one) and \(other)")
        for (here, there) in [(one, other), (other, one)] {
          guard case .foreign(let holds) = layout.volumes[here].state else { continue }
          told += 1
          #expect(holds == nil || holds == there + 1)
        }
        for (index, volume) in layout.volumes.enumerated() where index != one && index != other {
          #expect(volume.state == .present)
        }
        try Data(contents[one]).write(to: URL(fileURLWithPath: names[one]))
        try Data(contents[other]).write(to: URL(fileURLWithPath: names[other]))
      }
    }
    #expect(told > 0)
  }

  @Test func `knows volumes that stand behind its end`() throws {
    try TestVolumes.write(images, to: scratch("set.tar"), size: 4096)
    let names = TestVolumes.names(of: scratch("set.tar"))
    let surplus = scratch("set.tar.00\(names.count + 1)")
    try Data(try TestVolumes.bytes(names[0])).write(to: URL(fileURLWithPath: surplus))
    let layout = try TestVolumes.open([scratch("set.tar")])
    #expect(layout.problems == [.surplusVolume(path: surplus)])
  }

  /// Whatever was done to the files: it is told, or there is nothing to tell.
  @Test(arguments: 0..<30) func `never passes for whole when it is not`(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let size = Int64.random(in: 600...9000, using: &random)
    try TestVolumes.write(images, to: scratch("set.tar"), size: size)
    let names = TestVolumes.names(of: scratch("set.tar"))
    let whole = try TestVolumes.open([names[0]])
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let name = scratch("set.tar.00\(Int.random(in: 1...9, using: &random))")
      switch Int.random(in: 0..<5, using: &random) {
      case 0: try? FileManager.default.removeItem(atPath: name)
      case 1: truncate(name, off_t(Int.random(in: 0...1 << 42, using: &random)))
      case 2: try scratch.write(random.bytes(Int.random(in: 0...20_000, using: &random)), to: "set.tar.003")
      case 3: rename(name, scratch("set.tar.\(Int.random(in: 1000...9999, using: &random))"))
      default:
        guard let bytes = try? TestVolumes.bytes(names[1]) else { continue }
        try Data(random.mutate(bytes)).write(to: URL(fileURLWithPath: names[1]))
      }
    }
    guard let input = try ArchiveInput.group([scratch("set.tar")]).first, let layout = try? Layout.open(input)
    else { return }
    let isSame =
      try TestVolumes.names(of: scratch("set.tar")) == names
      && names.map { try DataFile.open(reading: $0).size() } == whole.volumes.map(\.size)
    #expect(layout.problems != [] || isSame)
    for (digest, _) in layout.blobs {
      var byte: [UInt8] = [0]
      #expect(throws: Never.self) {
        try byte.withUnsafeMutableBytes { try layout.read(digest, into: $0, at: 0) }
      }
    }
    for problem in layout.problems { _ = layout.volumes(of: problem) }
  }

  @Test(arguments: [700, 4096, 9000] as [Int64])
  func `gets back any one volume, byte for byte`(size: Int64) throws {
    try TestVolumes.write(images, to: scratch("set.tar"), size: size)
    let names = TestVolumes.names(of: scratch("set.tar"))
    let plan = try ArchivePlan(images)
    let blobs = Dictionary(images.flatMap(\.blobs).map { (Digest(of: $0), $0) }) { first, _ in first }
    for (index, name) in names.enumerated() {
      let bytes = try TestVolumes.bytes(name)
      let place = ArchivePlace(scratch("set.tar"), volumeSize: size)
      #expect(throws: LayoutError.exists(path: name)) {
        try VolumeWriter.open(plan: plan, place: place, numbers: [index + 1], replacing: false)
      }
      try FileManager.default.removeItem(atPath: name)
      let writer = try VolumeWriter.open(plan: plan, place: place, numbers: [index + 1], replacing: false)
      #expect(throws: LayoutError.locked(path: scratch("set.tar.partial"), pid: getpid())) {
        try ArchiveWriter.open(plan: plan, to: place, replacing: true)
      }
      for (number, blob) in writer.blobs.enumerated() {
        #expect(throws: LayoutError.incomplete(writer.blobs[number...].map(\.digest))) { try writer.finish() }
        let content = try #require(blobs[blob.digest])
        #expect(throws: DigestError.short(expected: blob.size, received: 0)) {
          try writer.begin(blob.digest).finish()
        }
        var entry = try writer.begin(blob.digest)
        try entry.write(content)
        try entry.finish()
      }
      try writer.finish()
      #expect(try TestVolumes.bytes(name) == bytes)
    }
    #expect(try scratch.names.count == names.count)
  }
}

extension BlobExtent {
  fileprivate var range: Range<Int64> { offset..<offset + size }
}

extension Layout {
  /// Whether its images can all be followed.
  fileprivate var manifestsAreThere: Bool { images.allSatisfy { (try? tree(of: $0)) != nil } }
}
