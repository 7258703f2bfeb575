import Foundation
import TestSupport
import Testing

/// What somebody made who means harm: each is refused, or read, with the memory of any other, and leaves nothing behind.
@Suite(.waiting) struct `An archive that means harm` {
  /// One attack: what Python writes as `a.tar`, what ferry is asked, and what it has to answer.
  struct Attack: Sendable, CustomTestStringConvertible {
    let name: String
    let script: String
    let arguments: [String]
    let status: Int32
    /// What it says.
    let words: [String]

    init(_ name: String, _ script: String, _ arguments: [String], exits status: Int32, _ words: String...) {
      self.name = name
      self.script = script
      self.arguments = arguments
      self.status = status
      self.words = words
    }

    var testDescription: String { name }
  }

  /// Bytes of JSON that cost a decoder many times what they are.
  private static let fillers = """
    def zeros(n): return b'[' + b'0,' * (n // 2) + b'0]'
    def objects(n): return b'[' + b'{},' * (n // 3) + b'{}]'
    def listing(more): return index([one.entry('a:1')])[:-1] + more + b'}'
    def of_index(bytes): return {**layout([], one.blobs), 'index.json': bytes}
    def with_config(config):
      document = {**one.document, 'config': of(config, OCI + 'config.v1+json')}
      manifest = text(document)
      return layout([of(manifest, MANIFEST, annotations=called('a:1'))], [manifest, config, *one.layers])
    one = Image('one')
    def notes(count, seed): return {'%x-%x' % (seed, n): '' for n in range(count)}
    def images(manifests, blobs):
      write(layout([of(m, MANIFEST, annotations=called('a:%d' % n)) for n, m in enumerate(manifests)], [*manifests, *blobs]))
    # About as many values as a manifest may have.
    def dense(seed):
      layers = [of(one.layers[0], OCI + 'layer.v1.tar+gzip', annotations=notes(15500, seed)) for n in range(7)]
      config = text({'rootfs': {'type': 'layers', 'diff_ids': [digest(one.plain[0])] * 7}})
      return text({**one.document, 'config': of(config, OCI + 'config.v1+json'), 'layers': layers,
                   'annotations': notes(15500, seed)}), config

    """

  private static let values = "fields and values"

  /// An index of thousands of platforms under as many names.
  private static func platforms(names: Int) -> String {
    """
    manifests = [text({**one.document, 'annotations': {'n': str(n)}}) for n in range(2000)]
    whole = index([of(m, MANIFEST, platform={'os': 'linux', 'architecture': 'a%d' % n}) for n, m in enumerate(manifests)])
    write(layout([of(whole, INDEX, annotations=called('a%d:1' % n)) for n in range(\(names))], [whole, *manifests, *one.blobs[1:]]))
    """
  }

