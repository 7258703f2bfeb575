import Files
import Foundation
import TestSupport
import Testing

/// The beginning of a program: the header, and a table with entries of these kinds.
func programBytes(entries: [UInt8], machine: UInt8 = 62, entrySize: UInt8 = 56) -> [UInt8] {
  var bytes: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 57)
  bytes[18] = machine
  bytes[32] = 64
  bytes[54] = entrySize
  bytes[56] = UInt8(entries.count)
  for kind in entries { bytes += [kind] + [UInt8](repeating: 0, count: Int(entrySize) - 1) }
  return bytes
}

@Suite(.waiting) struct `The file of a program` {
  private let directory = TemporaryDirectory()

  /// Entries: what is loaded (1), what a loader is to do (2), its name (3), a note (4).
  @Test(arguments: [([1, 1, 4], true), ([1, 3], false), ([3, 1, 2], false), ([1, 2], false), ([], true)])
  func `is static where nothing is left to a loader`(entries: [UInt8], isStatic: Bool) throws {
    let path = directory.write(programBytes(entries: entries), to: "program")
    let program = try #require(try ProgramFile(path))
    #expect(program.isStatic == isStatic)
    #expect(program.architecture == "x86_64")
  }

  @Test(arguments: [(62, "x86_64"), (183, "aarch64"), (9, "machine9")])
  func `says for which processors it is`(machine: UInt8, name: String) throws {
    let path = directory.write(programBytes(entries: [1], machine: machine), to: "program")
    #expect(try ProgramFile(path)?.architecture == name)
  }

  @Test func `is one that is linked dynamically, and for this machine, where tests run`() throws {
    let program = try #require(try ProgramFile(ProgramFile.running))
    #expect(!program.isStatic)
    #expect("\(program.architecture)\n" == (try Command.run("uname", ["-m"])))
  }

  @Test func `is no other file, nor the beginning of one`() throws {
    let whole = programBytes(entries: [1, 4])
    for (index, bytes) in [[], Array("#!/bin/sh\n".utf8), Array(whole.prefix(63)), Array(whole.dropLast())]
      .enumerated()
    {
      let path = directory.write(bytes, to: "file\(index)")
      #expect(try ProgramFile(path) == nil)
    }
    let odd = directory.write(programBytes(entries: [1], entrySize: 3), to: "odd")
    #expect(try ProgramFile(odd) == nil)
    #expect(throws: FileError.self) { try ProgramFile(directory.file("none")) }
    #expect(throws: FileError.self) { try ProgramFile(directory.path) }
  }

  @Test func `is the same as one of the same bytes, and no link to it`() throws {
    let bytes = (0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let first = directory.write(bytes, to: "first")
    let second = directory.write(bytes, to: "second")
    let other = directory.write(bytes.dropLast() + [bytes[3_000_000] &+ 1], to: "other")
    let longer = directory.write(bytes + [0], to: "longer")
    try FileManager.default.createSymbolicLink(atPath: directory.file("link"), withDestinationPath: first)
    #expect(ProgramFile.holdSame(first, second))
    for path in [other, longer, directory.file("link"), directory.file("none")] {
      #expect(!ProgramFile.holdSame(first, path))
    }
  }
}
