import Foundation
import TestSupport
import Testing

@testable import Files

@Suite struct `A spool` {
  let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  @Test func `has a place where a file system knows no files without names`() throws {
    let file = try Spool.unlinked(in: scratch.path, called: "pipe").file
    let bytes: [UInt8] = [1, 2, 3]
    try file.write(bytes.span.bytes, at: 0)
    #expect(try file.read(9, at: 0) == bytes)
    #expect(try scratch.names == [])
    #expect(throws: FileError.file(.open, path: scratch("none"), code: ENOENT)) {
      try Spool.unlinked(in: scratch("none"), called: "pipe")
    }
  }

  @Test func `keeps what is laid down in it, in a file without a name`() throws {
    var spool = try Spool.create(in: scratch.path, called: "pipe")
    for piece in [[1, 2], [3], [4, 5]] as [[UInt8]] { try spool.append(piece.span.bytes) }
    #expect(try spool.file.read(9, at: 0) == [1, 2, 3, 4, 5])
    #expect(spool.file.path == "pipe")
    #expect(try scratch.names == [])
  }
}
