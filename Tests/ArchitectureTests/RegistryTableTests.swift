import Foundation
import TestSupport
import Testing

/// The README's table of registries says of each what is particular about it, and which tests hold what Ferry does.
struct `The table of registries` {
  /// A row: its cells, without the bars.
  private static let rows: [[String]] = {
    let text = (try? String(contentsOfFile: "\(PackageDirectory.path)/README.md", encoding: .utf8)) ?? ""
    let section = text.components(separatedBy: "\n## What each registry supports").dropFirst().first ?? ""
    let lines = section.components(separatedBy: "\n## ")[0].split(separator: "\n").filter {
      $0.hasPrefix("|")
    }
    return lines.dropFirst(2).map { line in
      line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
    }
  }()

  /// All Swift files of the tests, by their names without `.swift`.
  private static let suites: Set<String> = {
    let files = FileManager.default.enumerator(atPath: "\(PackageDirectory.path)/Tests")
    let names = files?.compactMap { ($0 as? String)?.split(separator: "/").last.map(String.init) } ?? []
    return Set(names.filter { $0.hasSuffix("Tests.swift") }.map { String($0.dropLast(".swift".count)) })
  }()

  private static func named(in cell: String) -> [String] {
    cell.matches(of: /`(\w+Tests)`/).map { String($0.1) }
  }

  @Test func `has a row for each of them`() {
    let registries = Self.rows.map { $0[0] }
    for name in [
      "zot", "Quay", "Harbor", "GitLab", "GHCR", "ECR", "ACR", "Google Artifact Registry", "Artifactory",
      "Nexus",
      "Docker Hub", "distribution", "DGX", "NGC", "prox",
    ] {
      #expect(registries.contains { $0.contains(name) }, "\(name)")
    }
  }

  @Test func `names in each row the tests that hold it, and they are there`() {
    for row in Self.rows {
      #expect(row.count == 4 && row.allSatisfy { !$0.isEmpty }, "\(row)")
      let names = Self.named(in: row.last ?? "")
      #expect(!names.isEmpty, "\(row)")
      for name in names { #expect(Self.suites.contains(name), "\(name) is not in Tests") }
    }
  }
}