  static let attacks = [
    Attack(
      "an index.json of 60 MiB in 60 KiB",
      "open('a.tar', 'wb').write(gzip.compress(tar(of_index(zeros(60 << 20)).items())))", ["verify"],
      exits: 14,
      "index.json"),
    Attack(
      "an index.json of seven million numbers", "write(of_index(zeros(15 << 20)))", ["inspect"], exits: 14,
      values),
    Attack(
      "an index.json of five million objects beside its images",
      "write(of_index(listing(b',\"x\":' + objects(15 << 20))))",
      ["verify"], exits: 14, values),
    Attack(
      "an index.json of five million images that are none",
      "write(of_index(b'{\"schemaVersion\":2,\"manifests\":' + objects(15 << 20) + b'}'))", ["inspect"],
      exits: 14, values),
    Attack(
      "an index.json of two million lists, one in the other",
      "write(of_index(listing(b',\"x\":' + b'[' * 2000000 + b']' * 2000000)))", ["verify"], exits: 14,
      "nests too deeply"),
    Attack(
      "an index.json with one text of 15 MiB",
      "write(of_index(listing(b',\"x\":\"' + b'x' * (15 << 20) + b'\"')))",
      ["verify"], exits: 14, "it has a text of more than 4.0 MiB"),
    Attack(
      "a config of three million numbers",
      "write(with_config(one.config[:-1] + b',\"x\":' + zeros(7 << 20) + b'}'))",
      ["verify"], exits: 14, values),
    Attack(
      "a config of two million steps",
      "write(with_config(one.config[:-1] + b',\"history\":' + objects(7 << 20) + b'}'))",
      ["verify", "--deep"], exits: 14,
      values),
    Attack(
      "a manifest of two million numbers",
      """
      manifest = one.manifest[:-1] + b',"x":' + zeros((4 << 20) - len(one.manifest) - 64) + b'}'
      write(layout([of(manifest, MANIFEST, annotations=called('a:1'))], [manifest, *one.blobs[1:]]))
      """, ["verify"], exits: 14, values),
    Attack(
      "manifests of 125,000 annotations",
      "images([text({**one.document, 'annotations': notes(125000, n)}) for n in range(4)], one.blobs[1:])",
      ["verify"], exits: 14, "more fields than any such document"),
    Attack(
      "six manifests with as many values as they may have",
      "images([dense(n)[0] for n in range(6)], [dense(0)[1], *one.layers])", ["verify", "--jobs", "8"],
      exits: 0),
    Attack(
      "forty such manifests", "images([dense(n)[0] for n in range(40)], [dense(0)[1], *one.layers])",
      ["verify"], exits: 14, "fields and values together"),
    Attack(
      "six configs of 16 MiB",
      """
      configs = [text({'rootfs': {'type': 'layers', 'diff_ids': [digest(p) for p in one.plain]},
                       'x': ['%d' % n + 'x' * 4000000] * 4}) for n in range(6)]
      manifests = [text({**one.document, 'config': of(c, OCI + 'config.v1+json')}) for c in configs]
      images(manifests, [*configs, *one.layers])
      """, ["verify", "--deep", "--jobs", "8"], exits: 0),
    Attack(
      "one config of 16 MiB that hundreds of manifests list",
      """
      config = text({'rootfs': {'type': 'layers', 'diff_ids': [digest(p) for p in one.plain]}, 'x': ['x' * 4000000] * 4})
      document = {**one.document, 'config': of(config, OCI + 'config.v1+json')}
      images([text({**document, 'annotations': {'n': str(n)}}) for n in range(300)], [config, *one.layers])
      """, ["verify"], exits: 0),
    Attack(
      "indexes of 4 MiB in indexes of 4 MiB",
      """
      roots, blobs = [], [*one.blobs]
      for number in range(2):
        child = one.entry()
        for depth in range(7):
          index = text({'schemaVersion': 2, 'mediaType': INDEX, 'manifests': [child],
                        'annotations': {'x': '%d-%d' % (number, depth) + 'x' * 4190000}})
          child = of(index, INDEX)
          blobs.append(index)
        roots.append({**child, 'annotations': called('a:%d' % number)})
      write(layout(roots, blobs))
      """, ["verify"], exits: 0),
    Attack(
      "sixteen manifests of 4 MiB",
      "images([text({**one.document, 'annotations': {'x': '%d' % n + 'x' * 4190000}}) for n in range(16)], one.blobs[1:])",
      ["verify", "--jobs", "16"], exits: 0),
    Attack(
      "an index.json of 800,000 addresses",
      "write(layout([{**one.entry('a:1'), 'urls': ['x' * 16] * 800000}], one.blobs))", ["inspect"], exits: 0),
    Attack(
      "configs of docker's that speak of 50,000 layers each",
      """
      files, entries = dict(saved(one)), [one.listed(['a.example/a:1'])]
      for number in range(25):
        config = text({'rootfs': {'type': 'layers', 'diff_ids': [digest(one.plain[0])] * 50000}, 'n': number})
        files['%d.json' % number] = config
        entries.append({'Config': '%d.json' % number, 'RepoTags': ['a.example/b:%d' % number], 'Layers': [blob(one.layers[0])]})
      write({**files, 'manifest.json': text(entries)})
      """, ["verify"], exits: 14),
    Attack(
      "20,000 entries of an index.json for one document",
      """
      document = text({'schemaVersion': 2, 'x': ['x' * 1000000] * 4})
      entries = [of(document, 'application/x')] * 20000
      write(layout([one.entry('a:1'), *entries], [*one.blobs, document]))
      """, ["inspect"], exits: 0),
    Attack(
      "a list of docker's of five million numbers",
      "write({**saved(one), 'manifest.json': zeros(11 << 20)})",
      ["verify"], exits: 14, "manifest.json: it lists more than 131072"),
    Attack(
      "docker's repositories of five million numbers",
      "write({**saved(one), 'manifest.json': text([one.listed(['a.example/a:1'])]), 'repositories': b'{\"a\":' + zeros(11 << 20) + b'}'})",
      ["inspect"], exits: 14, "is more than ferry reads: repositories: it has more than 65536 names of images"
    ),
    Attack(
      "8,400 layers of 1 PiB that are not there",
      """
      entries, blobs = [], [one.config]
      for number in range(1200):
        layers = [{'mediaType': OCI + 'layer.v1.tar', 'digest': digest(b'%d %d' % (number, n)), 'size': 1 << 50}
                  for n in range(7)]
        config = text({'rootfs': {'type': 'layers', 'diff_ids': [digest(b'')] * 7}, 'n': number})
        manifest = text({**one.document, 'config': of(config, OCI + 'config.v1+json'), 'layers': layers})
        entries.append(of(manifest, MANIFEST, annotations=called('a:%d' % number))); blobs += [manifest, config]
      write(layout(entries, blobs))
      """, ["inspect"], exits: 14),
    Attack(
      "sizes beyond any",
      """
      entries, blobs = [], [*one.blobs]
      for number, size in enumerate([-1, 1 << 62, (1 << 63) - 1, 1 << 63, 1 << 64, -(1 << 63), 10 ** 400]):
        manifest = text({**one.document, 'layers': [{**of(l, OCI + 'layer.v1.tar'), 'size': size} for l in one.layers]})
        entries.append(of(manifest, MANIFEST, annotations=called('a:%d' % number))); blobs.append(manifest)
      write(layout(entries, blobs))
      """, ["verify"], exits: 14),
    Attack(
      "2,000 missing layers of 2,000 names, as JSON",
      """
      layers = [of(b'%d' % n, OCI + 'layer.v1.tar') for n in range(2000)]
      config = text({'rootfs': {'type': 'layers', 'diff_ids': [digest(b'')] * 2000}})
      manifest = text({**one.document, 'config': of(config, OCI + 'config.v1+json'), 'layers': layers})
      write(layout([of(manifest, MANIFEST, annotations=called('a:%d' % n)) for n in range(2000)], [manifest, config]))
      """, ["verify", "--json"], exits: 14),
    Attack(
      "a layer of 100 KiB that is 3 GiB of zeros",
      """
      import subprocess
      layer = subprocess.run('head -c 3G /dev/zero | zstd -q -1', shell=True, capture_output=True).stdout
      document = {**one.document, 'layers': [of(layer, OCI + 'layer.v1.tar+zstd')]}
      config = text({**one.platform, 'config': {}, 'rootfs': {'type': 'layers', 'diff_ids': [digest(b'')]}})
      document['config'] = of(config, OCI + 'config.v1+json')
      manifest = text(document)
      write(layout([of(manifest, MANIFEST, annotations=called('a:1'))], [manifest, config, layer]))
      """, ["verify", "--deep"], exits: 0,
      "1 not compared: ferry cannot tell what they hold"),
    Attack(
      "120 MiB of manifests in 120 KiB",
      """
      manifests = [text({**one.document, 'annotations': {'n': str(n), 'x': 'x' * 4000000}}) for n in range(30)]
      files = layout([of(m, MANIFEST, annotations=called('a:%d' % n)) for n, m in enumerate(manifests)], manifests + one.blobs[1:])
      open('a.tar', 'wb').write(gzip.compress(tar(files.items())))
      """, ["verify"], exits: 14, "are the most"),
    Attack(
      "5,000 names of an index of 2,000 platforms", Self.platforms(names: 5000), ["inspect"], exits: 14,
      "over and over"),
    Attack(
      "5,000 repositories of an index of 2,000 platforms", Self.platforms(names: 5000), ["verify"], exits: 14,
      "over and over"),
    Attack(
      "10,000 names of an index of 10,000 platforms of which one is here",
      """
      children = [one.child()] + [{'mediaType': MANIFEST, 'digest': digest(b'%d' % n), 'size': 1,
        'platform': {'os': 'linux', 'architecture': 'a%d' % n}} for n in range(10000)]
      whole = index(children)
      write(layout([of(whole, INDEX, annotations=called('a%d:1' % n)) for n in range(10000)], [whole, *one.blobs]))
      """, ["verify"], exits: 0, "10000 not here"),
    Attack(
      "5,000 repositories with an image that 2,000 signatures refer to",
      """
      referrers = [text({**one.document, 'artifactType': 'a/b', 'subject': of(one.manifest, MANIFEST), 'annotations': {'n': str(n)}})
                   for n in range(2000)]
      write(layout([one.entry('a%d:1' % n) for n in range(5000)] + [of(r, MANIFEST) for r in referrers], referrers + one.blobs))
      """, ["inspect"], exits: 14, "over and over"),
    Attack(
      "5,000 images of one layer that each calls otherwise",
      """
      entries, blobs = [], []
      for number in range(5000):
        config = text({**one.platform, 'rootfs': {'type': 'layers', 'diff_ids': [digest(b'%d' % number)]}})
        manifest = text({**one.document, 'config': of(config, OCI + 'config.v1+json'), 'layers': one.document['layers'][:1]})
        entries.append(of(manifest, MANIFEST, annotations=called('a:%d' % number))); blobs += [manifest, config]
      write(layout(entries, blobs + one.layers[:1]))
      """, ["verify", "--deep"], exits: 14, "5000 problems"),
    Attack(
      "an archive of 100 KiB that is 3 GiB of zeros",
      "import subprocess\nsubprocess.run('head -c 3G /dev/zero | zstd -q -1 > a.tar', shell=True)",
      ["verify"],
      exits: 14),
  ]

