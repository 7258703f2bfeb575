import Files
import Foundation
import TestSupport
import Testing

@testable import Tar

@Suite(.waiting) struct `A directory` {
  private let directory = TemporaryDirectory()

  private func make(_ folder: String) throws {
    try FileManager.default.createDirectory(
      atPath: directory.file(folder), withIntermediateDirectories: true)
  }

  @Test(arguments: ["", "/", "///"])
  func `is read as its files laid end to end, in the order of their names`(slashes: String) throws {
    try make("b/c")
    directory.write("third", to: "b/c/1")
    directory.write("first", to: "a")
    directory.write("", to: "b/0")
    directory.write("last", to: "z")
    let read = try DirectoryContent.read(directory.path + slashes)
    #expect(read.index.entries.map(\.path) == ["a", "b/0", "b/c/1", "z"])
    #expect(read.index.entries.map(\.offset) == [0, 5, 5, 10])
    #expect(try read.content.read(100, at: 0) == Array("firstthirdlast".utf8))
    #expect(read.index.end == .marker(at: 14) && read.index.fileSize == 14)
  }

  @Test func `leads nowhere else by symbolic links`() throws {
    let other = TemporaryDirectory()
    other.write("secret", to: "x")
    for (name, target) in [("file", other.file("x")), ("folder", other.path), ("loop", "."), ("gone", "no")] {
      try FileManager.default.createSymbolicLink(
        atPath: directory.file(name), withDestinationPath: target)
    }
    try Command.run("mkfifo", [directory.file("pipe")])
    let read = try DirectoryContent.read(directory.path)
    #expect(read.index.entries.map(\.path) == ["file", "folder", "gone", "loop", "pipe"])
    #expect(read.index.entries.allSatisfy { $0.kind == .other && $0.size == 0 })
    #expect(read.content.size() == 0)
  }

  @Test func `has a file in one place however many names it has there`() throws {
    let large = String(repeating: "l", count: 5000)
    try make("b")
    directory.write(large, to: "a")
    directory.write("small", to: "s")
    for name in ["b/hard", "c"] {
      try FileManager.default.linkItem(atPath: directory.file("a"), toPath: directory.file(name))
    }
    try FileManager.default.createSymbolicLink(
      atPath: directory.file("followed"), withDestinationPath: "b")
    let read = try DirectoryContent.read(directory.path) { $0 == "followed" }
    #expect(read.index.entries.map(\.path) == ["a", "b/hard", "c", "followed/hard", "s"])
    #expect(read.index.entries.map(\.offset) == [0, 0, 0, 0, 5000])
    #expect(read.index.entries.map(\.size) == [5000, 5000, 5000, 5000, 5])
    #expect(try read.content.read(6000, at: 0) == Array((large + "small").utf8))
  }

  @Test func `may be named by a symbolic link itself`() throws {
    try make("real")
    directory.write("x", to: "real/a")
    try FileManager.default.createSymbolicLink(
      atPath: directory.file("link"), withDestinationPath: "real")
    #expect(DataFile.isDirectory(directory.file("link")) && !DataFile.isDirectory(directory.file("real/a")))
    #expect(try DirectoryContent.read(directory.file("link")).index.entries.map(\.path) == ["a"])
  }

  @Test func `that is none is refused`() throws {
    let path = directory.write("x", to: "a")
    #expect(throws: TarError.file(.file(.open, path: path, code: ENOTDIR))) {
      try DirectoryContent.read(path)
    }
    #expect(throws: TarError.file(.file(.open, path: path + "b", code: ENOENT))) {
      try DirectoryContent.read(path + "b")
    }
  }

  @Test func `has bytes behind it where more is needed than it holds`() throws {
    directory.write("12345", to: "a")
    let content = try AppendedContent(DirectoryContent.read(directory.path).content, Array("6789".utf8))
    #expect(content.size() == 9)
    for start in 0...10 {
      for count in 0...10 {
        let expected = Array("123456789".utf8).dropFirst(start).prefix(count)
        #expect(try content.read(count, at: Int64(start)) == Array(expected))
      }
    }
    #expect(content.holds(0..<100))
    let gap = try AppendedContent(
      JoinedContent([.bytes([1]), .missing(path: "m", size: 4)], path: "x"), Array("6789".utf8))
    for range in [0..<1, 5..<9, 5..<20, 3..<3] as [Range<Int64>] { #expect(gap.holds(range)) }
    for range in [0..<2, 2..<3, 4..<6] as [Range<Int64>] { #expect(!gap.holds(range)) }
  }
}
