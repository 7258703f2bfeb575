import Foundation
import TestSupport
import Testing

struct `The sources` {
  /// Files of more than 400 lines, each with the reason why it is not split.
  static let long: [String: String] = [:]

  @Test(arguments: SourceFile.all) func `come in files of at most 400 lines`(file: SourceFile) {
    #expect(file.lines.count <= 401 || Self.long[file.path] != nil, "\(file.path)")
  }

  /// Slivers are concepts that were cut for a number, and `Type+Part` files types that do too much.
  @Test func `are neither slivers nor parts of large types`() {
    let slivers = SourceFile.all.filter { $0.lines.count < 25 }.map(\.path)
    #expect(slivers.count <= 20, "\(slivers)")
    let parts = SourceFile.all.map(\.path).filter { $0.contains("+") }
    #expect(parts.count <= 15, "\(parts)")
  }

  @Test(arguments: SourceFile.all) func `cannot be made to trap by a failed promise`(file: SourceFile) {
    let traps = /\btry!|\bas!|\bfatalError\b|\bpreconditionFailure\b|\bassertionFailure\b/
    for (number, text) in file.code {
      #expect(!text.contains(traps), "\(file.path):\(number): \(text)")
    }
  }

  /// Where secrets are looked for, it is by its mark that what a cut has left of one is known.
  @Test(arguments: SourceFile.all) func `cut no text but where the cut is marked`(file: SourceFile) {
    let marked: Set = [
      "Sources/Digests/Digest.swift", "Sources/Images/PrintableText.swift",
      "Sources/Registry/RegistryMessage.swift", "Sources/Transport/HTTPURL.swift",
    ]
    let cuts = /unicodeScalars\.prefix\(|\b(?:text|line|name|message|value)\.prefix\(\d/
    for (number, text) in file.code where !marked.contains(file.path) {
      #expect(!text.contains(cuts), "\(file.path):\(number): \(text)")
    }
  }

  @Test(arguments: SourceFile.all.filter { $0.module != "ferry" })
  func `of libraries leave the process alone`(file: SourceFile) {
    let effects =
      /(?:^|[^.\w])(?:print|debugPrint|dump|getenv|secure_getenv|setenv|exit|abort|setlocale|signal|sigaction|chdir|umask)\(|\bProcessInfo\b|\bCommandLine\b/
    for (number, text) in file.code {
      #expect(!text.contains(effects), "\(file.path):\(number): \(text)")
    }
  }

  @Test(arguments: SourceFile.all.filter { $0.module != "Credentials" })
  func `know no variable of the environment by its name`(file: SourceFile) {
    let names = /\b(?:FERRY|NGC|DOCKER|XDG|REGISTRY)_[A-Z]|"(?:HOME|PATH)"/
    for (number, text) in file.code {
      #expect(!text.contains(names), "\(file.path):\(number): \(text)")
    }
  }

  @Test func `have names that say something`() {
    let empty: Set = ["utils", "util", "utilities", "core", "common", "helpers", "manager", "impl", "misc"]
    for path in SourceFile.paths {
      let name = path.split(separator: "/").last?.prefix { $0 != "." && $0 != "+" } ?? ""
      let words = name.matches(of: /[A-Z]?[a-z]+/).map { $0.output.lowercased() }
      #expect(!empty.contains(name.lowercased()), "\(path)")
      #expect(!empty.contains(words.last ?? ""), "\(path)")
    }
  }

  @Test func `lie in a tidy directory`() throws {
    let agreed: Set = [
      "Package.swift", "Sources", "Tests", "fixtures", "README.md", "LICENSE", "CONTRIBUTING.md",
    ]
    var command = Command("git", ["-c", "safe.directory=*", "ls-files", "-z"])
    command.directory = PackageDirectory.path
    let tracked = try? command.run().standardOutput.split(separator: "\0")
      .compactMap { $0.split(separator: "/").first.map(String.init) }
    // Outside a checkout, as in a source archive, everything counts but what building leaves.
    let entries =
      if let tracked, !tracked.isEmpty { Set(tracked) } else {
        Set(try FileManager.default.contentsOfDirectory(atPath: PackageDirectory.path))
          .subtracting(["Package.resolved"])
      }
    #expect(entries.filter { !$0.hasPrefix(".") && !agreed.contains($0) } == [])
  }
}
