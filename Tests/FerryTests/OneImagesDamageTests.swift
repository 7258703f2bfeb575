import Foundation
import TestSupport
import Testing

/// What is wrong with one image of an archive is that image's fault alone.
@Suite(.waiting) struct `Damage to one image` {
  private let ferry: FerryProcess
  private let registry = ScriptedRegistry()

  init() throws { ferry = try FerryProcess() }

  struct Harm: Sendable, CustomTestStringConvertible {
    let name: String
    /// Makes of `good` and `bad` what is written.
    let script: String
    /// What is said of `bad`.
    let says: String

    var testDescription: String { name }
  }

  private static let beginning = """
    good, bad = Image('good'), Image('bad')
    def put(bad, entry=None, change=None):
      f = layout([good.entry('good:1'), entry or bad.entry('bad:1')], good.blobs + bad.blobs)
      if change: change(f)
      write(f)
    def entry(**changes): return {**bad.entry('bad:1'), **changes}
    def manifest(change): put(Image('bad', change=change))

    """

  static let harms: [Harm] = [
    Harm(
      name: "a layer's size (ggcr#1726)", script: "manifest(lambda d: d['layers'][0].update(size=7))",
      says: "bytes instead of 7"),
    Harm(
      name: "a shared layer's size, in the first image",
      script: """
        bad = Image('good', arch='arm64', change=lambda d: d['layers'][0].update(size=7))
        write(layout([bad.entry('bad:1'), good.entry('good:1')], bad.blobs + good.blobs))
        """, says: "bytes instead of 7"),
    Harm(
      name: "a shared layer's size, in the last image",
      script: "put(Image('good', arch='arm64', change=lambda d: d['layers'][0].update(size=7)))",
      says: "bytes instead of 7"),
    Harm(
      name: "a manifest's size (moby#46641)", script: "put(bad, entry(size=len(bad.manifest) + 3))",
      says: "has"),
    Harm(name: "a manifest's size, too small", script: "put(bad, entry(size=7))", says: "bytes instead of 7"),
    Harm(
      name: "a digest by blake3 in the list", script: "put(bad, entry(digest='blake3:' + 'ab' * 32))",
      says: "manifests[1].digest"),
    Harm(
      name: "a digest by sha512 of nothing that is there, in the list",
      script: "put(bad, entry(digest='sha512:' + 'ab' * 64))", says: "missing"),
    Harm(
      name: "a digest by nothing known in the list (distribution#4420)",
      script: "put(bad, entry(digest='wat:1234'))", says: "'wat:1234' is no digest"),
    Harm(
      name: "a size with a fraction in the list", script: "put(bad, entry(size=float(len(bad.manifest))))",
      says: "manifests[1].size"),
    Harm(
      name: "a size with an exponent in the list",
      script: """
        f = layout([good.entry('good:1'), entry(size=77777)], good.blobs + bad.blobs)
        f['index.json'] = f['index.json'].replace(b'77777', b'1e300'); write(f)
        """, says: "manifests[1].size"),
    Harm(name: "no size in the list", script: "put(bad, entry(size=None))", says: "manifests[1].size"),
    Harm(
      name: "a layer's digest by nothing known",
      script: "manifest(lambda d: d['layers'][0].update(digest='blake9:abc'))",
      says: "'layers[0].digest': 'blake9:abc' is no digest"),
    Harm(
      name: "a config's digest by blake3",
      script: "manifest(lambda d: d['config'].update(digest='blake3:' + 'ab' * 32))",
      says: "'config.digest': its digest is a blake3; Ferry computes sha256, sha384 and sha512"),
    Harm(
      name: "a config's digest by sha512 of nothing that is there",
      script: "manifest(lambda d: d['config'].update(digest='sha512:' + 'ab' * 64))", says: "missing"),
    Harm(
      name: "a platform's digest by nothing known",
      script: """
        i = index([bad.child(), {**good.child(), 'digest': 'sha999:12'}])
        write(layout([good.entry('good:1'), of(i, INDEX, annotations=called('bad:1'))], [*good.blobs, *bad.blobs, i]))
        """, says: "'manifests[1].digest': 'sha999:12' is no digest"),
    Harm(
      name: "a manifest with a wrong bit",
      script:
        "put(bad, change=lambda f: f.update({blob(bad.manifest): bad.manifest.replace(b'layers', b'Layers')}))",
      says: "hashes to"),
    Harm(
      name: "a config with a wrong bit",
      script:
        "put(bad, change=lambda f: f.update({blob(bad.config): bad.config.replace(b'linux', b'minix')}))",
      says: "hashes to"),
    Harm(
      name: "a manifest that is none", script: "manifest(lambda d: d.update(config=7))",
      says: "'config' has the wrong type"),
    Harm(
      name: "a missing layer", script: "put(bad, change=lambda f: f.pop(blob(bad.layers[0])))",
      says: "missing"),
    Harm(
      name: "a missing manifest", script: "put(bad, change=lambda f: f.pop(blob(bad.manifest)))",
      says: "missing"),
    Harm(
      name: "a missing layer, and another image's manifest with a wrong bit",
      script: """
        worse = Image('worse')
        f = layout([good.entry('good:1'), bad.entry('bad:1'), worse.entry('worse:1')], good.blobs + bad.blobs + worse.blobs)
        f.pop(blob(bad.layers[0])); f[blob(worse.manifest)] = worse.manifest.replace(b'layers', b'Layers'); write(f)
        """, says: "hurts old.example/team/worse:1"),
    Harm(
      name: "a config that is there twice, with other bytes",
      script: """
        f = layout([good.entry('good:1'), bad.entry('bad:1')], good.blobs + bad.blobs)
        write([*f.items(), (blob(bad.config), bad.config.replace(b'linux', b'minix'))])
        """, says: "is there twice"),
    Harm(
      name: "docker's list without a layer",
      script: saved
        + "write({**saved(p), **saved(q), 'manifest.json': text([one, q.listed(['old.example/team/bad:1'], ['', blob(q.layers[1])])])})",
      says: "has no layer 1"),
    Harm(
      name: "docker's list with a layer that is missing",
      script: saved
        + "f = {**saved(p), **saved(q), 'manifest.json': text([one, two])}; f.pop(blob(q.layers[0])); write(f)",
      says: "missing: blobs/sha256/"),
    Harm(
      name: "docker's list with a config that is none",
      script: saved
        + "write({**saved(p), **saved(q), 'x.json': b'{}', 'manifest.json': text([one, {**two, 'Config': 'x.json'}])})",
      says: "x.json speaks of 0"),
    Harm(
      name: "two images of one name",
      script: """
        worse = Image('worse')
        write(layout([good.entry('good:1'), bad.entry('bad:1'), worse.entry('bad:1')], good.blobs + bad.blobs + worse.blobs))
        """, says: "two images are called old.example/team/bad:1"),
    Harm(
      name: "docker's list with two images of one name",
      script: saved + """
        r = plain('r')
        write({**saved(p), **saved(q), **saved(r), 'manifest.json': text([one, two, r.listed(['old.example/team/bad:1'])])})
        """, says: "two images are called old.example/team/bad:1"),
    Harm(
      name: "docker's list with the name of another image",
      script: """
        worse = Image('worse')
        f = layout([good.entry('good:1'), bad.entry('bad:1'), worse.entry()], good.blobs + bad.blobs + worse.blobs)
        f['manifest.json'] = text([good.listed(['old.example/team/good:1']), worse.listed(['old.example/team/bad:1'])])
        write(f)
        """, says: "two images are called old.example/team/bad:1"),
    Harm(
      name: "docker's list with another image's layers",
      script: """
        f = layout([good.entry('good:1'), bad.entry('bad:1')], good.blobs + bad.blobs)
        f['manifest.json'] = text([
          good.listed(['old.example/team/good:1']),
          bad.listed(['old.example/team/bad:1'], [blob(one) for one in good.layers])])
        write(f)
        """, says: "manifest.json does not agree with index.json"),
  ]

