import Foundation
import TestSupport
import Testing

/// What is not in another tool's archive was left out by that tool, or is lost: the one is no damage, the other is, however
/// much they look alike.
@Suite(.waiting) struct `What is not in an archive` {
  private let ferry: FerryProcess
  private let registry = ScriptedRegistry()

  init() throws { ferry = try FerryProcess() }

  /// An index for two platforms with an attestation, of which the archive has what a script gives it.
  private static let index = """
    a, b = Image('amd'), Image('arm', arch='arm64')
    att, attested = attestation(a)
    kids = [a.child(), b.child(), att]
    def files(blobs, kids=kids, saved=[a.listed(['nginx:1.27'])], more=[]):
      i = index(kids)
      f = layout([of(i, INDEX, annotations={'io.containerd.image.name': 'docker.io/library/nginx:1.27'}), *more], [i, *blobs])
      f['manifest.json'] = text(saved)
      return f

    """

  private func verify(_ path: String, _ options: String..., exits status: Int32) throws -> String {
    let result = try ferry.run(["verify", path] + options, exits: status)
    return result.standardOutput + result.standardError
  }

  private func `import`(
    _ path: String, _ options: String..., to space: String = "new", exits status: Int32
  ) throws -> CommandResult {
    try ferry.run(
      ["import", "--plain-http", "--to", "\(registry.host)/\(space)", path] + options, exits: status)
  }

  private func digest(of path: String) throws -> String {
    let report = try Report(ferry.run(["inspect", "--json", path], exits: 0))
    return try #require(report.objects("archives").first?["digest"] as? String)
  }

  // MARK: Lost

