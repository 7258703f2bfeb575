import Foundation
import TestSupport
import Testing

/// podman runs as root alone without more preparation than a test should ask for.
@Suite(.waiting, .enabled(if: geteuid() == 0)) struct `Archives of podman` {
  private let directory = TemporaryDirectory()
  private let ferry: FerryProcess
  private let registry: RegistryProcess
  private let first: DockerSave.Image
  private let second: DockerSave.Image

  init() throws {
    ferry = try FerryProcess()
    registry = try RegistryProcess()
    first = DockerSave.Image(["a.example/old/first:1"], layers: [try DockerSave.layer("base")])
    second = DockerSave.Image(
      ["a.example/old/second:2"], layers: [try DockerSave.layer("base"), try DockerSave.layer("own")])
    // What stands for docker's archives is what podman loads.
    try DockerSave([first, second]).write(to: directory.file("docker.tar"))
    try podman("load", "-q", "-i", directory.file("docker.tar"))
  }

  private func podman(_ arguments: String...) throws {
    let places = ["--root", "store", "--runroot", "run", "--tmpdir", "tmp"]
    var command = Command(
      "podman",
      places.map { $0.hasPrefix("-") ? $0 : directory.file($0) } + ["--storage-driver", "vfs"] + arguments)
    command.directory = directory.path
    let result = try command.run()
    guard result.status == 0 else { throw TestFailure("podman \(arguments): \(result.standardError)") }
  }

  private func `import`(_ name: String) throws {
    try ferry.run(["verify", "--deep", directory.file(name)], exits: 0)
    try ferry.run(
      ["import", "--plain-http", "--to", "\(registry.host)/new", directory.file(name)], exits: 0)
  }

  @Test func `arrive, one image or several`() throws {
    try podman("save", "-q", "-m", "-o", directory.file("both.tar"), first.tags[0], second.tags[0])
    try `import`("both.tar")
    for (image, repository, tag) in [(first, "new/first", "1"), (second, "new/second", "2")] {
      let digest = try #require(registry.storage.digest(of: repository, tag))
      let manifest = try #require(registry.storage.bytes(of: digest))
      #expect(String(decoding: manifest, as: UTF8.self).contains(#""digest":"\#(image.id)""#))
    }
  }

  @Test(arguments: ["oci-archive", "oci-dir", "docker-dir"]) func `in other forms arrive as they are`(
    format: String
  ) throws {
    try podman("save", "-q", "--format", format, "-o", directory.file("x"), second.tags[0])
    let scheme = ["oci-dir": "oci", "docker-dir": "dir"][format] ?? format
    let raw = try Command("skopeo", ["inspect", "--raw", "\(scheme):\(directory.file("x"))"]).run()
    if format != "oci-archive" {
      try ferry.run(
        ["import", "--plain-http", "--to", "\(registry.host)/new", directory.file("x"), "--as", "second:2"],
        exits: 0)
    } else {
      try `import`("x")
    }
    #expect(registry.storage.digest(of: "new/second", "2") == BlobDigest.of(raw.output))
  }
}
