import Foundation
import Glibc
import TestSupport
import Testing

@testable import Files

@Suite(.waiting) struct `Joined content` {
  let directory: TemporaryDirectory

  init() { directory = TemporaryDirectory() }

  /// Files and bytes by turns, of these sizes.
  private func parts(_ sizes: [Int], of bytes: [UInt8]) throws -> [JoinedContent.Part] {
    var start = 0
    return try sizes.enumerated().map { number, size in
      let piece = Array(bytes[start..<(start + size)])
      start += size
      guard number.isMultiple(of: 2) else { return .bytes(piece) }
      let path = directory.file("part-\(number)")
      try Data(piece).write(to: URL(fileURLWithPath: path))
      return .file(path: path, size: Int64(size))
    }
  }

  @Test(arguments: [[1], [5, 5], [0, 3, 0, 0, 9], [4, 0], Array(repeating: 2, count: 150)])
  func `reads from any place as its parts laid end to end`(_ sizes: [Int]) throws {
    let bytes = (0..<sizes.reduce(0, +)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
    let joined = try JoinedContent(try parts(sizes, of: bytes), path: "all")
    #expect(joined.size() == Int64(bytes.count))
    for start in 0...bytes.count {
      for count in [0, 1, 3, bytes.count] {
        #expect(try joined.read(count, at: Int64(start)) == Array(bytes[start...].prefix(count)))
      }
    }
    #expect(try joined.read(1, at: Int64(bytes.count) + 5).isEmpty)
  }

  @Test func `says which part is not there, and reads the others`() throws {
    let joined = try JoinedContent(
      [.bytes([1, 2]), .missing(path: "second", size: 3), .bytes([6])], path: "all")
    #expect(try joined.read(2, at: 0) == [1, 2])
    #expect(try joined.read(1, at: 5) == [6])
    #expect(throws: FileError.absent(path: "second")) { try joined.read(2, at: 1) }
  }

  @Test func `says which file has become shorter`() throws {
    let part = try parts([4], of: [1, 2, 3, 4])
    let joined = try JoinedContent(part, path: "all")
    try Data([1]).write(to: URL(fileURLWithPath: directory.file("part-0")))
    #expect(throws: FileError.shrunk(path: directory.file("part-0"))) { try joined.read(4, at: 0) }
  }

  @Test func `has no more bytes than a size can tell`() {
    #expect(throws: FileError.oversized(2)) {
      try JoinedContent(
        [.missing(path: "a", size: .max), .missing(path: "b", size: 2)], path: "all")
    }
  }

  @Test func `keeps few of its files open, however many they are`() throws {
    let bytes = (0..<400).map { UInt8(truncatingIfNeeded: $0) }
    let parts = bytes.enumerated().map { number, byte in
      JoinedContent.Part.file(path: directory.write([byte], to: "v\(number)"), size: 1)
    }
    let joined = try JoinedContent(parts, path: "all")
    for _ in 0..<2 {
      #expect(try joined.read(400, at: 0) == bytes)
      let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        .compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)") }
        .filter { $0.hasPrefix(directory.path + "/") }
      #expect((1...OpenFiles.most).contains(open.count))
    }
  }

  @Test func `is not read on in a file that took another's name`() throws {
    let parts = (0..<40).map { number in
      JoinedContent.Part.file(path: directory.write([UInt8(number)], to: "v\(number)"), size: 1)
    }
    let joined = try JoinedContent(parts, path: "all")
    _ = try joined.read(40, at: 0)
    directory.write([0], to: "new")
    try Data([0]).write(to: URL(fileURLWithPath: directory.file("new")))
    #expect(rename(directory.file("new"), directory.file("v0")) == 0)
    #expect(throws: FileError.exchanged(path: directory.file("v0"))) { try joined.read(1, at: 0) }
    #expect(try joined.read(39, at: 1) == Array(1..<40))
  }

  /// FAT and some network file systems number a file anew once it was closed for a while.
  @Test func `is read on in a file that was numbered anew and is the same otherwise`() throws {
    let file = directory.write([1], to: "file")
    try Command.run("cp", ["-p", file, directory.file("same")])
    directory.write([1, 2], to: "longer")
    let known = try DataFile.open(reading: file).status()
    func isSame(_ name: String, areWritten: Bool = false, losesInodes: Bool = true) throws -> Bool {
      let status = try DataFile.open(reading: directory.file(name)).status()
      return OpenFiles.isSame(status, as: known, areWritten: areWritten, losesInodes: losesInodes)
    }
    #expect(try isSame("same"))
    #expect(try !isSame("same", losesInodes: false))
    #expect(try isSame("file", losesInodes: false))
    #expect(try !isSame("longer"))
    #expect(try isSame("longer", areWritten: true))
    directory.write([], to: "same")
    #expect(try !isSame("same", areWritten: true))
  }
}
