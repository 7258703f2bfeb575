import Files
import Foundation
import TestSupport
import Testing

@testable import Transfers

@Suite(.waiting) struct `What is sent along with archives` {
  private let directory = TemporaryDirectory()
  private let files: [EnclosedFile]

  init() throws {
    // A static program: a header, and one entry of what is loaded.
    var bytes: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 113)
    bytes[18] = 62
    bytes[32] = 64
    bytes[54] = 56
    bytes[56] = 1
    bytes[64] = 1
    bytes += [UInt8](repeating: 7, count: 3_000_000)
    let program = try #require(try ProgramFile(directory.write(bytes, to: "program")))
    files = EnclosedFile.program(program, version: "1.2.3") { "\($0) runs on \($1)\n" }
  }

  @Test func `is the program, which can be run, and a text beside it`() throws {
    #expect(files.map(\.name) == ["ferry-1.2.3-linux-x86_64", "ferry-1.2.3-linux-x86_64.README.txt"])
    for file in files { #expect(try file.write(in: directory.path)) }
    let program = files[0].path(in: directory.path)
    #expect(ProgramFile.holdSame(directory.file("program"), program))
    #expect(try FileManager.default.attributesOfItem(atPath: program)[.posixPermissions] as? Int == 0o755)
    #expect(
      try String(contentsOfFile: files[1].path(in: directory.path), encoding: .utf8)
        == "ferry-1.2.3-linux-x86_64 runs on x86_64\n")
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).count == 3)
  }

  @Test func `stays where it is there already`() throws {
    for file in files { #expect(try file.write(in: directory.path)) }
    let before = try FileManager.default.attributesOfItem(atPath: files[0].path(in: directory.path))
    for file in files {
      try file.checkWritable(in: directory.path)
      #expect(try !file.write(in: directory.path))
    }
    let after = try FileManager.default.attributesOfItem(atPath: files[0].path(in: directory.path))
    #expect(before[.systemFileNumber] as? Int == after[.systemFileNumber] as? Int)
  }

  @Test(arguments: ["other", "truncated", "link", "directory"])
  func `takes nobody else's place`(kind: String) throws {
    for file in files {
      let path = file.path(in: directory.path)
      switch kind {
      case "other": directory.write("somebody's", to: file.name)
      case "truncated":
        _ = try file.write(in: directory.path)
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.truncate(atOffset: 10)
      case "link":
        directory.write("somebody's", to: "target")
        try FileManager.default.createSymbolicLink(
          atPath: path, withDestinationPath: directory.file("target"))
      default: try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
      }
      let before = try? Data(contentsOf: URL(fileURLWithPath: path))
      #expect(throws: FileError.self) { try file.checkWritable(in: directory.path) }
      #expect(throws: FileError.self) { try file.write(in: directory.path) }
      #expect(before == (try? Data(contentsOf: URL(fileURLWithPath: path))))
    }
  }

  @Test func `stands in the checksums, which a later export without it knows for its own`() async throws {
    for file in files { _ = try file.write(in: directory.path) }
    let archive = directory.write("archive", to: "a.tar")
    let executor = try BlockingExecutor(width: 1)
    let enclosed = files.map { $0.path(in: directory.path) }
    try await ChecksumFile(of: archive, files: [archive], enclosed: enclosed).write(on: executor)
    var check = Command("sha256sum", ["-c", "--strict", "a.tar.sha256"])
    check.directory = directory.path
    let checked = try check.run()
    #expect(checked.status == 0)
    #expect(checked.standardOutput.split(separator: "\n").count == 3)
    try await ChecksumFile(of: archive, files: [archive]).write(on: executor)
    #expect(
      try String(contentsOfFile: archive + ".sha256", encoding: .utf8).split(separator: "\n").count == 1)
    directory.write("\(String(repeating: "0", count: 64))  somebodys.tar\n", to: "a.tar.sha256")
    await #expect(throws: FileError.self) {
      try await ChecksumFile(of: archive, files: [archive]).write(on: executor)
    }
  }
}
