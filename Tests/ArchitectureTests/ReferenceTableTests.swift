import Foundation
import TestSupport
import Testing

/// The tables of registries and of tools say of each what is particular about it, and which tests hold it.
struct `A table of others` {
  private static let registries = Array(ManualPage.named("Registries").rows().dropFirst())
  private static let tools = Array(
    ManualPage.named("Tools").rows(below: "## What reads Ferry's archives").dropFirst())

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
    for name in ["podman", "skopeo", "umoci", "tar", "docker", "containerd", "oras", "regctl"] {
      #expect(Self.tools.contains { $0[0].contains(name) }, "\(name)")
    }
    for row in Self.tools {
      let names = Self.named(in: row.last ?? "")
      #expect(row.count == 4 && (!names.isEmpty || ["not run", "by hand"].contains(row[3])), "\(row)")
      for name in names { #expect(Self.suites.contains(name), "\(name) is not in Tests") }
    }
  }

  @Test func `of archives that are read names the tests that hold each form`() {
    let forms = ManualPage.named("Tools").rows(below: "## What Ferry reads").dropFirst()
    #expect(forms.count > 10)
    for row in forms {
      let names = Self.named(in: row.last ?? "")
      #expect(row.count == 3 && !names.isEmpty, "\(row)")
      for name in names { #expect(Self.suites.contains(name), "\(name) is not in Tests") }
    }
  }

  @Test func `has a row for each of the registries`() {
    let registries = Self.registries.map { $0[0] }
    for name in [
      "zot", "Quay", "Harbor", "GitLab", "GHCR", "ECR", "ACR", "Google Artifact Registry", "Artifactory",
      "Nexus",
      "Docker Hub", "distribution", "DGX", "NGC", "prox",
    ] {
      #expect(registries.contains { $0.contains(name) }, "\(name)")
    }
  }

  @Test func `names in each row the tests that hold it, and they are there`() {
    for row in Self.registries {
      #expect(row.count == 4 && row.allSatisfy { !$0.isEmpty }, "\(row)")
      let names = Self.named(in: row.last ?? "")
      #expect(!names.isEmpty, "\(row)")
      for name in names { #expect(Self.suites.contains(name), "\(name) is not in Tests") }
    }
  }
}