  /// Runs ferry and measures it. Everything in its home and in `$TMPDIR` is as it was when it has ended.
  private func run(_ attack: Attack, on path: String) throws -> (result: CommandResult, peak: Int) {
    let ferry = try FerryProcess()
    let measured =
      #"mkdir tmp; export TMPDIR="$PWD/tmp"; command time -q -f %M -o peak "$ferry" "$@"; "#
      + #"status=$?; [ "$(ls -A . tmp | tr -s '\n' ' ')" = ".: peak tmp tmp: " ] || echo LEFT >&2; exit $status"#
    let result = try Pipeline(ferry: ferry).run(measured, attack.arguments + [path])
    let peak = try String(contentsOfFile: ferry.file("peak"), encoding: .utf8)
    return (result, try #require(Int(peak.trimmingCharacters(in: .whitespacesAndNewlines))) << 10)
  }

  @Test(arguments: attacks) func `is read within bounds, or refused`(attack: Attack) throws {
    let archive = try MadeArchive(Self.fillers + attack.script)
    let (result, peak) = try run(attack, on: archive.path)
    #expect(result.status == attack.status, "\(result.standardError.prefix(500))")
    #expect(peak < 96 << 20, "\(peak >> 20) MiB")
    for words in attack.words {
      #expect(
        result.standardOutput.contains(words) || result.standardError.contains(words),
        "\(result.standardError.prefix(500)) \(result.standardOutput.prefix(500))")
    }
    #expect(!result.standardError.contains("LEFT"))
    #expect(result.output.count < 8 << 20)
  }
}

