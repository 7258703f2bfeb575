import Foundation
import TestSupport
import Testing

/// One image in several archives, as tools save it on machines that have some of its platforms each.
@Suite(.waiting) struct `An image that lies in several archives` {
  private let ferry: FerryProcess
  private let registry = ScriptedRegistry()

  init() throws { ferry = try FerryProcess() }

  /// An index for two platforms, of which `a.tar` has what a script gives it.
  private static let index = """
    a, b = Image('amd'), Image('arm', arch='arm64')
    i = index([a.child(), b.child()])
    def files(one, blobs):
      f = layout([of(i, INDEX, annotations={'io.containerd.image.name': 'docker.io/library/nginx:1.27'})], [i, *blobs])
      f['manifest.json'] = text([one.listed(['nginx:1.27'])])
      write(f)
      print(digest(i), digest(b.manifest))

    """

  private static func made(_ script: String) throws -> MadeArchive { try MadeArchive(index + script) }

  private func run(
    _ command: String, _ archives: [MadeArchive], _ options: String..., to space: String, exits: Int32
  )
    throws -> CommandResult
  {
    try ferry.run(
      [command, "--plain-http", "--to", "\(registry.host)/\(space)"] + archives.map(\.path) + options,
      exits: exits)
  }

  @Test func `is imported, and checked, as the one has it that has most of it`() throws {
    let part = try Self.made("files(a, a.blobs)")
    let whole = try Self.made("files(a, a.blobs + b.blobs)")
    let digests = part.printed[0].split(separator: " ").map(String.init)
    _ = try run("import", [part], to: "one", exits: 0)
    _ = try run("check", [part], to: "one", exits: 0)
    for archives in [[part, whole], [whole, part]] {
      let differs = try run("check", archives, to: "one", exits: 4)
      #expect(differs.standardOutput.contains("0 of 1 image"), "\(differs.standardOutput)")
    }
    for (space, archives) in [("first", [part, whole]), ("second", [whole, part])] {
      _ = try run("import", archives, to: space, exits: 0)
      #expect(registry.digest(of: "\(space)/nginx", "1.27") == digests[0])
      #expect(registry.hasManifest(digests[1], in: "\(space)/nginx"))
      _ = try run("check", archives, to: space, exits: 0)
      _ = try run("check", [whole], to: space, exits: 0)
    }
  }

  @Test func `and in each in part is refused, with what can be done`() throws {
    let one = try Self.made("files(a, a.blobs)")
    let other = try Self.made("files(b, b.blobs)")
    for options in [[], ["--sparse-index"]] {
      let command =
        ["import", "--plain-http", "--to", "\(registry.host)/new", one.path, other.path] + options
      try ferry.run(command, exits: 15).complains("in each of them with something that another lacks", "--as")
    }
    try run("check", [one, other], to: "new", exits: 15).complains("with something that another lacks")
    #expect(registry.tags.isEmpty)
    _ = try run("import", [one], "--as", "nginx:amd64", to: "new", exits: 0)
    _ = try run("import", [other], "--as", "nginx:arm64", to: "new", exits: 0)
  }

  @Test func `is looked at by receipts for all that any of them says was pushed`() throws {
    let part = try Self.made("files(a, a.blobs)")
    let whole = try Self.made("files(a, a.blobs + b.blobs)")
    // Another registry, for what is in this one could be anybody's.
    let other = ScriptedRegistry()
    try ferry.run(
      ["import", "--plain-http", "--to", "\(other.host)/new", whole.path, "--receipt", "all.json"], exits: 0)
    _ = try run("import", [part], "--sparse-index", "--receipt", "some.json", to: "new", exits: 0)
    let check = ["check", "--plain-http", "--to", "\(registry.host)/new"]
    try ferry.run(check + ["some.json"], exits: 0)
    for receipts in [["all.json", "some.json"], ["some.json", "all.json"]] {
      try ferry.run(check + receipts, exits: 4)
    }
  }
}
