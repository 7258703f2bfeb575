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

  @Test func `is taken from the one that has all of it, whatever parts of it others have`() throws {
    let one = try Self.made("files(a, a.blobs)")
    let other = try Self.made("files(b, b.blobs)")
    let whole = try Self.made("files(a, a.blobs + b.blobs)")
    let digests = whole.printed[0].split(separator: " ").map(String.init)
    for (number, archives) in [[one, other, whole], [one, whole, other], [whole, other, one]].enumerated() {
      _ = try run("import", archives, to: "new\(number)", exits: 0)
      #expect(registry.digest(of: "new\(number)/nginx", "1.27") == digests[0])
      #expect(registry.hasManifest(digests[1], in: "new\(number)/nginx"))
    }
  }

  @Test func `and in each in part stops no other image, where others are to be taken`() throws {
    let more = """
      o, s = Image('other'), Image('signature')
      tag = digest(i).replace(':', '-') + '.sig'
      def files(one, blobs):
        names = [('nginx:1.27', of(i, INDEX)), ('other:1', o.entry()), ('nginx:' + tag, s.entry())]
        f = layout([{**e, 'annotations': {'io.containerd.image.name': 'docker.io/library/' + n}} for n, e in names],
          [i, *o.blobs, *s.blobs, *blobs])
        f['manifest.json'] = text([one.listed(['nginx:1.27']), o.listed(['other:1']), s.listed(['nginx:' + tag])])
        write(f)

      """
    let one = try Self.made(more + "files(a, a.blobs)")
    let other = try Self.made(more + "files(b, b.blobs)")
    _ = try run("import", [one, other], to: "new", exits: 15)
    #expect(registry.tags.isEmpty)
    let name = "docker.io/library/nginx:1.27"
    try run("import", [one, other], "--keep-going", to: "new", exits: 3).complains("\(name): \(name) lies in")
    #expect(registry.tags.count == 1 && registry.digest(of: "new/other", "1") != nil)
    // What refers to the index does not go without it.
    try run("import", [one, other], "--keep-going", "--sparse-index", to: "new", exits: 3).complains(
      "\(name): \(name) lies in", "it refers to \(name), which did not arrive")
    #expect(registry.tags.count == 1)
  }

  @Test func `has the platform that is asked for in one of them`() throws {
    let one = try Self.made("files(a, a.blobs)")
    let other = try Self.made("files(b, b.blobs)")
    let arm = other.printed[0].split(separator: " ").map(String.init)[1]
    for (space, archives) in [("first", [one, other]), ("second", [other, one])] {
      let result = try run("import", archives, "--platform", "linux/arm64", to: space, exits: 0)
      result.complains("in \(one.path) is for other platforms: taking the one in \(other.path)")
      #expect(registry.digest(of: "\(space)/nginx", "1.27") == arm)
      _ = try run("check", archives, "--platform", "linux/arm64", to: space, exits: 0)
      try run("import", archives, "--platform", "linux/s390x", to: space, exits: 12).complains(
        "has nothing for linux/s390x")
    }
  }

  /// Two images of one name for a platform each, as two hosts save them, and two indexes for both.
  private static let twoOfOneName = """
    a, b, c, d = Image('amd'), Image('arm', arch='arm64'), Image('amd2'), Image('arm2', arch='arm64')
    i, j = index([a.child(), b.child()]), index([c.child(), d.child()])
    name = {'annotations': {'io.containerd.image.name': 'old.example/team/app:1'}}
    write(layout([a.entry(**name)], a.blobs), 'amd.tar')
    write(layout([b.entry(**name)], b.blobs), 'arm.tar')
    write(layout([of(i, INDEX, **name)], [i, *a.blobs, *b.blobs]), 'i.tar')
    write(layout([of(j, INDEX, **name)], [j, *c.blobs, *d.blobs]), 'j.tar')
    for m in a.manifest, b.manifest, d.manifest: print(digest(m))
    """

  @Test func `by the same name as another one is the one for the platform that is asked for`() throws {
    let made = try MadeArchive(Self.twoOfOneName)
    let archives = ["amd.tar", "arm.tar"].map(made.directory.file)
    let place = ["--plain-http", "--to", "\(registry.host)/new", "--platform", "linux/arm64"]
    try ferry.run(["import"] + archives + place, exits: 0).complains(
      "old.example/team/app:1 in \(archives[0]) is for other platforms: taking the one in \(archives[1])")
    #expect(registry.digest(of: "new/app", "1") == made.printed[1])
    try ferry.run(["check"] + archives + place, exits: 0)
    try ferry.run(["import", archives[0]] + place, exits: 12).complains("has nothing for linux/arm64")
    try ferry.run(["import"] + archives + place.dropLast(2), exits: 15)
  }

  @Test func `by the same name as another one is chosen by the digest that is named`() throws {
    let made = try MadeArchive(Self.twoOfOneName)
    let place =
      ["import"] + ["i.tar", "j.tar"].map(made.directory.file) + [
        "--plain-http", "--to", "\(registry.host)/new", "--platform", "linux/arm64",
      ]
    let refused = try ferry.run(place, exits: 15).standardError
    let digest = try #require(refused.firstMatch(of: /--image (sha256:[0-9a-f]{64})/)).1
    try ferry.run(place + ["--image", String(digest)], exits: 0)
    #expect(made.printed.dropFirst().contains(try #require(registry.digest(of: "new/app", "1"))))
  }

  @Test func `by the same name as one that is damaged does not pass for that`() throws {
    let made = try MadeArchive(
      """
      a, b, more = Image('one'), Image('two'), Image('more')
      write(layout([a.entry('app:1')], a.blobs))
      f = layout([b.entry('app:1'), more.entry('more:1')], b.blobs + more.blobs)
      f[blob(b.manifest)] = b.manifest.replace(b'layers', b'Layers'); write(f, 'b.tar'); print(digest(a.manifest))
      """)
    let place = [
      "import", made.path, made.directory.file("b.tar"), "--plain-http", "--to", "\(registry.host)/new",
    ]
    try ferry.run(place + ["--keep-going"], exits: 3).complains("old.example/team/app:1: it is damaged in")
    #expect(registry.digest(of: "new/app", "1") == nil && registry.digest(of: "new/more", "1") != nil)
    #expect(registry.hasManifest(made.printed[0], in: "new/app"))
    try ferry.run(place + ["--image", made.printed[0]], exits: 0)
    #expect(registry.digest(of: "new/app", "1") == made.printed[0])
  }

  @Test func `brings along what refers to it in another archive`() throws {
    let made = try MadeArchive(
      """
      x, y, s = Image('x'), Image('y'), Image('signature')
      r = Image('sbom', change=lambda d: d.update(subject=of(x.manifest, MANIFEST)))
      tag = digest(x.manifest).replace(':', '-') + '.sig'
      write(layout([x.entry('x:1')], x.blobs))
      write(layout([y.entry('y:1'), s.entry('x:' + tag), r.entry()], y.blobs + s.blobs + r.blobs), 'b.tar')
      print(tag); print(digest(r.manifest))
      """)
    let archives = [made.path, made.directory.file("b.tar")]
    for archives in [archives, archives.reversed()] {
      // By its digest a manifest is there in all repositories of one.
      let registry = ScriptedRegistry()
      let place = archives + ["--plain-http", "--to", "\(registry.host)/new", "--image", "*/x:1"]
      try ferry.run(["import"] + place + ["--no-referrers"], exits: 0)
      #expect(registry.digest(of: "new/x", made.printed[0]) == nil)
      try ferry.run(["import"] + place, exits: 0)
      #expect(registry.digest(of: "new/x", made.printed[0]) != nil)
      #expect(registry.hasManifest(made.printed[1], in: "new/x"))
      #expect(registry.digest(of: "new/y", "1") == nil)
      try ferry.run(["check"] + place, exits: 0)
    }
  }
}