/// A registry, or what answers in its place, that would cost whoever asks it.
@Suite(.waiting) struct `A registry that means harm` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  /// What a list has millions of. The list itself is no argument of a test: arguments are printed.
  enum Element: String, CaseIterable {
    case zero = "0"
    case object = "{}"

    var list: String {
      "[" + String(repeating: "\(rawValue),", count: 7_800_000 / (rawValue.count + 1)) + "\(rawValue)]"
    }
  }

  /// Lists what `server` has, and then exports an image of it. Neither succeeds, nor takes more memory than any other.
  private func ask(_ server: ScriptedServer) throws {
    for arguments in [
      ["list", server.host], ["list", "\(server.host)/a/b"],
      ["export", "\(server.host)/a/b:1", "-o", "a.tar"],
    ] {
      let result = try Pipeline(ferry: ferry).run(
        #"command time -q -f %M -o peak "$ferry" "$@""#, arguments + ["--plain-http", "--retries", "0"])
      #expect(result.status != 0 && result.status < 100, "\(arguments): \(result.status)")
      let peak = try String(contentsOfFile: ferry.file("peak"), encoding: .utf8)
      #expect(
        try #require(Int(peak.trimmingCharacters(in: .whitespacesAndNewlines))) < 96 << 10, "\(arguments)")
      #expect(result.error.count < 64 << 10 && result.output.count < 64 << 10)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: ferry.home.path) == ["peak"])
  }

  @Test(arguments: Element.allCases, [200, 401, 500])
  func `answers everything with millions of values`(element: Element, status: Int) throws {
    let body = element.list
    try ask(ScriptedServer { _ in ScriptedResponse(status, json: body) })
  }

  @Test(arguments: Element.allCases)
  func `fills the fields of its answers with millions of values`(element: Element) throws {
    let body = element.list
    try ask(
      ScriptedServer { request in
        request.path.hasSuffix("/tags/list")
          ? ScriptedResponse(json: #"{"name":"a/b","tags":\#(body)}"#)
          : request.path.hasSuffix("_catalog")
            ? ScriptedResponse(json: #"{"repositories":\#(body)}"#)
            : ScriptedResponse(
              headers: [("Content-Type", "application/vnd.oci.image.index.v1+json")],
              body: Array(#"{"schemaVersion":2,"manifests":\#(body.prefix(4_000_000))0]}"#.utf8))
      })
  }

  /// The manifests of one image may have 64 MiB together, and several images are looked up at a time.
  @Test func `has images whose manifests fill the memory`() throws {
    let oci = "application/vnd.oci.image"
    let registry = ScriptedRegistry()
    let config = Array(#"{"rootfs":{"type":"layers","diff_ids":[]}}"#.utf8)
    let described =
      #"{"mediaType":"\#(oci).config.v1+json","digest":"\#(registry.add(config))","size":\#(config.count)}"#
    let children = (0..<14).map { number in
      let padding = String(repeating: "x", count: 4_190_000 + number)
      let manifest =
        #"{"schemaVersion":2,"mediaType":"\#(oci).manifest.v1+json","config":\#(described),"layers":[],"#
        + #""annotations":{"x":"\#(padding)"}}"#
      let digest = registry.add(manifest: manifest, as: "\(oci).manifest.v1+json", to: "a/b")
      return #"{"mediaType":"\#(oci).manifest.v1+json","digest":"\#(digest)","size":\#(manifest.utf8.count)}"#
    }
    let names = (0..<4).map { number in
      let index =
        #"{"schemaVersion":2,"mediaType":"\#(oci).index.v1+json","manifests":[\#(children.joined(separator: ","))],"#
        + #""annotations":{"n":"\#(number)"}}"#
      registry.add(manifest: index, as: "\(oci).index.v1+json", to: "a/b", tag: "\(number)")
      return registry.reference("a/b:\(number)")
    }
    let result = try Pipeline(ferry: ferry).run(
      #"command time -q -f %M -o peak "$ferry" "$@""#,
      ["export", "--dry-run", "--plain-http", "-o", "a.tar", "--no-referrers"] + names)
    #expect(result.status == 0, "\(result.standardError)")
    let peak = try String(contentsOfFile: ferry.file("peak"), encoding: .utf8)
    #expect(try #require(Int(peak.trimmingCharacters(in: .whitespacesAndNewlines))) < 96 << 10, "\(peak)")
  }

  @Test(arguments: Element.allCases)
  func `has a token server that answers with millions of values`(element: Element) throws {
    let body = element.list
    let tokens = ScriptedServer { _ in
      ScriptedResponse(json: #"{"token":"a","x":\#(body.prefix(4_000_000))0]}"#)
    }
    let realm = #"Bearer realm="\#(tokens.url("/token"))",service="a""#
    try ask(ScriptedServer { _ in ScriptedResponse(401, headers: [("WWW-Authenticate", realm)], json: "{}") })
  }
}