  private static let saved = """
    p, q = plain('p'), plain('q')
    one, two = p.listed(['old.example/team/good:1']), q.listed(['old.example/team/bad:1'])

    """

  private func has(_ name: String, in space: String) -> Bool {
    registry.digest(of: "\(space)/\(name)", "1") != nil
  }

  private func `import`(_ archive: String, to space: String, _ options: String..., exits status: Int32) throws
    -> CommandResult
  {
    try ferry.run(
      ["import", "--plain-http", "--to", "\(registry.host)/\(space)", archive] + options, exits: status)
  }

  @Test(arguments: harms)
  func `stops no other, and is told by its name`(harm: Harm) throws {
    let made = try MadeArchive(Self.beginning + harm.script)
    let archive = made.path
    let verified = try ferry.run(["verify", archive], exits: 14).standardOutput
    #expect(verified.contains(harm.says) && verified.contains("hurts old.example/team/bad:1"))
    #expect(!verified.contains("hurts old.example/team/good:1"))

    // What can be read of a list is shown by its name.
    let inspected = try ferry.run("inspect", archive)
    #expect(inspected.standardOutput.contains("old.example/team/good:1"))
    if harm.says.contains("hashes to") {
      #expect(inspected.standardOutput.contains("old.example/team/bad:1"))
    }

    _ = try `import`(archive, to: "plain", exits: 14)
    let going = try `import`(archive, to: "going", "--keep-going", exits: 3)
    going.complains("old.example/team/bad:1")
    #expect(!going.standardError.contains("takes the images that are whole"))
    #expect(has("good", in: "going") && !has("bad", in: "going"))

    _ = try `import`(archive, to: "chosen", "--image", "*/good:1", exits: 0)
    #expect(has("good", in: "chosen"))
    let refused = try `import`(archive, to: "chosen", "--image", "*/bad:1", exits: 14)
    #expect(
      !refused.standardError.contains("--keep-going") && !refused.standardError.contains("--allow-missing"))
    #expect(!has("bad", in: "chosen"))
  }

  @Test(arguments: [
    "f.pop(blob(b.layers[0]))", "f[blob(b.manifest)] = b.manifest.replace(b'layers', b'Layers')",
  ])
  func `in what it has for one platform is none of the others'`(harm: String) throws {
    let made = try MadeArchive(
      """
      a, b = Image('amd'), Image('arm', arch='arm64')
      i = index([a.child(), b.child()])
      f = layout([of(i, INDEX, annotations=called('app:1'))], [i, *a.blobs, *b.blobs])
      write(f, 'whole.tar'); \(harm); write(f)
      """)
    let (amd, arm) = (["--platform", "linux/amd64"], ["--platform", "linux/arm64"])
    func check(_ options: [String], in space: String, exits status: Int32) throws -> CommandResult {
      try ferry.run(
        ["check", made.path, "--plain-http", "--to", "\(registry.host)/\(space)"] + options, exits: status)
    }
    _ = try `import`(made.path, to: "one", "--platform", "linux/amd64", exits: 0)
    _ = try `import`(made.directory.file("whole.tar"), to: "all", exits: 0)
    for space in ["one", "all"] {
      try check(amd, in: space, exits: 0).complains("is not whole: 1 problem")
      for options in [arm, amd + arm, []] { try check(options, in: space, exits: 14).complains("hurts ") }
    }
    _ = try check(amd, in: "none", exits: 4)
  }

  @Test(arguments: ["digest='sha999:12'", "digest='blake3:' + 'ab' * 32", "size='x'", "mediaType=7"])
  func `in what its index says of one platform is none of the others'`(harm: String) throws {
    let made = try MadeArchive(
      """
      a, b = Image('amd'), Image('arm', arch='arm64')
      i = index([{**b.child(), **dict(\(harm))}, a.child()])
      write(layout([of(i, INDEX, annotations=called('app:1'))], [i, *a.blobs, *b.blobs])); print(digest(a.manifest))
      """)
    _ = try `import`(made.path, to: "one", "--platform", "linux/amd64", exits: 0)
    #expect(registry.digest(of: "one/app", "1") == made.printed[0])
    _ = try `import`(made.path, to: "other", "--platform", "linux/arm64", exits: 14)
    _ = try `import`(made.path, to: "other", exits: 14)
    #expect(registry.digest(of: "other/app", "1") == nil)
  }

  @Test func `stops no other of a set of volumes`() throws {
    for name in ["good", "bad"] {
      registry.add(image: [Array(name.utf8)], diffIDs: [BlobDigest.of([1])], to: "old/\(name)", tag: "1")
    }
    try ferry.export(["old/bad:1", "old/good:1"].map(registry.reference), to: "a.tar")
    var damaged = try DamagedArchive(of: ferry.file("a.tar"))
    let bad = try #require(registry.digest(of: "old/bad", "1"))
    try damaged.flip(damaged.blob(bad).content + 30)
    try damaged.write(to: ferry.file("d.tar"))
    let set = try VolumeSet(cutting: ferry.file("d.tar"), size: 4000)
    let verified = try ferry.run(["verify", set.path(0)], exits: 14).standardOutput
    #expect(verified.contains("hurts \(registry.reference("old/bad:1"))") && verified.contains("DAMAGED"))
    let refused = try `import`(set.path(0), to: "plain", exits: 14)
    refused.complains("--keep-going takes the images that are whole.")
    _ = try `import`(set.path(0), to: "going", "--keep-going", exits: 3)
    #expect(has("good", in: "going") && !has("bad", in: "going"))
    _ = try `import`(set.path(0), to: "chosen", "--image", "*/good:1", exits: 0)
    #expect(has("good", in: "chosen"))
  }

  @Test(arguments: ["blake3:\(String(repeating: "ab", count: 32))", "wat:12"])
  func `by a digest that ferry cannot compute stops no other of an export`(digest: String) throws {
    registry.add(image: [Array("good".utf8)], diffIDs: [BlobDigest.of([1])], to: "old/good", tag: "1")
    let config = registry.add(Array("{}".utf8))
    _ = registry.add(
      manifest: """
        {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
        "config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\(config)","size":2},\
        "layers":[{"mediaType":"text/plain","digest":"\(digest)","size":2}]}
        """, as: "application/vnd.oci.image.manifest.v1+json", to: "old/bad", tag: "1")
    let images = ["old/good:1", "old/bad:1"].map(registry.reference)
    let export = ["export", "--plain-http", "-o", "a.tar"] + images
    try ferry.run(export, exits: 14).complains(images[1], "'layers[0].digest'")
    try ferry.run(export + ["--keep-going"], exits: 3).complains(images[1], "'layers[0].digest'")
    #expect(try ferry.run(["verify", "a.tar"], exits: 0).standardOutput.contains("lacks \(images[1])"))
  }
}

