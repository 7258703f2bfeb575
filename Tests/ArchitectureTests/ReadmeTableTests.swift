import Foundation
import TestSupport
import Testing

/// The README's tables of registries and of tools say of each what is particular about it, and which tests hold it.
struct `A table of others` {
  /// The rows of the table behind a line of the README: the cells of each, without the bars.
  private static func rows(behind beginning: String) -> [[String]] {
    let text = (try? String(contentsOfFile: "\(PackageDirectory.path)/README.md", encoding: .utf8)) ?? ""
    let section = text.components(separatedBy: "\n\(beginning)").dropFirst().first ?? ""
    let lines = section.split(separator: "\n", omittingEmptySubsequences: false).drop { !$0.hasPrefix("|") }
      .prefix { $0.hasPrefix("|") }
    return lines.dropFirst(2).map { line in
      line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
    }
  }

  private static let rows = rows(behind: "## What each registry supports")

  /// All Swift files of the tests, by their names without `.swift`.
  private static let suites: Set<String> = {
    let files = FileManager.default.enumerator(atPath: "\(PackageDirectory.path)/Tests")
    let names = files?.compactMap { ($0 as? String)?.split(separator: "/").last.map(String.init) } ?? []
    return Set(names.filter { $0.hasSuffix("Tests.swift") }.map { String($0.dropLast(".swift".count)) })
  }()

  private static func named(in cell: String) -> [String] {
    cell.matches(of: /`(\w+Tests)`/).map { String($0.1) }
  }

  @Test func `of tools says which tests run them, and of the others that none does`() {
    let tools = Self.rows(behind: "Other tools read it.")
    for name in ["podman", "skopeo", "umoci", "tar", "docker", "containerd", "oras", "regctl"] {
      #expect(tools.contains { $0[0].contains(name) }, "\(name)")
    }
    for row in tools {
      let names = Self.named(in: row.last ?? "")
      #expect(row.count == 4 && (!names.isEmpty || ["not run", "by hand"].contains(row[3])), "\(row)")
      for name in names { #expect(Self.suites.contains(name), "\(name) is not in Tests") }
    }
  }

  @Test func `has a row for each of the registries`() {
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
