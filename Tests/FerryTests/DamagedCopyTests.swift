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
      let plain = try `import`(to: second, exits: 0)
      if harm.isOfFront { plain.complains("taking what") }
      expectAll(in: second)
      _ = try `import`(to: third, "--image", "*/x:1", exits: 0)
      #expect(third.digest(of: "new/x", "1") == made.printed[0])
    }
  }

  /// The most common archive has one image.
  @Test(arguments: harms) func `is taken from where it is right where nothing else lies in either`(harm: Harm)
    throws
  {
    let made = try Self.made("f = made(('x:1', x)); g = dict(f); " + harm.script)
    let archives = ["A.tar", "B.tar"].map(made.directory.file)
    for order in [archives, archives.reversed()] {
      for options in [[], ["--keep-going"], ["--image", "*/x:1"], ["--dry-run"]] {
        let new = ScriptedRegistry()
        let taken = try ferry.run(
          ["import", "--plain-http", "--to", "\(new.host)/new"] + order + options, exits: 0)
        if harm.isOfFront { taken.complains("old.example/team/x:1: ", "taking what", ".tar has") }
        guard options != ["--dry-run"] else { continue }
        #expect(new.digest(of: "new/x", "1") == made.printed[0])
      }
    }
    // An archive that has nothing of it is of no help.
    try MadeArchive.write(
      "z = Image('z'); write(layout([z.entry('z:1')], z.blobs), 'Z.tar')", in: made.directory)
    guard harm.isOfFront else { return }
    let damaged = [archives[0], made.directory.file("Z.tar")]
    try ferry.run(["import", "--plain-http", "--to", "\(registry.host)/new"] + damaged, exits: 14).complains(
      "\(archives[0]) is damaged", "--keep-going imports the other archives.")
    #expect(registry.digest(of: "new/z", "1") == nil)
    try ferry.run(
      ["import", "--plain-http", "--keep-going", "--to", "\(registry.host)/new"] + damaged, exits: 3
    ).complains(archives[0])
    #expect(registry.digest(of: "new/z", "1") != nil && registry.digest(of: "new/x", "1") == nil)
  }

  /// Of an index, one platform in one archive and one in the other.
  @Test(arguments: [
    "f[blob(a.manifest)] = bent(a.manifest); g[blob(b.manifest)] = bent(b.manifest)",
    "del f[blob(a.manifest)]; g[blob(b.manifest)] = bent(b.manifest)",
    "f[blob(a.manifest)] = bent(a.manifest); del g[blob(b.layers[0])]",
    "f[blob(a.manifest)] = bent(a.manifest); f[blob(b.config)] = bent(b.config); g[blob(b.manifest)] = bent(b.manifest)",
  ]) func `is put together where each has another part of it`(script: String) throws {
    let made = try Self.made(
      """
      a, b = Image('a'), Image('b', arch='arm64'); i = index([a.child(), b.child()])
      f = layout([of(i, INDEX, annotations=called('x:1'))], [i, *a.blobs, *b.blobs]); g = dict(f); print(digest(i))

      """ + script)
    let archives = ["A.tar", "B.tar"].map(made.directory.file)
    for order in [archives, archives.reversed()] {
      for options in [[], ["--keep-going"]] {
        let new = ScriptedRegistry()
        try ferry.run(["import", "--plain-http", "--to", "\(new.host)/new"] + order + options, exits: 0)
          .complains("taking what")
        #expect(new.digest(of: "new/x", "1") == made.printed[0])
      }
    }
  }

  @Test func `is told by the archive that calls it so where another one has the name too`() throws {
    let made = try Self.made(
      """
      g = made(('x:2', x)); write(made(('x:1', y)), 'C.tar'); f[blob(x.manifest)] = bent(x.manifest)
      """)
    let archives = ["A.tar", "B.tar", "C.tar"].map(made.directory.file)
    let refused = try ferry.run(
      ["import", "--plain-http", "--keep-going", "-q", "--to", "\(registry.host)/new"] + archives, exits: 15)
    refused.complains("old.example/team/x:1", archives[0], archives[2])
    #expect(!refused.standardError.contains(archives[1]))
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

  @Test func `is told of a pipe by a dry run as a run does`() throws {
    try exported()
    var cut = try DamagedArchive(of: ferry.file("a.tar"))
    try cut.cut(at: cut.blob(BlobDigest.of(Self.layer("good"))).content + 100)
    try cut.write(to: ferry.file("cut.tar"))
    for (script, plain, going) in [
      ("cat d.tar | $ferry import - a.tar", 0, 0), ("cat d.tar | $ferry import a.tar -", 0, 0),
      ("gzip -c d.tar | $ferry import - a.tar", 0, 0), ("cat cut.tar | $ferry import - a.tar", 14, 0),
      ("cat d.tar | $ferry import - d.tar", 14, 3),
    ] as [(String, Int32, Int32)] {
      for (option, status) in [("", plain), (" --keep-going", going)] {
        let new = ScriptedRegistry()
        for option in [option + " --dry-run", option] {
          let piped = try Pipeline(ferry: ferry).run(script + " --plain-http --to \(new.host)/new\(option)")
          #expect(piped.status == status, "\(script)\(option): \(piped.standardError)")
        }
      }
    }
  }

  @Test func `is taken from the other of two that come once, each with damage of its own`() throws {
    try exported()
    var damaged = try DamagedArchive(of: ferry.file("a.tar"))
    try damaged.flip(damaged.blob(BlobDigest.of(Self.layer("good"))).content + 30)
    try damaged.write(to: ferry.file("e.tar"))
    for name in ["d", "e"] { try Command.run("gzip", ["-k", ferry.file("\(name).tar")]) }
    for script in [
      "$ferry import d.tar.gz e.tar.gz", "$ferry import e.tar.gz d.tar.gz",
      "cat d.tar | $ferry import e.tar.gz -",
    ] {
      for option in ["", " --keep-going"] {
        let new = ScriptedRegistry()
        let piped = try Pipeline(ferry: ferry).run(script + " --plain-http --to \(new.host)/new\(option)")
        #expect(piped.status == 0, "\(script)\(option): \(piped.standardError)")
        for name in ["good", "bad"] {
          piped.complains("is damaged: \(BlobDigest.of(Self.layer(name)))")
          #expect(new.digest(of: "new/\(name)", "1") == registry.digest(of: "old/\(name)", "1"))
        }
      }
    }
  }

  /// A pipe that breaks off in a layer, or brings more than an archive.
  @Test func `or cut, that comes once, stops no other archive that keeps going`() throws {
    try exported()
    registry.add(image: [Self.layer("other")], diffIDs: [BlobDigest.of([1])], to: "old/other", tag: "1")
    try ferry.export([registry.reference("old/other:1")], to: "o.tar")
    var cut = try DamagedArchive(of: ferry.file("a.tar"))
    try cut.cut(at: cut.blob(BlobDigest.of(Self.layer("good"))).content + 100)
    try cut.write(to: ferry.file("cut.tar"))
    func run(_ script: String, exits status: Int32) throws -> (new: ScriptedRegistry, result: CommandResult) {
      let new = ScriptedRegistry()
      let result = try Pipeline(ferry: ferry).run(script + " --plain-http --to \(new.host)/new")
      #expect(result.status == status, "\(script): \(result.standardError)")
      return (new, result)
    }
    for order in ["- o.tar", "o.tar -"] {
      let (new, result) = try run("cat cut.tar | $ferry import \(order) --keep-going", exits: 3)
      result.complains("\(registry.reference("old/good:1")): standard input lacks 1 blob of it")
      #expect(new.digest(of: "new/other", "1") != nil && new.digest(of: "new/good", "1") == nil)
    }
    let (none, stopped) = try run("cat cut.tar | $ferry import - o.tar", exits: 14)
    stopped.complains("truncated", "--keep-going imports the other archives.")
    #expect(none.digest(of: "new/good", "1") == nil)
    // What did not come is in another one.
    for order in ["- a.tar", "a.tar -", "- a.tar.gz"] {
      if order.hasSuffix("gz") { try Command.run("gzip", ["-k", ferry.file("a.tar")]) }
      let (new, _) = try run("cat cut.tar | $ferry import \(order) --keep-going", exits: 0)
      for name in ["good", "bad"] {
        #expect(new.digest(of: "new/\(name)", "1") == registry.digest(of: "old/\(name)", "1"))
      }
    }
    // Of what is not as it has to be nothing is taken.
    let (rest, told) = try run(
      "{ cat a.tar; printf x; } | $ferry import - o.tar --keep-going", exits: 3)
    told.complains("goes on", registry.reference("old/bad:1"))
    #expect(rest.digest(of: "new/other", "1") != nil && rest.digest(of: "new/bad", "1") == nil)
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