/// A set of which a volume is not there is not presented as whole.
@Suite(.waiting) struct `An incomplete set of volumes` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  @Test func `is called so by every command`() throws {
    let size = try DamagedArchive(of: FixtureArchive.small()).bytes.count
    let set = try VolumeSet(cutting: FixtureArchive.small(), size: size / 4 + 1)
    try set.harming(2, .dropped) {
      #expect(try ferry.run(["verify", set.path(0)], exits: 14).standardOutput.contains("INCOMPLETE"))
      let inspected = try ferry.run(["inspect", set.path(0)], exits: 14).standardOutput
      #expect(inspected.contains("INCOMPLETE: 4 volumes, 3 of them whole and here"))
      #expect(inspected.contains("NOT WHOLE"))
      let report = try Report(ferry.run(["inspect", "--json", set.path(0)], exits: 14))
      let images = report.objects("archives").first?["images"] as? [[String: Any]]
      #expect(images?.contains { $0["whole"] as? Bool == false } == true)
      try ferry.run(["import", "--plain-http", "--to", "127.0.0.1:1/x", set.path(0)], exits: 14)
        .complains("is not whole")
      try ferry.run(["check", "--plain-http", set.path(0)], exits: 14).complains("is not whole")
      // And an export that writes that volume has not finished it.
      try Data([0]).write(to: URL(fileURLWithPath: set.path(2) + ".partial"))
      for command in [
        ["verify"], ["inspect"], ["check", "--plain-http"],
        ["import", "--plain-http", "--to", "127.0.0.1:1/x"],
      ] {
        try ferry.run(command + [set.path(0)], exits: 14).complains("is an unfinished export")
      }
      try FileManager.default.removeItem(atPath: set.path(2) + ".partial")
    }
  }
}
