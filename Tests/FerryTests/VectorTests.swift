import Foundation
import TestSupport
import Testing

/// The test vectors of `fixtures/vectors`, which stand for what the specification of the format says: the program, and the
/// second reader beside them, give the verdicts of their list.
@Suite(.waiting) struct `The test vectors` {
  struct Vector: Decodable, CustomTestStringConvertible {
    let name: String
    let command: String
    let files: [String]
    let options: [String]
    let verdict: String
    let status: Int32
    let says: [String]
    let ferry: Bool
    let images: [String: String]?
    let digest: String?

    var testDescription: String { name }
    /// Whether a receipt is part of it.
    var isOfReceipt: Bool { options.contains("--receipt") }
  }

  private struct List: Decodable {
    let schema: String
    let vectors: [Vector]
  }

  private static let directory = "\(PackageDirectory.path)/fixtures/vectors"
  private static let list = Result {
    try JSONDecoder().decode(
      List.self, from: Data(contentsOf: URL(fileURLWithPath: "\(directory)/vectors.json")))
  }
  static let vectors = (try? list.get().vectors) ?? []

  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  /// Lays the files that a vector's command is given, and reads, into the home directory.
  private func lay(_ vector: Vector) throws {
    for name in vector.files + vector.options.filter({ $0.hasSuffix(".json") }) {
      try FileManager.default.copyItem(
        atPath: "\(Self.directory)/files/\(name).gz", toPath: ferry.file("\(name).gz"))
      try Command.run("gzip", ["-d", ferry.file("\(name).gz")])
    }
  }

  @Test func `are many, of every verdict, and small`() throws {
    let list = try Self.list.get()
    #expect(list.schema == "ferry/archive-vectors/v1" && list.vectors.count > 50)
    #expect(Set(list.vectors.map(\.name)).count == list.vectors.count)
    let verdicts = Set(list.vectors.map(\.verdict))
    for verdict in [
      "intact", "damaged", "incomplete", "unfinished", "unreadable", "unexpected", "arrived", "not arrived",
    ] { #expect(verdicts.contains(verdict)) }
    let files = try FileManager.default.subpathsOfDirectory(atPath: Self.directory)
    let sizes = try files.map {
      try FileManager.default.attributesOfItem(atPath: "\(Self.directory)/\($0)")[.size] as? Int ?? 0
    }
    #expect(sizes.reduce(0, +) < 300_000)
  }

  @Test(arguments: vectors) func `have the verdicts that they are to have`(vector: Vector) throws {
    try lay(vector)
    let result = try ferry.command([vector.command] + vector.files + vector.options).run()
    let said = result.standardOutput + result.standardError
    #expect(result.status == vector.status, "\(said)")
    for words in vector.says { #expect(said.contains(words), "\(said)") }
    switch vector.verdict {
    case "intact":
      #expect(result.standardOutput.contains("  whole  ") || result.standardOutput.contains("  intact  "))
      if let digest = vector.digest { #expect(said.contains(digest)) }
    case "damaged", "incomplete":
      if vector.ferry, !said.contains("truncated") {
        #expect(said.contains("  \(vector.verdict.uppercased())  "), "\(said)")
      }
    default: break
    }
    guard vector.verdict == "intact" else { return }
    let report = try Report(ferry.run(["inspect", "--json"] + vector.files, exits: 0))
    let archive = try #require(report.objects("archives").first)
    for (name, digest) in vector.images ?? [:] {
      let listed = ["images", "referrers"].flatMap { archive[$0] as? [[String: Any]] ?? [] }
      #expect(
        listed.contains { $0["reference"] as? String == name && $0["digest"] as? String == digest }, "\(name)"
      )
    }
  }

  @Test(arguments: vectors.filter { !$0.isOfReceipt && $0.command == "verify" && $0.verdict != "unexpected" })
  func `give an import their images, or nothing`(vector: Vector) throws {
    try lay(vector)
    let registry = ScriptedRegistry()
    // What an earlier archive brought is there.
    if vector.name == "a delta" {
      let base = try #require(Self.vectors.first { $0.name == "one image" })
      try lay(base)
      try ferry.run(
        ["import", "--plain-http", "--to", "\(registry.host)/new"] + base.files, exits: 0)
    }
    let before = registry.tags
    let result = try ferry.command(
      ["import", "--plain-http", "--to", "\(registry.host)/new"] + vector.files + vector.options
    ).run()
    guard vector.verdict == "intact" else {
      #expect(result.status == vector.status, "\(result.standardError)")
      #expect(registry.tags == before)
      return
    }
    #expect(result.status == 0, "\(result.standardError)")
    for (name, digest) in vector.images ?? [:] where !name.contains("@") {
      let path = name.split(separator: "/").dropFirst(2).joined(separator: "/")
      let parts = path.split(separator: ":").map(String.init)
      #expect(registry.digest(of: "new/\(parts[0])", parts[1]) == digest, "\(name)")
    }
  }

  @Test func `are judged alike by the second reader`() throws {
    let result = try Command(
      "python3", ["\(Self.directory)/check", "--list", "\(Self.directory)/vectors.json"]
    ).run()
    #expect(result.status == 0, "\(result.standardOutput)\(result.standardError)")
    let count = Self.vectors.count {
      $0.ferry && !$0.isOfReceipt && !$0.files.contains { $0.hasSuffix(".gz") }
    }
    #expect(result.standardOutput.contains("\(count) of \(count) vectors as they should be"))
  }

  @Test func `are what their maker makes`() throws {
    let made = TemporaryDirectory()
    try Command.run("python3", ["\(Self.directory)/make", made.path])
    func content(_ directory: String, _ name: String) throws -> Data {
      let data = try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(name)"))
      guard name.hasSuffix(".gz") else { return data }
      // Another zlib may compress otherwise.
      return Data(try Command("gzip", ["-dc", "\(directory)/\(name)"]).run().output)
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(Self.directory)/files").sorted()
    #expect(try FileManager.default.contentsOfDirectory(atPath: made.file("files")).sorted() == names)
    for name in names.map({ "files/\($0)" }) + ["vectors.json"] {
      #expect(try content(made.path, name) == content(Self.directory, name), "\(name)")
    }
  }
}
