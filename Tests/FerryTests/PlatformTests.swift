import Foundation
import TestSupport
import Testing

/// What `--platform` takes out of images for several platforms, and what stays.
struct `Chosen platforms` {
  private let source: RegistryProcess
  private let ferry: FerryProcess

  init() throws {
    source = try RegistryProcess.fixtures()
    ferry = try FerryProcess()
  }

  private func inspected(_ archive: String) throws -> [String: Any] {
    let report = try Report(ferry.run(["inspect", "--json", archive], exits: 0))
    return try #require(report.objects("archives").first)
  }

  private func image(_ archive: [String: Any]) throws -> [String: Any] {
    try #require((archive["images"] as? [[String: Any]])?.first)
  }

  private func platforms(_ archive: [String: Any]) throws -> [String] {
    let manifests = try #require(image(archive)["manifests"] as? [[String: Any]])
    return manifests.compactMap { $0["platform"] as? String }
  }

  @Test func `are all by default, with the attestation`() throws {
    try ferry.export([source.reference("tools/multi:1.0")], to: "a.tar")
    let archive = try inspected("a.tar")
    let manifests = try #require(image(archive)["manifests"] as? [[String: Any]])
    #expect(manifests.count == 4)
    #expect(manifests.count { $0["attestation"] as? Bool == true } == 1)
    #expect(try platforms(archive).contains("linux/arm/v7"))
    #expect(try image(archive)["digest"] as? String == FixtureImages.digest(of: "tools/multi:1.0"))
  }

  @Test func `become the image itself when there is one`() throws {
    let result = try ferry.export(
      [source.reference("tools/multi:1.0"), source.reference("odd/plain:1")], to: "a.tar", "--platform",
      "linux/arm64")
    result.complains("taking linux/arm64 out of its index")
    let listing = try Command.run("tar", ["-tf", ferry.file("a.tar")])
    #expect(listing.contains("manifest.json"))
    try ferry.run(["verify", "--deep", "a.tar"], exits: 0)

    let new = try RegistryProcess()
    try ferry.run(["import", "--plain-http", "--to", "\(new.host)/new", "a.tar"], exits: 0)
    let raw = try Command.run(
      "skopeo", ["inspect", "--config", "--tls-verify=false", "docker://\(new.host)/new/multi:1.0"])
    #expect(raw.contains(#""architecture": "arm64""#))
    // An image for one platform is what it is.
    #expect(
      try new.storage.digest(of: "new/plain", "1") == FixtureImages.digest(of: "odd/plain:1"))
  }

  @Test func `leave the index as it is when there are several`() throws {
    try ferry.export(
      [source.reference("tools/multi:1.0")], to: "a.tar", "--platform", "linux/amd64", "--platform",
      "linux/arm64")
    let archive = try inspected("a.tar")
    #expect(try image(archive)["digest"] as? String == FixtureImages.digest(of: "tools/multi:1.0"))
    #expect(try platforms(archive).filter { $0 != "unknown/unknown" } == ["linux/amd64", "linux/arm64"])
    let omissions = try #require(archive["omissions"] as? [[String: Any]])
    #expect(omissions.map { $0["reason"] as? String } == ["platform"])
    try ferry.run(["verify", "a.tar"], exits: 0)

    // Debian's registry takes no index with a manifest missing: nothing may be left half done.
    let new = try RegistryProcess()
    let result = try ferry.run(
      ["import", "--plain-http", "--to", "\(new.host)/new", "a.tar"], exits: 15)
    result.complains("1 manifest that is not in the archive", "--platform OS/ARCH", "every platform")
    #expect(new.storage.tags(of: "new/multi") == [])
  }

  @Test func `that an image lacks are named with those it has`() throws {
    let result = try ferry.run(
      [
        "export", "--plain-http", "-o", "a.tar", source.reference("tools/multi:1.0"), "--platform",
        "linux/riscv64",
      ], exits: 12)
    result.complains("no image for linux/riscv64", "linux/amd64, linux/arm64 and linux/arm/v7")
    try ferry.run(
      ["export", "--plain-http", "-o", "a.tar", source.reference("odd/plain:1"), "--platform", "linux"],
      exits: 64
    ).complains("os/arch")
  }

  @Test func `of docker's own lists work alike`() throws {
    try ferry.export([source.reference("docker/list:1")], to: "a.tar", "--platform", "linux/s390x")
    #expect(try platforms(inspected("a.tar")).count == 1)
    try ferry.export([source.reference("odd/nested:1")], to: "b.tar")
    #expect(try platforms(inspected("b.tar")).sorted() == ["linux/amd64", "linux/arm64"])
  }
}