  struct Loss: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let script: String
    var says = "missing: "
  }

  @Test(arguments: [
    Loss(
      testDescription: "a platform with one of its layers",
      script: "write(files(a.blobs + [b.manifest, b.config, b.layers[0]]))"),
    Loss(
      testDescription: "a platform with its layers, without its config",
      script: "write(files(a.blobs + [b.manifest, *b.layers]))"),
    Loss(
      testDescription: "an attestation without its config",
      script: "write(files(a.blobs + b.blobs + [attested[0], attested[2]]))"),
    Loss(
      testDescription: "the layers of a platform that docker's list names",
      script: "write(files(a.blobs + b.blobs[:2], saved=[a.listed(['nginx:1.27']), b.listed(None)]))"),
    Loss(
      testDescription: "the manifest of a platform that docker's list names by the same name",
      script:
        "write(files(a.blobs + b.blobs[1:], saved=[a.listed(['nginx:1.27']), b.listed(['nginx:1.27'])]))",
      says: "two images are called"),
    Loss(
      testDescription: "the manifest of a platform, where no list of docker's tells what was saved",
      script: "f = files(a.blobs + b.blobs[1:]); del f['manifest.json']; write(f)"),
    Loss(
      testDescription:
        "the layers of a platform whose config is there, where no list of docker's tells what was saved",
      script: "f = files(a.blobs + b.blobs[:2]); del f['manifest.json']; write(f)"),
    Loss(
      testDescription: "the manifest of a platform, beside an older image that nothing lists",
      script: "f = files(a.blobs + Image('old').blobs + [b.config]); del f['manifest.json']; write(f)"),
    Loss(
      testDescription: "the manifest and the config of a platform",
      script: "f = files(a.blobs + b.layers); del f['manifest.json']; write(f)"),
    Loss(
      testDescription: "the manifest of an attestation",
      script: "f = files(a.blobs + b.blobs + attested[1:]); del f['manifest.json']; write(f)"),
    Loss(
      testDescription: "an index in the index, of which the image is there",
      script: """
        i = of(index([b.child()]), INDEX, platform=b.platform)
        f = files(a.blobs + b.blobs, kids=[a.child(), i]); del f['manifest.json']; write(f)
        """),
    Loss(
      testDescription: "one of two things of an index without platforms",
      script: """
        for kid in kids: kid.pop('platform', None)
        f = files(a.blobs, kids=kids[:2]); del f['manifest.json']; write(f)
        """),
    Loss(
      testDescription: "a platform that another entry lists, too",
      script: "write(files(a.blobs, more=[b.entry('arm:1')]))"),
    Loss(
      testDescription: "a platform, and what follows is zeros without end",
      script: "write(files(a.blobs)); open('a.tar', 'ab').write(bytes(2 << 20))"),
    Loss(
      testDescription: "a platform, and the end marker",
      script: """
        t = tar(files(a.blobs).items())
        while t.endswith(bytes(512)): t = t[:-512]
        open('a.tar', 'wb').write(t)
        """),
  ])
  func `is damage where something was lost`(loss: Loss) throws {
    let made = try MadeArchive(Self.index + loss.script)
    #expect(try verify(made.path, exits: 14).contains(loss.says))
    _ = try `import`(made.path, exits: 14)
    #expect(registry.digest(of: "new/nginx", "1.27") == nil)
  }

  @Test func `is damage in a set of volumes whichever volume is lost`() throws {
    let made = try MadeArchive(Self.index + "write(files(a.blobs + b.blobs[:2]))")
    _ = try verify(made.path, exits: 0)
    let size = try DamagedArchive(of: made.path).bytes.count
    let set = try VolumeSet(cutting: made.path, size: size / 12 + 1)
    _ = try verify(set.path(0), exits: 0)
    for index in set.names.indices.dropFirst() {
      // Of zeros behind the end nobody misses any.
      guard try set.bytes(index).contains(where: { $0 != 0 }) else { continue }
      try set.harming(index, .dropped) {
        let said = try verify(set.path(0), exits: 14)
        #expect(!said.contains("intact") && !said.contains("not here"), "\(index): \(said)")
        _ = try `import`(set.path(0), exits: 14)
      }
    }
    #expect(registry.digest(of: "new/nginx", "1.27") == nil)
  }

  @Test func `is damage wherever an archive is cut`() throws {
    let made = try MadeArchive(Self.index + "write(files(a.blobs + b.blobs[:2]))")
    let bytes = try DamagedArchive(of: made.path).bytes
    for length in stride(from: 0, to: bytes.count, by: 512) {
      try Data(bytes.prefix(length)).write(to: URL(fileURLWithPath: made.path))
      let rest = bytes.dropFirst(length)
      // Of the end marker the first half is enough for some readers.
      guard rest.contains(where: { $0 != 0 }) else { break }
      _ = try verify(made.path, exits: 14)
    }
  }

  @Test func `is damage in a directory, unless docker's list tells that it is all that was saved`() throws {
    let made = try MadeArchive(Self.index + "write(files(a.blobs + attested[:1]))")
    let directory = made.directory.file("d")
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    try Command.run("tar", ["-xf", made.path, "-C", directory])
    #expect(try verify(directory, exits: 0).contains("intact"))
    let names = try #require(FileManager.default.subpaths(atPath: directory)).filter { $0.count > 60 }
    #expect(names.count == 6)
    for name in names + ["manifest.json"] {
      let path = "\(directory)/\(name)"
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      try FileManager.default.removeItem(atPath: path)
      let result = try ferry.run("verify", directory)
      let isAttestation = String(decoding: bytes, as: UTF8.self).contains("in-toto")
      #expect(result.status == (isAttestation ? 0 : 14), "\(name)")
      if !isAttestation {
        let said = result.standardOutput + result.standardError
        #expect(said.contains("copied to its end") || said.contains("lacks \(name)"), "\(said)")
        _ = try `import`(directory, exits: 14)
      }
      try bytes.write(to: URL(fileURLWithPath: path))
    }
    // What was lost leaves something behind.
    try Data("{}".utf8).write(
      to: URL(
        fileURLWithPath:
          "\(directory)/blobs/sha256/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"))
    #expect(try verify(directory, exits: 14).contains("missing: "))
  }

  @Test func `leaves a platform that is whole to who asks for it`() throws {
    let made = try MadeArchive(
      Self.index + """
        f = files(a.blobs + b.blobs[:-1], kids=kids[:2]); del f['manifest.json']
        write(f); print(digest(a.manifest)); print(blob(a.layers[0]))
        """)
    let directory = made.directory.file("d")
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    try Command.run("tar", ["-xf", made.path, "-C", directory])
    for (path, space) in [(made.path, "tar"), (directory, "directory")] {
      try `import`(path, exits: 14).complains("--platform linux/amd64 takes that one, of which all is here.")
      try `import`(path, "--platform", "linux/arm64", exits: 14).complains("missing: sha256:")
      _ = try `import`(path, "--platform", "linux/amd64", to: space, exits: 0)
      #expect(registry.digest(of: "\(space)/nginx", "1.27") == made.printed[0])
    }
    try FileManager.default.removeItem(atPath: "\(directory)/\(made.printed[1])")
    let refused = try `import`(directory, "--platform", "linux/amd64", exits: 14)
    #expect(!refused.standardError.contains("--platform"))
  }

  // MARK: Left out

  @Test func `is left out where all that is here of a platform is what others have too`() throws {
    let made = try MadeArchive(
      Self.index + """
        c = Image('amd', arch='s390x', plain=[a.plain[0], tar([('own', b'own')])])
        write(files(a.blobs + [c.manifest, c.config], kids=[a.child(), c.child()]))
        """)
    let said = try verify(made.path, "--deep", exits: 0)
    #expect(said.contains("intact") && said.contains("not here: linux/s390x"))
  }

  @Test(arguments: [
    "Image('old').blobs", "Image('old', arch='arm64').blobs", "[Image('old').manifest]",
    "[Image('old').config]",
    "[index([b.child()])]",
  ])
  func `is left out though blobs lie there that nothing lists`(stray: String) throws {
    let made = try MadeArchive(
      Self.index + "f = files(a.blobs + \(stray), kids=kids[:2]); del f['manifest.json']; write(f)")
    let said = try verify(made.path, exits: 0)
    #expect(said.contains("intact") && said.contains("not here: linux/arm64"), "\(said)")
    _ = try `import`(made.path, exits: 0)
  }

  /// What an index in the index was, or leaves behind, is no other platform's.
  @Test(arguments: ["a.blobs", "a.blobs + b.blobs"])
  func `may be an index in the index, beside a platform that is asked for`(blobs: String) throws {
    let made = try MadeArchive(
      Self.index + """
        i = of(index([b.child()]), INDEX)
        f = files(\(blobs), kids=[a.child(), i]); del f['manifest.json']; write(f); print(digest(a.manifest))
        """)
    _ = try verify(made.path, exits: blobs == "a.blobs" ? 0 : 14)
    _ = try `import`(made.path, "--platform", "linux/amd64", exits: 0)
    #expect(registry.digest(of: "new/nginx", "1.27") == made.printed[0])
    _ = try `import`(made.path, "--platform", "linux/arm64", exits: blobs == "a.blobs" ? 12 : 14)
  }

  @Test func `makes another archive of it for who expects all of it`() throws {
    let whole = try MadeArchive(Self.index + "write(files(a.blobs + b.blobs + attested))")
    let less = try MadeArchive(Self.index + "write(files(a.blobs + attested))")
    let expected = try digest(of: whole.path)
    _ = try verify(whole.path, "--expect", expected, exits: 0)
    _ = try verify(less.path, exits: 0)
    #expect(try verify(less.path, "--expect", expected, exits: 14).contains(expected))
    _ = try `import`(less.path, "--expect", expected, exits: 14)
    // What is told of it is told of what it lacks.
    _ = try `import`(less.path, "--expect", digest(of: less.path), exits: 0)
  }

  @Test func `is never forgiven to an archive of Ferry's, though another tool packed it again`() throws {
    let source = try RegistryProcess.fixtures()
    try ferry.export([source.reference("tools/multi:1.0")], to: "m.tar")
    let inspected = try Report(ferry.run(["inspect", "--json", "m.tar"], exits: 0)).objects("archives")[0]
    let expected = try #require(inspected["digest"] as? String)
    let image = try #require((inspected["images"] as? [[String: Any]])?.first)
    let manifests = try #require(image["manifests"] as? [[String: Any]])
    let left = try #require(manifests.last?["digest"] as? String).dropFirst("sha256:".count)
    let directory = ferry.file("d")
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    try Command.run("tar", ["-xf", ferry.file("m.tar"), "-C", directory])
    try FileManager.default.removeItem(atPath: "\(directory)/blobs/sha256/\(left)")
    try Command.run("sh", ["-c", "cd \(directory) && tar -cf ../x.tar *"])
    for path in ["x.tar", "d"] {
      for options in [[], ["--expect", expected]] {
        try #expect(
          ferry.run(["verify", path] + options, exits: 14).standardOutput.contains("missing: sha256:\(left)"))
      }
    }
  }

  @Test func `and of a foreign layer, keeps one image from a registry that takes no such manifest`() throws {
    let made = try MadeArchive(
      """
      i, good = Image('win', os='windows'), Image('good')
      kind = DOCKER + 'distribution.manifest.v2+json'
      far = {'mediaType': DOCKER + 'image.rootfs.foreign.diff.tar.gzip', 'size': 92818888, 'digest': digest(b'far'),
        'urls': ['http://other.example/layer']}
      m = text({'schemaVersion': 2, 'mediaType': kind, 'config': of(i.config, DOCKER + 'container.image.v1+json'),
        'layers': [far, of(i.layers[1], DOCKER + 'image.rootfs.diff.tar.gzip')]})
      write(layout([of(m, kind, annotations=called('win:1')), good.entry('good:1')], [m, i.config, i.layers[1], *good.blobs]))
      """)
    // It allows other urls than these.
    let real = try RegistryProcess()
    let place = ["import", made.path, "--plain-http", "--retries", "0", "--to", "\(real.host)/new"]
    for (options, status) in [([], 15), (["--keep-going"], 3), (["--image", "*/good:1"], 0)]
      as [([String], Int32)]
    {
      let result = try ferry.run(place + options, exits: status)
      guard status != 0 else { continue }
      result.complains(
        "the registry did not take \(real.host)/new/win:1, which leaves 1 layer to other servers (urls)",
        "validation.manifests.urls.allow")
    }
    #expect(FileManager.default.fileExists(atPath: real.storage.tagDirectory(of: "new/good", "1")))
  }

  // MARK: Lists that nothing proves

  @Test(arguments: [
    ("[", "{"), ("[", "Z"), ("]", "}"), ("\"Config\"", "\"Confi\"g"),
  ])
  func `is an image that only a damaged list named`(from: String, to: String) throws {
    let made = try MadeArchive(
      """
      i, j = plain('i'), plain('j')
      f = layout([i.entry('i:1')], i.blobs + j.blobs)
      f['manifest.json'] = text([i.listed(None), j.listed(['old.example/team/j:1'])])
      l = f['manifest.json'].decode()
      write(f); print(l)
      at = l.index('\(from)') if '\(from)' != ']' else len(l) - 1
      f['manifest.json'] = (l[:at] + '\(to)' + l[at + len('\(from)'):]).encode(); write(f, 'b.tar')
      """)
    #expect(try verify(made.path, exits: 0).contains("2 images"))
    #expect(try verify(made.directory.file("b.tar"), exits: 14).contains("manifest.json"))
    _ = try `import`(made.directory.file("b.tar"), exits: 14)
  }

  @Test func `is no image that its list gives a type that it has not`() throws {
    let made = try MadeArchive(
      """
      i, j = Image('i'), Image('j')
      k = index([j.child()])
      write(layout([i.entry('i:1'), {**j.entry('j:1'), 'mediaType': MANIFEST[:-1] + 'm'}, of(k, INDEX[1:], annotations=called('k:1'))],
        [*i.blobs, *j.blobs, k]))
      print(digest(i.manifest)); print(digest(j.manifest)); print(digest(k))
      """)
    #expect(try verify(made.path, exits: 0).contains("3 images"))
    _ = try `import`(made.path, exits: 0)
    #expect(["i", "j", "k"].map { registry.digest(of: "new/\($0)", "1") } == made.printed)
  }

  @Test func `is every image of a list that is called otherwise`() throws {
    let made = try MadeArchive(
      """
      i, j = Image('i'), Image('j')
      f = layout([i.entry('i:1'), j.entry('j:1')], i.blobs + j.blobs)
      f['index.json'] = f['index.json'].replace(b'"manifests"', b'"manifestr"')
      f['manifest.json'] = text([i.listed(['old.example/team/i:1'])]); write(f)
      """)
    #expect(try verify(made.path, exits: 14).contains("index.json"))
  }

  // MARK: One platform

  @Test func `has one platform for import and for check`() throws {
    let made = try MadeArchive(
      Self.index + """
        five, six, seven = [Image('v' + v, arch='arm') for v in '567']
        kids = [i.entry(platform={'architecture': 'arm', 'os': 'linux', 'variant': 'v' + v}) for i, v in [(five, '5'), (six, '6'), (seven, '7')]]
        write(files(five.blobs + six.blobs + seven.blobs, kids=kids, saved=None))
        write(files(six.blobs + seven.blobs, kids=kids, saved=None), 'b.tar')
        print(digest(five.manifest)); print(digest(seven.manifest)); print(digest(six.manifest))
        """)
    for (space, path, platform, digest) in [
      ("any", made.path, "linux/arm", made.printed[0]), ("v7", made.path, "linux/arm/v7", made.printed[1]),
      ("left", made.directory.file("b.tar"), "linux/arm", made.printed[2]),
    ] {
      let place = ["--platform", platform, "--plain-http", "--to", "\(registry.host)/\(space)", path]
      try ferry.run(["import"] + place, exits: 0)
      #expect(registry.digest(of: "\(space)/nginx", "1.27") == digest)
      try ferry.run(["check"] + place, exits: 0)
    }
    // Nothing of what is asked for is not all of it.
    let place = ["--platform", "linux/arm/v5", "--plain-http", "--to", "\(registry.host)/left"]
    for command in ["import", "check"] {
      try ferry.run([command] + place + [made.directory.file("b.tar")], exits: 12).complains(
        "has nothing for linux/arm/v5")
    }
  }

  @Test func `is, with an index, what refers to it, and that is said`() throws {
    let made = try MadeArchive(
      Self.index + """
        def sign(of, name, more=''):
          s = Image('sig' + name)
          return s, s.entry('nginx:' + digest(of).replace(':', '-') + '.sig')
        i = index(kids[:2])
        (s, one), (t, two) = sign(i, 'index'), sign(a.manifest, 'amd')
        u, three = sign(s.manifest, 'of the signature')
        write(layout([of(i, INDEX, annotations=called('nginx:1')), one, two, three],
          [i, *a.blobs, *b.blobs, *s.blobs, *t.blobs, *u.blobs]))
        for d in i, a.manifest, s.manifest: print(digest(d).replace(':', '-') + '.sig')
        """)
    let result = try `import`(made.path, "--platform", "linux/amd64", exits: 0)
    result.complains("in whose place one platform is pushed")
    let left = result.standardError.split(separator: "\n").count {
      $0.contains("not carried: cosign signature sha256:")
    }
    #expect(left == 2)
    let there = made.printed.map { registry.digest(of: "new/nginx", $0) != nil }
    #expect(there == [false, true, false])
  }
}
