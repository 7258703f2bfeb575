import Foundation
import Glibc
import TestSupport
import Testing

@testable import Files

@Suite struct `A small file` {
  let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  private func mode(_ name: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: scratch(name))[.posixPermissions] as? Int
  }

  @Test(arguments: [[], Array("notes".utf8)] as [[UInt8]])
  func `takes nobody's place whom it does not know, be it empty`(content: [UInt8]) throws {
    try scratch.write(content, to: "a")
    let foreign = FileError.foreign(path: scratch("a"), .content)
    #expect(throws: foreign) { try AtomicFile.replace(scratch("a"), with: [1]) { _ in false } }
    #expect(throws: foreign) { try AtomicFile.checkReplacing(scratch("a")) { _ in false } }
    #expect(throws: FileError.self) {
      try AtomicFile.replace(scratch("a"), where: { _ in false }) { write in try write([1]) }
    }
    #expect(try scratch.read("a") == content)
    #expect(try scratch.names == ["a"])
  }

  @Test func `is as private as the one whose place it takes`() throws {
    for secret in [0o600, 0o640] as [mode_t] {
      try scratch.write([], to: "a")
      chmod(scratch("a"), secret)
      try AtomicFile.replace(scratch("a"), with: [1]) { $0.isEmpty }
      #expect(try mode("a") == Int(secret))
      try AtomicFile.replace(scratch("a"), where: { !$0.isEmpty }) { write in try write([2]) }
      #expect(try mode("a") == Int(secret))
      #expect(try scratch.read("a") == [2])
      try FileManager.default.removeItem(atPath: scratch("a"))
    }
    #expect(try scratch.names == [])
  }

  @Test func `that is tried and is another's by then stays`() throws {
    let draft = try FileDraft.make(beside: scratch("a"))
    let name = try #require(try scratch.names.first)
    try FileManager.default.removeItem(atPath: scratch(name))
    try draft.discard()
    try scratch.write([9], to: name)
    try draft.discard()
    #expect(try scratch.read(name) == [9])
  }
}
