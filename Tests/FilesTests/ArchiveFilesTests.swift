import Files
import Foundation
import TestSupport
import Testing

struct `An unfinished archive's files` {
  let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  private func place(_ volumeSize: Int64?) -> ArchivePlace {
    ArchivePlace(scratch("a.tar"), volumeSize: volumeSize)
  }

  /// The same writes and reads as to bytes in memory.
  @Test(arguments: 0..<40) func `are read and written as one`(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let total = Int.random(in: 1...5000, using: &random)
    // Also more volumes than are open at a time.
    let size: Int64? = seed % 8 == 0 ? nil : Int64.random(in: 1...Int64(total) + 10, using: &random)
    guard place(size).count(for: Int64(total)) <= 1500 else { return }
    let files = try ArchiveFiles(place(size))
    try files.reserve(Int64(total))
    #expect(try files.size() == Int64(total))
    var model = [UInt8](repeating: 0, count: total)
    for _ in 0..<60 {
      let start = Int.random(in: 0..<total, using: &random)
      let bytes = random.bytes(Int.random(in: 0...total - start, using: &random))
      try files.write(bytes.span.bytes, at: Int64(start))
      files.startWriteback(offset: Int64(start), count: Int64(bytes.count))
      model.replaceSubrange(start..<start + bytes.count, with: bytes)
      let from = Int.random(in: 0...total, using: &random)
      let count = Int.random(in: 0...total, using: &random)
      #expect(try files.read(count, at: Int64(from)) == Array(model[from...].prefix(count)))
    }
    try files.synchronize(Int64(total))
    try files.publish(Int64(total))
    let paths = place(size).paths(for: Int64(total))
    #expect(try scratch.names.map { scratch($0) } == paths)
    let joined = try paths.flatMap { try [UInt8](Data(contentsOf: URL(fileURLWithPath: $0))) }
    #expect(joined == model)
    #expect(try paths.map { try DataFile.open(reading: $0).size() } == place(size).sizes(for: Int64(total)))
  }

  @Test func `grow and shrink with what they are to hold`() throws {
    let files = try ArchiveFiles(place(10))
    try files.reserve(45)
    try files.write(([1, 2, 3] as [UInt8]).span.bytes, at: 38)
    #expect(try scratch.names == (1...5).map { "a.tar.00\($0).partial" })
    try files.reserve(15)
    #expect(try scratch.names == ["a.tar.001.partial", "a.tar.002.partial"])
    try files.reserve(45)
    #expect(try files.read(45, at: 0) == [UInt8](repeating: 0, count: 45))
    try files.clear()
    #expect(try scratch.names == [])
    #expect(try files.size() == 0)
  }

  @Test func `take the place of former ones, and of no others`() throws {
    let former = try [1, 2, 3, 7].map { try scratch.write([9], to: "a.tar.00\($0)") }
    let files = try ArchiveFiles(place(10))
    try files.reserve(15)
    for others in [[], Array(former[1...])] {
      #expect(throws: FileError.exists(path: scratch("a.tar.001"))) {
        try files.publish(15, replacing: others)
      }
      #expect(try scratch.names.count == 6)
    }
    try files.publish(15, replacing: Array(former[..<3]))
    #expect(try scratch.names == ["a.tar.001", "a.tar.002", "a.tar.007"])
    #expect(try scratch.read("a.tar.007") == [9])
  }

  @Test func `go where one file was only when that is the former one`() throws {
    let file = try ArchiveFiles(place(nil))
    try scratch.write([9], to: "a.tar")
    for others in [[], [scratch("b.tar")]] {
      #expect(throws: FileError.exists(path: scratch("a.tar"))) { try file.publish(0, replacing: others) }
    }
    #expect(try scratch.read("a.tar") == [9])
    try file.publish(0, replacing: [scratch("a.tar")])
    #expect(try scratch.names == ["a.tar"])
    #expect(try scratch.read("a.tar") == [])
  }

  @Test func `get their names back that a killed run had given`() throws {
    let files = try ArchiveFiles(place(10))
    try files.reserve(25)
    try files.write(([7] as [UInt8]).span.bytes, at: 3)
    try FileManager.default.moveItem(atPath: scratch("a.tar.001.partial"), toPath: scratch("a.tar.001"))
    // A volume of a former archive, which was to be replaced.
    try scratch.write([9], to: "a.tar.002")
    let next = try ArchiveFiles(place(10))
    try next.unpublish(3)
    #expect(
      try scratch.names == ["a.tar.001.partial", "a.tar.002", "a.tar.002.partial", "a.tar.003.partial"])
    #expect(try next.read(1, at: 3) == [7])
    try next.publish(25, replacing: [scratch("a.tar.002")])
    #expect(try scratch.names == ["a.tar.001", "a.tar.002", "a.tar.003"])
    #expect(try scratch.read("a.tar.002").count == 10)
  }

  @Test func `are refused when there would be too many`() throws {
    let files = try ArchiveFiles(place(1))
    #expect(throws: FileError.tooManyVolumes(path: scratch("a.tar"), limit: VolumeName.most)) {
      try files.reserve(10_000)
    }
    #expect(try scratch.names == [])
  }

  @Test func `are not written on in a file that took another's name`() throws {
    let files = try ArchiveFiles(place(1))
    try files.reserve(40)
    try files.write([UInt8](repeating: 7, count: 40).span.bytes, at: 0)
    try scratch.write([9], to: "new")
    try FileManager.default.removeItem(atPath: scratch("a.tar.001.partial"))
    try FileManager.default.moveItem(atPath: scratch("new"), toPath: scratch("a.tar.001.partial"))
    #expect(throws: FileError.exchanged(path: scratch("a.tar.001.partial"))) { try files.read(1, at: 0) }
    #expect(try files.read(1, at: 39) == [7])
  }
}
