import TestSupport
import Testing

/// What goes over the wire, as the registries log it.
@Suite(.waiting) struct `Every blob` {
  private func digests(_ requests: [LoggedRequest], _ method: String) -> [String] {
    requests.filter { $0.method == method && $0.status < 300 }
      .compactMap { $0.path.firstMatch(of: /sha256(?::|%3A)[0-9a-f]{64}/).map { String($0.output) } }
      .map { $0.replacing("%3A", with: ":") }
  }

  @Test(arguments: ["all.tar", "all/"])
  func `is fetched once, however many images share it`(output: String) throws {
    let source = try RegistryProcess(fixtures: true)
    let ferry = try FerryProcess()
    let images = try FixtureImages.shared().images.map { source.reference($0.name) }
    try ferry.export(images, to: output)
    source.stop()
    let fetched = digests(source.requests.filter { $0.path.contains("/blobs/") }, "GET")
    #expect(fetched.count > 20)
    #expect(fetched.count == Set(fetched).count)
  }

  @Test func `is uploaded once and mounted everywhere else`() throws {
    let destination = try RegistryProcess()
    let ferry = try FerryProcess()
    try ferry.run(
      ["import", "--plain-http", "--to", "\(destination.host)/new", FixtureArchive.everything()], exits: 0
    ).complains("mounted")
    destination.stop()
    let uploaded = digests(destination.requests.filter { $0.path.contains("/blobs/uploads/") }, "PUT")
    #expect(uploaded.count > 20)
    #expect(uploaded.count == Set(uploaded).count)
    let mounts = destination.requests.filter { $0.method == "POST" && $0.path.contains("mount=") }
    #expect(!mounts.isEmpty && mounts.allSatisfy { $0.status == 201 })
    // The layer that three images of the team share and its worker, too.
    #expect(Set(mounts.map(\.path)).count == mounts.count)
  }

  @Test func `that the destination has is not sent, and a second import changes nothing`() throws {
    let destination = try RegistryProcess()
    let ferry = try FerryProcess()
    let arguments = try [
      "import", FixtureArchive.everything(), "--plain-http", "--to", "\(destination.host)/new",
    ]
    try ferry.run(arguments, exits: 0)
    let images = try FixtureImages.shared().images.count

    let again = try ferry.run(arguments, exits: 0)
    // One of them is a list of referrers.
    again.complains("\(images - 1) images and 1 referrer there already\n")
    #expect(!again.standardError.contains("0 B"))
    #expect(again.lines.count == images)
    // A tag that was lost comes back without a blob being sent.
    try Command.run("rm", ["-r", destination.storage.tagDirectory(of: "new/app", "1.0")])
    let third = try ferry.run(arguments, exits: 0)
    third.complains("1 image pushed", "\(images - 2) images and 1 referrer there already")
    destination.stop()

    // The log of all three: a blob was sent once, a manifest put once, but for the tag that was lost.
    let puts = destination.requests.filter { ["PUT", "PATCH"].contains($0.method) }
    let blobs = digests(puts.filter { $0.path.contains("/blobs/uploads/") }, "PUT")
    #expect(blobs.count > 20 && blobs.count == Set(blobs).count)
    let manifests = Dictionary(grouping: puts.map(\.path).filter { $0.contains("/manifests/") }) { $0 }
    #expect(puts.count == blobs.count + manifests.values.reduce(0) { $0 + $1.count })
    #expect(manifests.filter { $1.count > 1 }.map(\.key) == ["/v2/new/app/manifests/1.0"])
    #expect(manifests["/v2/new/app/manifests/1.0"]?.count == 2)
  }

  @Test func `stays where it is in a dry run`() throws {
    let source = try RegistryProcess(fixtures: true)
    let destination = try RegistryProcess()
    let ferry = try FerryProcess()
    let images = try FixtureImages.shared().images.map { source.reference($0.name) }
    try ferry.export(images, to: "all.tar", "--dry-run")
    let archive = try FixtureArchive.everything()
    try ferry.run(
      ["import", archive, "--plain-http", "--to", "\(destination.host)/new", "--dry-run"], exits: 0)
    source.stop()
    destination.stop()
    #expect(!source.requests.isEmpty)
    // A foreign layer of which HEAD knows nothing is asked for by GET as well, and no other blob.
    #expect(
      source.requests.allSatisfy { !($0.method == "GET" && $0.path.contains("/blobs/") && $0.status != 404) })
    #expect(!destination.requests.isEmpty)
    #expect(destination.requests.allSatisfy { !["PUT", "PATCH"].contains($0.method) })
    #expect(
      destination.requests.count { $0.method == "POST" }
        == destination.requests.count { $0.method == "DELETE" })
    #expect(destination.storage.digests.isEmpty)
  }
}
