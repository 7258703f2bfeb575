import Foundation
import TestSupport
import Testing

/// What `fixtures/fuzz/run` begins with, and what it once found, read without the fuzzer.
@Suite struct `The seeds of the fuzzed readers` {
  private static let corpus = PackageDirectory.path + "/fixtures/fuzz/corpus"

  @Test(arguments: FuzzTarget.all.map(\.name)) func `keep what is promised of`(_ name: String) throws {
    let target = try #require(FuzzTarget.all.first { $0.name == name })
    let directory = "\(Self.corpus)/\(name)"
    let seeds = try FileManager.default.contentsOfDirectory(atPath: directory)
    #expect(!seeds.isEmpty)
    for seed in seeds {
      let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(seed)")))
      #expect(bytes.count <= target.longest, "\(name)/\(seed)")
      #expect(throws: Never.self, "\(name)/\(seed)") { try target.run(bytes) }
      // Cut and bent a little, as the fuzzer begins as well.
      for end in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 8)) {
        var bent = bytes
        bent[end] ^= 1
        #expect(throws: Never.self, "\(name)/\(seed), byte \(end)") { try target.run(bent) }
        #expect(throws: Never.self, "\(name)/\(seed), cut at \(end)") { try target.run(Array(bytes[..<end])) }
      }
    }
  }

  @Test func `are of targets that there are`() throws {
    let directories = try FileManager.default.contentsOfDirectory(atPath: Self.corpus)
    #expect(Set(directories) == Set(FuzzTarget.all.map(\.name)))
  }
}
