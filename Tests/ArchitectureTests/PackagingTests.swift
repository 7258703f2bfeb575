import Foundation
import TestSupport
import Testing

/// What can be said of the scripts that make a release without the quarter of an hour that they take.
@Suite struct `The packaging scripts` {
  private static let scripts = ["package", "package-check", "manpages"].map {
    "\(PackageDirectory.path)/fixtures/\($0)"
  }

  @Test func `make the files that the manual names`() throws {
    let listed = try Command.run(Self.scripts[0], ["--list"]).split(separator: "\n").map { name in
      name.replacing(/\d+(\.\d+)+/, with: "VERSION", maxReplacements: 1)
        .replacing("arm64", with: "amd64").replacing("aarch64", with: "x86_64")
    }
    let named = ManualPage.named("Installing").lines.compactMap {
      $0.firstMatch(of: /^\| `((?:ferry|SHA)[^`]*)` \|/)?.1
    }
    #expect(listed.count == 5)
    #expect(Set(listed) == Set(named))
  }

  @Test func `name files that are there`() throws {
    for script in Self.scripts {
      let text = try String(contentsOfFile: script, encoding: .utf8)
      for name in text.matches(of: /\b(?:fixtures|Sources)\/[A-Za-z.\/-]*[A-Za-z]/).map(\.output) {
        #expect(
          FileManager.default.fileExists(atPath: "\(PackageDirectory.path)/\(name)"), "\(script): \(name)")
      }
    }
  }

  @Test func `are read by their interpreters`() throws {
    try Command.run("bash", ["-n", Self.scripts[1]])
    #expect(try Command.run(Self.scripts[0], ["--help"]).contains("--release"))
  }
}
