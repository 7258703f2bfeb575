import Foundation
import TestSupport
import Testing

/// An image that is damaged in one archive and lies whole in another.
@Suite(.waiting) struct `An image damaged in one of several archives` {
  private let ferry: FerryProcess
  private let registry = ScriptedRegistry()

  init() throws { ferry = try FerryProcess() }

  struct Harm: Sendable, CustomTestStringConvertible {
    let name: String
    /// Makes of `f` and `g`, which hold `x` and `y`, what is written to `A.tar` and `B.tar`.
    let script: String
    /// Whether it shows before a layer is read, so that nothing is pushed unless some may be left out.
    var isOfFront = true
    /// Whether `B.tar` has something wrong too.
    var isDivided = false

    var testDescription: String { name }
  }

  private static let beginning = """
    x, y = Image('x'), Image('y')
    def bent(b): return b[:-1] + b'?'
    def made(*images): return layout([i.entry(n) for n, i in images], [b for n, i in images for b in i.blobs])
    f = made(('x:1', x), ('y:1', y)); g = dict(f)

    """

  private static func made(_ script: String) throws -> MadeArchive {
    try MadeArchive(
      beginning + script
        + "\nwrite(f, 'A.tar'); write(g, 'B.tar'); print(digest(x.manifest)); print(digest(y.manifest))")
  }

  static let harms: [Harm] = [
    Harm(
      name: "in a layer", script: "f[blob(x.layers[0])] = bent(x.layers[0])", isOfFront: false),
    Harm(name: "in its config", script: "f[blob(x.config)] = bent(x.config)", isOfFront: false),
    Harm(name: "in its manifest", script: "f[blob(x.manifest)] = x.manifest.replace(b'layers', b'Layers')"),
    Harm(name: "that lacks a layer", script: "del f[blob(x.layers[0])]"),
    Harm(name: "that lacks its manifest", script: "del f[blob(x.manifest)]"),
    Harm(name: "with a layer that is cut", script: "f[blob(x.layers[0])] = x.layers[0][:-9]"),
    Harm(
      name: "in its first layer, and in the second in the other",
      script: "f[blob(x.layers[0])] = bent(x.layers[0]); g[blob(x.layers[1])] = bent(x.layers[1])",
      isOfFront: false, isDivided: true),
    Harm(
      name: "that lacks its first layer, and the second in the other",
      script: "del f[blob(x.layers[0])]; del g[blob(x.layers[1])]", isDivided: true),
    Harm(
      name: "that lacks a layer, and is damaged in its manifest in the other",
      script: "del f[blob(x.layers[0])]; g[blob(x.manifest)] = x.manifest.replace(b'layers', b'Layers')",
      isDivided: true),
    Harm(
      name: "in its manifest, and in a layer in the other",
      script:
        "f[blob(x.manifest)] = x.manifest.replace(b'layers', b'Layers'); g[blob(x.layers[1])] = bent(x.layers[1])",
      isDivided: true),
  ]

