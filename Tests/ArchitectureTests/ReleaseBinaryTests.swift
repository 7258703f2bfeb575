import Foundation
import TestSupport
import Testing

/// What users get: the program that `./fixtures/test` built before it ran the tests.
struct `The release binary` {
  private let binary: String

  init() throws {
    let path = ProcessInfo.processInfo.environment["FERRY_RELEASE_BINARY"] ?? ""
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw TestFailure("FERRY_RELEASE_BINARY names no program: run ./fixtures/test, which builds it")
    }
    binary = path
  }

  @Test func `needs no library but archive, crypto, curl and z, and those of the system`() throws {
    let dynamic = try Command.run("readelf", ["--dynamic", "--wide", binary])
    let needed = Set(dynamic.matches(of: /\(NEEDED\).*\[(.+?)\.so/).map { String($0.1) })
    let system: Set = ["libc", "libm", "libgcc_s", "libstdc++"]
    #expect(
      needed.subtracting(system).filter { !$0.hasPrefix("ld-linux") }.sorted()
        == ["libarchive", "libcrypto", "libcurl", "libz"])
  }

  @Test func `is smaller than 25 MB when it is stripped`() throws {
    let directory = TemporaryDirectory()
    try Command.run("strip", ["-o", directory.file("ferry"), binary])
    let size = try #require(
      FileManager.default.attributesOfItem(atPath: directory.file("ferry"))[.size] as? Int)
    #expect(size < 25_000_000)
  }

  @Test func `runs`() throws {
    let result = try FerryProcess(executable: binary).run("--help")
    #expect(result.status == 0)
    #expect(result.standardOutput.contains("export"))
  }
}
