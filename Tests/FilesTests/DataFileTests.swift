import Files
import Foundation
import Glibc
import TestSupport
import Testing

@Suite(.waiting) struct `A data file` {
  @Test func `reads and writes at offsets and knows its size`() throws {
    let scratch = try ScratchDirectory()
    let file = try DataFile.create(scratch("a"))
    try file.write([1, 2, 3], at: 100)
    #expect(try file.size() == 103)
    #expect(try file.read(9, at: 100) == [1, 2, 3])
    #expect(try file.read(2, at: 0) == [0, 0])
    #expect(try file.read(10, at: 1 << 40).isEmpty)
  }

  @Test func `names path and errno when it cannot be opened`() throws {
    let scratch = try ScratchDirectory()
    #expect(throws: FileError.file(.open, path: scratch("no"), code: ENOENT)) {
      try DataFile.open(reading: scratch("no"))
    }
    #expect(throws: FileError.file(.open, path: scratch("no/where"), code: ENOENT)) {
      try DataFile.create(scratch("no/where"))
    }
    #expect(throws: FileError.notAFile(path: scratch.path)) { try DataFile.open(reading: scratch.path) }
    #expect(throws: FileError.notAFile(path: scratch.path)) { try DataFile.create(scratch.path) }
    try Peer.run("mkfifo", scratch("pipe"))
    #expect(throws: FileError.notAFile(path: scratch("pipe"))) {
      try DataFile.open(reading: scratch("pipe"))
    }
    try scratch.write([], to: "there")
    #expect(throws: FileError.exists(path: scratch("there"))) {
      try DataFile.create(scratch("there"), exclusive: true)
    }
    try FileManager.default.createSymbolicLink(atPath: scratch("link"), withDestinationPath: scratch("there"))
    #expect(throws: FileError.notAFile(path: scratch("link"))) { try DataFile.create(scratch("link")) }
  }

  @Test func `says that another process holds it, and which`() throws {
    let scratch = try ScratchDirectory()
    let first = try FileLock.create(scratch("a"))
    #expect(throws: FileError.locked(path: scratch("a"), pid: getpid())) {
      try FileLock.create(scratch("a"))
    }
    withExtendedLifetime(first) {}
  }

  @Test func `can be locked again when it was closed`() throws {
    let scratch = try ScratchDirectory()
    _ = try FileLock.create(scratch("a"))
    _ = try FileLock.create(scratch("a"))
  }

  @Test func `never takes a name that is taken, unless told to`() throws {
    let scratch = try ScratchDirectory()
    let file = try DataFile.create(scratch("a.partial"))
    try scratch.write([1], to: "a")
    #expect(throws: FileError.exists(path: scratch("a"))) {
      try file.publish(as: scratch("a"), replacing: false)
    }
    #expect(try scratch.read("a") == [1])
    try file.publish(as: scratch("a"), replacing: true)
    #expect(try scratch.read("a") == [])
    #expect(try scratch.names == ["a"])
  }

  @Test func `sets space aside, and says how much was needed when there is not enough`() throws {
    let scratch = try ScratchDirectory()
    let file = try DataFile.create(scratch("a"))
    try file.reserve(1 << 20)
    #expect(try file.size() == 1 << 20)
    let available = try FreeSpace(at: scratch.path).available
    let needed = available + (1 << 40)
    do {
      try file.reserve(needed)
      Issue.record("space was made from nothing")
    } catch {
      guard case .noSpace(scratch("a"), needed, .some, ENOSPC) = error else { throw error }
    }
    #expect(try file.size() == 1 << 20)
  }

  @Test func `turns a full disk while writing into that error`() throws {
    let output = OutputStream(descriptor: open("/dev/full", O_WRONLY), name: "full")
    defer { close(output.descriptor) }
    #expect(throws: FileError.noSpace(path: "full", needed: nil, available: nil, code: ENOSPC)) {
      let bytes: [UInt8] = [1]
      try output.write(bytes.span.bytes)
    }
  }

  @Test(arguments: [false, true])
  func `does not wait on, once it is cancelled, for somebody who reads nothing`(isSocket: Bool) async throws {
    var ends: [Int32] = [-1, -1]
    try #require((isSocket ? socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) : pipe(&ends)) == 0)
    defer { for end in ends { close(end) } }
    let output = OutputStream(descriptor: ends[1], name: "pipe")
    let writing = Task {
      let bytes = [UInt8](repeating: 1, count: 4 << 20)
      try output.write(bytes.span.bytes)
    }
    writing.cancel()
    await #expect(throws: FileError.cancelled) { try await writing.value }
  }

  @Test(arguments: [false, true])
  func `is written whole to a pipe or a socket that is read in small pieces`(isSocket: Bool) throws {
    var ends: [Int32] = [-1, -1]
    try #require((isSocket ? socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) : pipe(&ends)) == 0)
    defer { close(ends[0]) }
    let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let output = OutputStream(descriptor: ends[1], name: "pipe")
    // Waiting for it takes a thread of its own.
    Thread.detachNewThread {
      try? output.write(bytes.span.bytes)
      close(output.descriptor)
    }
    let input = InputStream(descriptor: ends[0], name: "pipe")
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 3001)
    while true {
      let count = try buffer.withUnsafeMutableBytes { try input.read(into: $0) }
      if count == 0 { break }
      received += buffer[..<count]
    }
    #expect(received == bytes)
  }

  @Test func `cannot be asked to overflow an offset`() throws {
    let scratch = try ScratchDirectory()
    let file = try DataFile.create(scratch("a"))
    #expect(throws: FileError.file(.write, path: scratch("a"), code: EINVAL)) {
      try file.write([UInt8](repeating: 0, count: 9), at: -1)
    }
  }

  @Test(arguments: [("a", "."), ("/a", "/"), ("x/y/z", "x/y"), ("/x/y", "/x")])
  func `knows the directory of a path`(path: String, directory: String) {
    #expect(DataFile.directory(of: path) == directory)
  }
}
