import Foundation
import TestSupport
import Testing

/// From one real registry into an archive, and from the archive into another that wants another credential.
@Suite(.waiting) struct `The whole way` {
  enum Doors: String, CaseIterable, CustomTestStringConvertible {
    case open
    case password = "behind a password"
    case tls = "behind TLS of a private CA"
    case tokens = "behind a token server"

    var testDescription: String { rawValue }
  }

  private func registry(_ doors: Doors, user: String, fixtures: Bool = false) throws -> RegistryProcess {
    switch doors {
    case .open: return try RegistryProcess(fixtures: fixtures)
    case .password:
      return try RegistryProcess(.basic(username: user, password: "\(user)-pass"), fixtures: fixtures)
    case .tls:
      return try RegistryProcess(
        .basic(username: user, password: "\(user)-pass"), tls: CertificateAuthority.shared(),
        fixtures: fixtures)
    case .tokens:
      return try RegistryProcess(.tokens(TokenServer(users: [user: "\(user)-pass"])), fixtures: fixtures)
    }
  }

  @Test(arguments: Doors.allCases)
  func `carries every image, byte for byte, between registries with different credentials`(doors: Doors)
    throws
  {
    let old = try registry(doors, user: "old", fixtures: true)
    let new = try registry(doors, user: "new")
    var ferry = try FerryProcess()
    if doors != .open {
      ferry.environment = [
        "FERRY_EXPORT_USERNAME": "old", "FERRY_EXPORT_PASSWORD": "old-pass",
        "FERRY_IMPORT_USERNAME": "new", "FERRY_IMPORT_PASSWORD": "new-pass",
      ]
    }
    let connection = doors == .tls ? ["--ca-file", try CertificateAuthority.shared().file] : ["--plain-http"]
    let images = try FixtureImages.shared().images
    let list = images.map { old.reference($0.name) }.joined(separator: "\n")

    let exported = try ferry.run(
      ["export", "-f", "-", "-o", "fleet.tar"] + connection, exits: 0, input: list)
    old.stop()
    let digest = try #require(exported.standardOutput.firstMatch(of: /sha256:[0-9a-f]{64}/)).output
    try ferry.run(["verify", "--deep", "fleet.tar", "--expect", String(digest)], exits: 0)
    let imported = try ferry.run(
      ["import", "fleet.tar", "--to", "\(new.host)/new", "--expect", String(digest)] + connection, exits: 0)

    for image in images {
      let target = new.reference(FixtureArchive.target(of: image.name))
      #expect(imported.lines.contains("\(target)  \(image.digest)"))
    }
    let answers = RegistryAnswers(registry: new, login: doors == .open ? nil : ("new", "new-pass"))
    let targets = images.map { FixtureArchive.target(of: $0.name) }
    if doors != .tokens { #expect(try answers.digests(of: targets) == images.map(\.digest)) }
    // skopeo asks for tokens by itself. It is slow, and every registry is asked by somebody.
    for (target, image) in zip(targets, images) where doors == .tokens || doors == .open {
      #expect(try answers.skopeoDigest(of: target) == image.digest)
    }
    if doors == .tls { #expect(try answers.skopeoDigest(of: targets[0]) == images[0].digest) }
    #expect(new.storage.digests == old.storage.digests)
    for digest in new.storage.digests {
      #expect(new.storage.bytes(of: digest).map { BlobDigest.of($0) } == digest)
    }
  }

  @Test func `needs only one of the two registries at a time`() throws {
    let old = try RegistryProcess(fixtures: true)
    let ferry = try FerryProcess()
    try ferry.export([old.reference("team/app:1.0")], to: "app.tar")
    old.stop()
    let new = try RegistryProcess()
    try ferry.run(["import", "app.tar", "--plain-http", "--to", "\(new.host)/acme"], exits: 0)
    #expect(
      try new.storage.digest(of: "acme/app", "1.0") == FixtureImages.digest(of: "team/app:1.0"))
  }

  @Test func `carries archives of one image each as well as one of all`() throws {
    let source = try RegistryProcess.fixtures()
    let new = try RegistryProcess()
    let ferry = try FerryProcess()
    try ferry.export([source.reference("team/app")], to: "apps/", "--all-tags")
    let archives = try FileManager.default.contentsOfDirectory(atPath: ferry.file("apps"))
      .map { "apps/\($0)" }
    #expect(archives.count == 5)
    try ferry.run(["import", "--plain-http", "--to", "\(new.host)/acme"] + archives, exits: 0)
    #expect(new.storage.tags(of: "acme/app") == source.storage.tags(of: "team/app"))
    for tag in new.storage.tags(of: "acme/app") {
      #expect(new.storage.digest(of: "acme/app", tag) == source.storage.digest(of: "team/app", tag))
    }
  }
}
