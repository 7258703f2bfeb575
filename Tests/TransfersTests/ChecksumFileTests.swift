import Digests
import Foundation
import TestSupport
import Testing

@testable import Transfers

@Suite(.waiting) struct `A checksum file` {
  private let directory = TemporaryDirectory()

  /// Names that need no escapes, and names that do.
  @Test(arguments: [["a.tar"], ["a.tar.001", "a.tar.002", "a.tar.003"], ["a b'c.tar"], ["a\\b\nc\rd.tar"]])
  func `is what sha256sum writes and checks`(names: [String]) async throws {
    for (index, name) in names.enumerated() {
      directory.write([UInt8](repeating: UInt8(index), count: 3_000_000 + index), to: name)
    }
    let checksums = ChecksumFile(of: directory.file("sums"), files: names.map(directory.file))
    try await checksums.write(on: try BlockingExecutor(width: 2))
    var command = Command("sha256sum", names)
    command.directory = directory.path
    #expect(try String(contentsOfFile: checksums.path, encoding: .utf8) == command.run().standardOutput)
    var check = Command("sha256sum", ["-c", "--strict", "sums.sha256"])
    check.directory = directory.path
    #expect(try check.run().status == 0)
  }

  @Test func `takes what is known already`() async throws {
    let file = directory.write("content", to: "a.tar")
    let known = Digest(of: [1])
    try await ChecksumFile(of: file, files: [file]).write(
      known: [file: known], on: BlockingExecutor(width: 1))
    #expect(try String(contentsOfFile: file + ".sha256", encoding: .utf8) == "\(known.hex)  a.tar\n")
  }
}