  @Test(arguments: harms) func `is taken from where it is right, and the damage is told`(harm: Harm) throws {
    let made = try Self.made(harm.script)
    let archives = ["A.tar", "B.tar"].map(made.directory.file)
    for (number, order) in [archives, archives.reversed()].enumerated() {
      // What is in a registry is not read: there is one for each.
      func `import`(to new: ScriptedRegistry, _ options: String..., exits status: Int32) throws
        -> CommandResult
      {
        try ferry.run(
          ["import", "--plain-http", "--to", "\(new.host)/new"] + order + options, exits: status)
      }
      func expectAll(in new: ScriptedRegistry) {
        for (name, digest) in zip(["x", "y"], made.printed) {
          #expect(new.digest(of: "new/\(name)", "1") == digest, "\(name)")
        }
      }
      let (first, second, third) = (ScriptedRegistry(), ScriptedRegistry(), ScriptedRegistry())
      let going = try `import`(to: first, "--keep-going", exits: 0)
      expectAll(in: first)
      if harm.isOfFront || harm.isDivided || number == 0 {
        #expect(
          archives.contains { going.standardError.contains($0) } && going.standardError.contains("taking"),
          "\(going.standardError)")
      }
      let plain = try `import`(to: second, exits: harm.isOfFront ? 14 : 0)
      if harm.isOfFront {
        #expect(archives.contains { plain.standardError.contains("\($0) is damaged") })
        #expect(second.digest(of: "new/x", "1") == nil && second.digest(of: "new/y", "1") == nil)
        // What it tells to type works.
        plain.complains("--keep-going")
        _ = try `import`(to: second, "--keep-going", exits: 0)
      }
      expectAll(in: second)
      _ = try `import`(to: third, "--image", "*/x:1", exits: 0)
      #expect(third.digest(of: "new/x", "1") == made.printed[0])
    }
  }

  @Test(arguments: [
    ("the same layer is damaged in both", "f[blob(x.layers[0])] = g[blob(x.layers[0])] = bent(x.layers[0])"),
    (
      "its manifest is damaged in both",
      "f[blob(x.manifest)] = g[blob(x.manifest)] = x.manifest.replace(b'layers', b'Layers')"
    ),
    ("the same layer is in neither", "del f[blob(x.layers[0])]; del g[blob(x.layers[0])]"),
    ("the other is another one by its name", "f[blob(x.manifest)] = bent(x.manifest); g = made(('x:1', y))"),
  ]) func `fails by its name, and no other, where`(what: String, script: String) throws {
    let made = try Self.made(script)
    let archives = ["A.tar", "B.tar"].map(made.directory.file)
    for (space, order) in [("one", archives), ("two", archives.reversed())] {
      try ferry.run(
        ["import", "--plain-http", "--keep-going", "--to", "\(registry.host)/\(space)"] + order, exits: 3
      ).complains("old.example/team/x:1")
      #expect(registry.digest(of: "\(space)/x", "1") == nil)
      #expect(registry.digest(of: "\(space)/y", "1") == made.printed[1])
    }
  }

  @Test func `is taken by all the names that it has there`() throws {
    let made = try Self.made(
      """
      f = made(('x:1', x), ('x:2', x), ('y:1', y)); g = made(('x:1', x))
      f[blob(x.manifest)] = x.manifest.replace(b'layers', b'Layers')
      """)
    try ferry.run(
      ["import", "--plain-http", "--keep-going", "--to", "\(registry.host)/new"]
        + ["A.tar", "B.tar"].map(made.directory.file), exits: 0)
    for tag in ["1", "2"] { #expect(registry.digest(of: "new/x", tag) == made.printed[0]) }
  }

  @Test func `does not pass for one of another platform`() throws {
    let made = try Self.made("f[blob(x.config)] = bent(x.config)")
    let archives = ["A.tar", "B.tar"].map(made.directory.file)
    for order in [archives, archives.reversed()] {
      try ferry.run(
        [
          "import", "--plain-http", "--to", "\(registry.host)/new", "--platform", "linux/s390x", "--image",
          "*/x:1",
        ]
          + order,
        exits: 12
      ).complains("has nothing for linux/s390x")
    }
  }

  @Test func `is compressed from where it is right`() throws {
    let made = try Self.made(
      "x = plain('x'); f = made(('x:1', x)); g = dict(f); f[blob(x.layers[0])] = bent(x.layers[0])")
    let archives = ["A.tar", "B.tar"].map(made.directory.file)
    try ferry.run(
      ["import", "--plain-http", "--compress-layers", "--to", "\(registry.host)/new"] + archives, exits: 0
    ).complains("\(archives[0]) is damaged", "from \(archives[1])")
    #expect(registry.digest(of: "new/x", "1") != nil)
  }

  // MARK: Volumes and pipes

  /// `a.tar` of two images, and `d.tar`, the same with a wrong bit in a layer.
  private func exported() throws {
    for name in ["good", "bad"] {
      registry.add(image: [Self.layer(name)], diffIDs: [BlobDigest.of([1])], to: "old/\(name)", tag: "1")
    }
    try ferry.export(["old/bad:1", "old/good:1"].map(registry.reference), to: "a.tar")
    var damaged = try DamagedArchive(of: ferry.file("a.tar"))
    try damaged.flip(damaged.blob(BlobDigest.of(Self.layer("bad"))).content + 30)
    try damaged.write(to: ferry.file("d.tar"))
  }

  private static func layer(_ name: String) -> [UInt8] { Array(String(repeating: name, count: 3000).utf8) }

  @Test func `is taken from where it is right of volumes as well`() throws {
    try exported()
    let set = try VolumeSet(cutting: ferry.file("d.tar"), size: 8000)
    let whole = try VolumeSet(cutting: ferry.file("a.tar"), size: 9000)
    for (space, other) in [("one", ferry.file("a.tar")), ("two", whole.path(0))] {
      for options in [[], ["--keep-going"]] {
        // Another registry each time: what is there is not read.
        let new = ScriptedRegistry()
        try ferry.run(
          ["import", "--plain-http", "--to", "\(new.host)/\(space)", set.path(0), other] + options, exits: 0
        ).complains("is damaged: \(BlobDigest.of(Self.layer("bad")))")
        #expect(new.digest(of: "\(space)/bad", "1") == registry.digest(of: "old/bad", "1"))
      }
    }
    let new = ScriptedRegistry()
    let both = ["import", "--plain-http", "--to", "\(new.host)/new", set.path(0), ferry.file("d.tar")]
    try ferry.run(both, exits: 14).complains("Carry the archive over again")
    try ferry.run(both + ["--keep-going"], exits: 3).complains("old/bad:1")
    #expect(new.digest(of: "new/good", "1") != nil && new.digest(of: "new/bad", "1") == nil)
  }

  /// Ferry's archives are pushed as they come, through a pipe or out of a compressed file.
  @Test(arguments: [
    "cat d.tar | $ferry import - a.tar", "cat d.tar | $ferry import a.tar -",
    "cat a.tar | $ferry import d.tar -",
    "$ferry import d.tar.gz a.tar", "$ferry import d.tar a.tar.gz", "$ferry import d.tar.gz a.tar.gz",
    "cat a.tar | $ferry import d.tar d.tar.gz -",
  ]) func `is taken from where it is right of what comes once as well`(script: String) throws {
    try exported()
    for name in ["a", "d"] { try Command.run("gzip", ["-k", ferry.file("\(name).tar")]) }
    for (number, option) in ["", " --keep-going"].enumerated() {
      let new = ScriptedRegistry()
      let piped = try Pipeline(ferry: ferry).run(
        script + " --plain-http --to \(new.host)/new\(option)")
      #expect(piped.status == 0, "\(number): \(piped.standardError)")
      piped.complains("is damaged: \(BlobDigest.of(Self.layer("bad")))", "taking")
      for name in ["good", "bad"] {
        #expect(new.digest(of: "new/\(name)", "1") == registry.digest(of: "old/\(name)", "1"))
      }
    }
  }

  @Test func `fails by its name where each comes once and is damaged`() throws {
    try exported()
    try Command.run("gzip", ["-k", ferry.file("d.tar")])
    let new = ScriptedRegistry()
    let failed = try Pipeline(ferry: ferry).run(
      "cat d.tar | $ferry import d.tar.gz - d.tar --keep-going --plain-http --to \(new.host)/new")
    #expect(failed.status == 3, "\(failed.standardError)")
    failed.complains("failed: \(registry.reference("old/bad:1"))")
    #expect(new.digest(of: "new/good", "1") != nil && new.digest(of: "new/bad", "1") == nil)
  }
}
