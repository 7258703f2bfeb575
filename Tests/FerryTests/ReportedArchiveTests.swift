import Foundation
import TestSupport
import Testing

/// Archives that people reported other programs to stumble over, each in its smallest form: what is said of it, and what
/// arrives of it.
@Suite(.waiting) struct `An archive as it was reported` {
  private let ferry: FerryProcess
  private let registry = ScriptedRegistry()

  init() throws { ferry = try FerryProcess() }

  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let script: String
    /// How `verify` ends, and what it says.
    let verified: Int32
    var says: [String] = []
    /// How `import` with these options ends, what it says, and which tags it brings: each with the digest that the script
    /// prints, line by line.
    var options: [String] = []
    let imported: Int32
    var complains: [String] = []
    var brings: [String] = []

    var testDescription: String { name }
  }

  @Test(arguments: absent + docker + lax + twice + broken)
  func `is what it is to verify, and arrives or not as that says`(row: Row) throws {
    let made = try MadeArchive(row.script)
    let verified = try ferry.run(["verify", made.path], exits: row.verified)
    for words in row.says {
      #expect((verified.standardOutput + verified.standardError).contains(words), "\(row.name): \(words)")
    }
    // What another copy does not help against is not to be carried again.
    #expect(!verified.standardError.contains("Carry the archive over again"))
    let imported = try ferry.run(
      ["import", "--plain-http", "--to", "\(registry.host)/new", made.path] + row.options,
      exits: row.imported)
    for words in row.complains {
      #expect((imported.standardOutput + imported.standardError).contains(words), "\(row.name): \(words)")
    }
    for (place, digest) in zip(row.brings, made.printed) {
      let parts = place.split(separator: ":").map(String.init)
      #expect(registry.digest(of: "new/\(parts[0])", parts[1]) == digest, "\(row.name)")
    }
    if row.imported != 0 { #expect(!imported.standardError.contains("Carry the archive over again")) }
  }

  // MARK: What the tool left out

  private static let several = """
    a, b = Image('amd'), Image('arm', arch='arm64')
    att, attested = attestation(a)
    def save(kids, blobs, change=None):
      i = index(kids)
      f = layout([of(i, INDEX, annotations={'io.containerd.image.name': 'docker.io/library/nginx:1.27'})], [i, *blobs])
      f['manifest.json'] = text([a.listed(['nginx:1.27'])])
      if change: change(f, i)
      write(f)
      return i
    kids = [a.child(), b.child(), att]

    """

  static let absent: [Row] = [
    Row(
      name: "docker save of one platform of two, with an attestation (kind#3795)",
      script: several + "save(kids, a.blobs); print(digest(a.manifest))",
      verified: 0,
      says: [
        "intact", "2 not here", "here of docker.io/library/nginx:1.27: linux/amd64",
        "not here: linux/arm64 sha256:",
        "not here: attestation sha256:",
      ], imported: 0, complains: ["linux/amd64 taken out of its index: docker.io/library/nginx:1.27 sha256:"],
      brings: ["nginx:1.27"]),
    Row(
      name: "the same, pushed as it is",
      script: several + "print(digest(save(kids, a.blobs)))", verified: 0, options: ["--sparse-index"],
      imported: 0, complains: ["not at the destination: manifest"], brings: ["nginx:1.27"]),
    Row(
      name: "only the attestation is missing (regclient#1028)",
      script: several + "save(kids, a.blobs + b.blobs)", verified: 0,
      says: ["intact", "linux/amd64 and linux/arm64", "1 not here"], imported: 64,
      complains: ["linux/amd64 and linux/arm64", "1 manifest", "--platform linux/amd64", "--sparse-index"]),
    Row(
      name: "the same with a platform chosen",
      script: several + "save(kids, a.blobs + b.blobs); print(digest(b.manifest))", verified: 0,
      options: ["--platform", "linux/arm64"], imported: 0,
      complains: ["linux/arm64 taken out"], brings: ["nginx:1.27"]),
    Row(
      name: "the same with a platform that it has not",
      script: several + "save(kids, a.blobs + b.blobs)", verified: 0, options: ["--platform", "linux/s390x"],
      imported: 12, complains: ["nothing for linux/s390x", "It has linux/amd64 and linux/arm64."]),
    Row(
      name: "an attestation's manifest without what it lists (k3d#1538)",
      script: several + "save([kids[0], att], a.blobs + attested[:1]); print(digest(a.manifest))",
      verified: 0,
      says: ["not here: attestation"], imported: 0, complains: ["linux/amd64 taken out"],
      brings: ["nginx:1.27"]),
    Row(
      name: "a platform's manifest without its layers",
      script: several + "save(kids[:2], a.blobs + b.blobs[:2]); print(digest(a.manifest))", verified: 0,
      says: ["not here: linux/arm64"], imported: 0, complains: ["linux/amd64 taken out"],
      brings: ["nginx:1.27"]),
    Row(
      name: "an index of which nothing that runs is here",
      script: several + "write(layout([of(index(kids), INDEX, annotations=called('x:1'))], [index(kids)]))",
      verified: 14, says: ["missing: \(String("sha256:"))", "hurts old.example/team/x:1", "was not written"],
      imported: 14),
    Row(
      name: "a platform that is listed by itself as well, and not here",
      script: several
        + "i = index(kids[:2]); write(layout([of(i, INDEX, annotations=called('x:1')), b.entry('y:1')], [i, *a.blobs]))",
      verified: 14, says: ["hurts old.example/team/x:1, old.example/team/y:1"], imported: 14),
    Row(
      name: "an image without one of its layers",
      script: "a = Image('a'); write(layout([a.entry('x:1')], a.blobs[:-1]))", verified: 14,
      says: ["DAMAGED", "missing: sha256:", "was not written, or was taken out"], imported: 14),
    Row(
      name: "a Windows image without its base layer (skopeo#545)",
      script: windows
        + "write(layout([of(m, MANIFEST, annotations=called('win:1'))], [m, i.config, i.layers[1]])); print(digest(m))",
      verified: 0, says: ["left out (foreign)"], imported: 0,
      complains: ["foreign layer", "needs its urls"], brings: ["win:1"]),
    Row(
      name: "the same of docker save (containerd#7676)",
      script: windows + """
        write({'c.json': i.config, 'a/layer.tar': i.layers[1], 'manifest.json': text([{'Config': 'c.json',
          'RepoTags': ['team/win:2'], 'Layers': ['b/layer.tar', 'a/layer.tar'], 'LayerSources': {digest(i.plain[0]): far}}])})
        """, verified: 0, says: ["left out (foreign)"], imported: 0, complains: ["foreign layer"]),
  ]

  private static let windows = """
    far = {'mediaType': DOCKER + 'image.rootfs.foreign.diff.tar.gzip', 'size': 92818888, 'digest': digest(b'far'),
      'urls': ['https://go.microsoft.com/fwlink/?linkid=873594']}
    i = Image('win', os='windows', zip=False, kind='layer.v1.tar')
    m = text({**i.document, 'layers': [far, i.document['layers'][1]]})

    """

  // MARK: docker save

  static let docker: [Row] = [
    Row(
      name: "docker 25 with a manifest of no layers (moby#47065)",
      script: """
        i = plain('hello')
        hollow = text({**i.document, 'layers': []})
        f = layout([of(hollow, MANIFEST, annotations={'io.containerd.image.name': 'docker.io/library/hello:latest'})], [hollow, *i.blobs[1:]])
        f['manifest.json'] = text([i.listed(['hello:latest'])])
        write(f)
        """, verified: 14,
      says: ["does not speak of the layers its manifest lists", "another copy is no better"], imported: 14),
    Row(
      name: "a layer that the daemon had (pack, podman#8132)",
      script:
        "i = plain('p'); write({**saved(i), 'manifest.json': text([i.listed(['pack.local/b:latest'], ['', blob(i.layers[1])])])})",
      verified: 12, says: ["does not have layer 1 of pack.local/b:latest"], imported: 12,
      complains: [
        "does not have layer 1 of pack.local/b:latest", "Save the image from a docker that has all of it",
      ]
    ),
    Row(
      name: "two images saved by digest, one in index.json (moby#51389)",
      script: both
        + "f = layout([i.entry()], i.blobs + j.blobs); f['manifest.json'] = text([i.listed(None), j.listed(None)]); write(f)",
      verified: 0, says: ["2 images"], imported: 64, complains: ["gives no names to 2 images", "--as"]),
    Row(
      name: "one of them with a tag (moby#47210)",
      script: both + """
        f = layout([i.entry('i:2')], i.blobs + j.blobs)
        f['manifest.json'] = text([i.listed(['old.example/team/i:2']), j.listed(None)]); write(f)
        print(digest(i.manifest)); print(digest(j.manifest))
        """, verified: 0, says: ["2 images"], options: ["--as", "given:1"], imported: 0,
      brings: ["i:2", "given:1"]),
    Row(
      name: "a name by another image's digest in index.json",
      script:
        "i = plain('i'); write(layout([i.entry('i:1@sha256:' + '3' * 64)], i.blobs))", verified: 0,
      imported: 64, complains: ["is another image's, by its digest", "--as"]),
    Row(
      name: "no list in index.json at all (moby#47232)",
      script: both + """
        f = layout([], i.blobs + j.blobs); f['index.json'] = b'{"schemaVersion":2,"manifests":null}'
        f['manifest.json'] = text([i.listed(['old.example/team/i:2']), j.listed(['old.example/team/j:2'])]); write(f)
        print(digest(i.manifest)); print(digest(j.manifest))
        """, verified: 0, says: ["2 images"], imported: 0, brings: ["i:2", "j:2"]),
  ]

  private static let both = "i, j = plain('i'), plain('j')\n"

  // MARK: One entry of a list that nobody can read

  /// An entry of docker's list beside one that is whole, and what it is called.
  private static let entries = [
    ("j.listed(['old.example/team/j:2'], Config=None)", "old.example/team/j:2"),
    ("j.listed(['old.example/team/j:2'], Config=7)", "old.example/team/j:2"),
    ("{'RepoTags': ['old.example/team/j:2'], 'Layers': []}", "old.example/team/j:2"),
    ("j.listed('old.example/team/j:2')", "old.example/team/j:2"), ("j.listed(7)", "blobs/sha256/"),
    ("j.listed(['old.example/team/j:2', 7])", "old.example/team/j:2"),
    ("j.listed(['old.example/team/j:2'], 'x')", "old.example/team/j:2"), ("None", "manifest.json[1]"),
  ]

  /// The same of `index.json`.
  private static let listed = [
    "{k: v for k, v in j.entry('j:2').items() if k != 'mediaType'}", "{**j.entry('j:2'), 'size': 'x'}",
    "j.entry(annotations={**called('j:2'), 'note': None})",
    "j.entry(annotations={**called('j:2'), 'note': 7})",
  ]

  static let broken: [Row] =
    entries.flatMap { entry, name in
      let list = "f['manifest.json'] = text([i.listed(['old.example/team/i:2']), \(entry)]); write(f)"
      return [
        Row(
          name: "docker's \(entry)", script: both + "f = {**saved(i), **saved(j)}; \(list)", verified: 14,
          says: [name], options: ["--keep-going"], imported: 3, complains: [name]),
        Row(
          name: "\(entry) beside index.json",
          script: both
            + "f = layout([i.entry('i:2')], i.blobs + j.blobs); \(list); print(digest(i.manifest))",
          verified: 14, says: [name], options: ["--keep-going"], imported: 3, complains: [name],
          brings: ["i:2"]),
        Row(
          name: "\(entry) alone",
          script: both + "write({**saved(j), 'manifest.json': text([\(entry)])})", verified: 14,
          says: ["manifest.json: "], options: ["--keep-going"], imported: 14),
      ]
    }
    + listed.map { entry in
      Row(
        name: "index.json's \(entry)",
        script: both
          + "write(layout([i.entry('i:2'), \(entry)], i.blobs + j.blobs)); print(digest(i.manifest))",
        verified: 14, says: ["old.example/team/j:2"], options: ["--keep-going"], imported: 3,
        complains: ["old.example/team/j:2"], brings: ["i:2"])
    }

  // MARK: Lax manifests

  private static func changed(
    _ name: String, _ change: String, verified: Int32 = 0, says: [String] = []
  ) -> Row {
    Row(
      name: name,
      script:
        "i = Image('a', change=lambda d: \(change)); write(layout([i.entry('nul:1')], i.blobs)); print(digest(i.manifest))",
      verified: verified, says: says + (verified == 0 ? [] : ["hurts old.example/team/nul:1"]),
      imported: verified, brings: verified == 0 ? ["nul:1"] : [])
  }

  private static func document(
    _ name: String, _ document: String, blobs: String = "[b'{}']", is status: Int32 = 0
  )
    -> Row
  {
    Row(
      name: name,
      script:
        "d = text(\(document)); write(layout([of(d, json.loads(d)['mediaType'], annotations=called('nul:1'))], [d, *\(blobs)])); print(digest(d))",
      verified: status, says: status == 12 ? ["holds no image"] : [], imported: status,
      brings: status == 0 ? ["nul:1"] : [])
  }

  private static let artifact = "'schemaVersion': 2, 'mediaType': MANIFEST, 'config': of(b'{}', EMPTY)"

  static let lax: [Row] = [
    Row(
      name: "manifests: null",
      script: "f = layout([], []); f['index.json'] = b'{\"schemaVersion\":2,\"manifests\":null}'; write(f)",
      verified: 12, says: ["holds no image"], imported: 12),
    Row(
      name: "manifests: []", script: "write(layout([], []))", verified: 12, says: ["holds no image"],
      imported: 12),
    document("layers: null", "{\(artifact), 'layers': None}"),
    document("no layers", "{\(artifact)}"),
    document("layers: []", "{\(artifact), 'layers': []}"),
    document("an index of null", "{'schemaVersion': 2, 'mediaType': INDEX, 'manifests': None}", is: 12),
    document("an index without a list", "{'schemaVersion': 2, 'mediaType': INDEX}", is: 12),
    document("an index of nothing", "{'schemaVersion': 2, 'mediaType': INDEX, 'manifests': []}", is: 12),
    changed("annotations: null", "d.update(annotations=None)"),
    changed(
      "an annotation that is a number", "d.update(annotations={'a': 1})", verified: 14,
      says: ["'annotations.a' has the wrong type"]),
    document(
      "a config of nothing",
      "{'schemaVersion': 2, 'mediaType': MANIFEST, 'config': of(b'', 'application/vnd.unknown.config.v1+json'), 'layers': []}",
      blobs: "[b'']"),
    changed("subject: null", "d.update(subject=None, artifactType='')"),
    changed(
      "a layer without size", "d['layers'][0].pop('size')", verified: 14,
      says: ["'layers[0].size' is missing"]),
    changed(
      "a size with a fraction", "d['layers'][0].update(size=7.0)", verified: 14,
      says: ["'layers[0].size' is no whole number"]),
    changed(
      "a size that is text", "d['layers'][0].update(size='7')", verified: 14,
      says: ["'layers[0].size' has the wrong type"]),
    changed(
      "schemaVersion that is text", "d.update(schemaVersion='2')", verified: 14,
      says: ["'schemaVersion' has the wrong type"]),
    changed("no schemaVersion", "d.pop('schemaVersion')"),
    changed("schemaVersion 1", "d.update(schemaVersion=1)", verified: 14, says: ["Docker schema 1"]),
    changed(
      "a digest in capitals", "d['layers'][0].update(digest=d['layers'][0]['digest'].upper())", verified: 14,
      says: ["'layers[0].digest'", "is no digest"]),
    changed(
      "an empty digest", "d['layers'][0].update(digest='')", verified: 14,
      says: ["'layers[0].digest': '' is no digest"]),
    changed("urls: null", "[l.update(urls=None, annotations=None, platform=None) for l in d['layers']]"),
  ]

  // MARK: Entries that are there twice

  static let twice: [Row] = [
    Row(
      name: "a layer that two images share, twice (rules_docker#1420)",
      script: """
        i = plain('i'); j = Image('j', kind='layer.v1.tar', zip=False, plain=[i.plain[0], tar([('j', b'j')])])
        write([*saved(i).items(), *saved(j).items(), ('manifest.json', text([i.listed(['old.example/team/i:1']), j.listed(['old.example/team/j:1'])]))])
        """, verified: 0, says: ["2 images"], imported: 0),
    Row(
      name: "every blob twice (ggcr#265)",
      script:
        "i = Image('i'); f = list(layout([i.entry('i:1')], i.blobs).items()); write(f + f[2:]); print(digest(i.manifest))",
      verified: 0, imported: 0, brings: ["i:1"]),
  ]

  @Test func `with other bytes under one name is damaged`() throws {
    let made = try MadeArchive(
      """
      i = Image('i'); f = list(layout([i.entry('i:1')], i.blobs).items())
      write(f + [(blob(i.config), i.config.replace(b'linux', b'minix'))])
      """)
    let verified = try ferry.run(["verify", made.path], exits: 14)
    #expect(verified.standardOutput.contains("is there twice"))
    #expect(verified.standardOutput.contains("hurts old.example/team/i:1"))
  }

  // MARK: One platform, everywhere

  @Test func `by one platform has arrived to its receipt and to check`() throws {
    let made = try MadeArchive(Self.several + "save(kids, a.blobs); print(digest(a.manifest))")
    let place = ["--plain-http", "--to", "\(registry.host)/new", made.path]
    try ferry.run(["import", "--receipt", "r.json"] + place, exits: 0)
    let verified = try ferry.run(["verify", "--receipt", "r.json", made.path], exits: 0)
    #expect(verified.standardOutput.contains("arrived  docker.io/library/nginx:1.27"))
    try ferry.run(["check"] + place, exits: 0)
    // Again: it is there.
    let again = try ferry.run(["import"] + place, exits: 0)
    #expect((again.standardOutput + again.standardError).contains("there already"))
    let report = try Report(ferry.run(["import", "--json", "--dry-run"] + place, exits: 0))
    let image = try #require(report.objects("images").first)
    #expect(image["digest"] as? String == made.printed[0])
    #expect((image["archiveDigest"] as? String)?.hasPrefix("sha256:") == true)
    let omitted = try Report(ferry.run(["verify", "--json", made.path], exits: 0)).objects("archives").first
    let reasons = (omitted?["omissions"] as? [[String: Any]])?.map { $0["reason"] as? String }
    #expect(reasons == ["absent", "absent"])
  }

  @Test func `for several platforms gives the one that is asked for`() throws {
    let made = try MadeArchive(
      Self.several + "save(kids, a.blobs + b.blobs + attested); print(digest(b.manifest))")
    let place = ["--plain-http", "--to", "\(registry.host)/new", made.path]
    try ferry.run(["import", "--platform", "linux/arm64"] + place, exits: 0)
    #expect(registry.digest(of: "new/nginx", "1.27") == made.printed[0])
    try ferry.run(["check", "--platform", "linux/arm64"] + place, exits: 0)
  }
}
