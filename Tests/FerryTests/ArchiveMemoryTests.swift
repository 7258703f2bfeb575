import Foundation
import TestSupport
import Testing

/// However much describes an archive, or is wrong with it, reading it takes 96 MiB of memory and 4 KiB an image at the most.
@Suite(.waiting) struct `An archive with more to be read than memory to keep it` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  /// Writes `a.tar`: `images` images of `layers` layers. What each manifest has besides is `padding` bytes long. The layers
  /// are there if `present` is 1; if it is 0 nothing is there of them.
  private static let generator = """
    import hashlib, io, json, sys, tarfile
    images, layers, padding, present = map(int, sys.argv[1:])
    oci = 'application/vnd.oci.image.'
    digest = lambda data: 'sha256:' + hashlib.sha256(data).hexdigest()
    dump = lambda value: json.dumps(value, separators=(',', ':')).encode()
    out = tarfile.open('a.tar', 'w', format=tarfile.USTAR_FORMAT)
    def add(name, data):
      info = tarfile.TarInfo(name); info.size = len(data); out.addfile(info, io.BytesIO(data))
    def blob(kind, data):
      add('blobs/sha256/' + digest(data)[7:], data)
      return {'mediaType': oci + kind, 'digest': digest(data), 'size': len(data)}
    listed = []
    for image in range(images):
      contents = [b'%04d %04d' % (image, layer) for layer in range(layers)]
      listed_layers = [{'mediaType': oci + 'layer.v1.tar+gzip', 'digest': digest(data), 'size': 9} for data in contents]
      for data in contents if present else []: add('blobs/sha256/' + digest(data)[7:], data)
      config = blob('config.v1+json', dump({'rootfs': {'type': 'layers', 'diff_ids': [digest(b'')] * layers},
                                            'image': image}))
      manifest = {'schemaVersion': 2, 'mediaType': oci + 'manifest.v1+json', 'config': config, 'layers': listed_layers,
                  'annotations': {'padding': 'x' * padding}}
      root = blob('manifest.v1+json', dump(manifest))
      listed.append({**root, 'annotations': {'io.containerd.image.name': 'a.example/a/%d:1' % image}})
    add('oci-layout', b'{"imageLayoutVersion":"1.0.0"}')
    add('index.json', dump({'schemaVersion': 2, 'manifests': listed}))
    out.close()
    """

  /// Writes `a.tar`: one as Ferry writes them, but that its only image does not come, and others do, of 3 MiB each.
  private static let stranger = """
    import hashlib, io, json, sys, tarfile
    digest = lambda data: 'sha256:' + hashlib.sha256(data).hexdigest()
    dump = lambda value: json.dumps(value, separators=(',', ':')).encode()
    out = tarfile.open('a.tar', 'w', format=tarfile.USTAR_FORMAT)
    def add(name, data):
      info = tarfile.TarInfo(name); info.size = len(data); info.mode = 0o644; out.addfile(info, io.BytesIO(data))
    name, root = 'a.example/a/a:1', digest(b'')
    ferry = dump({'files': [], 'formatVersion': 1, 'imagesDigest': digest(f'{name} {root}\\n'.encode()),
                  'omissions': []})
    entry = {'annotations': {'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': '1'},
             'digest': root, 'mediaType': 'application/vnd.oci.image.manifest.v1+json', 'size': 100}
    add('oci-layout', b'{"imageLayoutVersion":"1.0.0"}')
    add('index.json', dump({'annotations': {'org.ferry.ledger.digest': digest(ferry)}, 'manifests': [entry],
                            'mediaType': 'application/vnd.oci.image.index.v1+json', 'schemaVersion': 2}))
    add('ferry.json', ferry)
    for number in range(int(sys.argv[1])):
      data = (b'%d' % number) * (3 << 20)
      add('blobs/sha256/' + digest(data[:3 << 20])[7:], data[:3 << 20])
    out.close()
    """

  /// Writes `a.tar`: one image of one small layer by so many names, in docker's list or as many of its entries, in `index.json`, or
  /// in both.
  private static let names = """
    import hashlib, io, json, sys, tarfile
    count, form = map(int, sys.argv[1:])
    digest = lambda data: 'sha256:' + hashlib.sha256(data).hexdigest()
    dump = lambda value: json.dumps(value, separators=(',', ':')).encode()
    out = tarfile.open('a.tar', 'w', format=tarfile.USTAR_FORMAT)
    def add(name, data):
      info = tarfile.TarInfo(name); info.size = len(data); out.addfile(info, io.BytesIO(data))
    path = lambda data: 'blobs/sha256/' + digest(data)[7:]
    names, layer, kind = ['r:%x' % number for number in range(count)], bytes(1024), 'application/vnd.oci.image.'
    config = dump({'architecture': 'amd64', 'os': 'linux', 'rootfs': {'type': 'layers', 'diff_ids': [digest(layer)]}})
    of = lambda data, type: {'mediaType': kind + type, 'digest': digest(data), 'size': len(data)}
    manifest = dump({'schemaVersion': 2, 'mediaType': kind + 'manifest.v1+json', 'config': of(config, 'config.v1+json'),
                     'layers': [of(layer, 'layer.v1.tar')]})
    saved = lambda tags: {'Config': path(config), 'RepoTags': tags, 'Layers': [path(layer)]}
    blobs = [config, layer]
    if form >= 2:
      add('oci-layout', b'{"imageLayoutVersion":"1.0.0"}')
      add('index.json', dump({'schemaVersion': 2, 'manifests': [{**of(manifest, 'manifest.v1+json'), 'annotations': {
        'io.containerd.image.name': 'docker.io/library/' + name, 'org.opencontainers.image.ref.name': name[2:]}} for name in names]}))
      blobs.append(manifest)
    if form != 2: add('manifest.json', dump([saved([name]) for name in names] if form == 1 else [saved(names)]))
    for data in blobs: add(path(data), data)
    out.close()
    """

  private func write(_ script: String, _ numbers: Int...) throws {
    var command = ferry.command(["-c", script] + numbers.map(String.init))
    command.program = "python3"
    let result = try command.run()
    try #require(result.status == 0, "\(result.standardError)")
  }

  /// What ferry says, and how much memory it had at its peak, in bytes.
  private func run(_ script: String, exits status: Int32) throws -> (result: CommandResult, peak: Int) {
    let measured = #"measured() { command time -q -f %M -o peak "$ferry" "$@"; }; "#
    let result = try Pipeline(ferry: ferry).run(measured + script)
    #expect(result.status == status, "\(result.standardError)")
    let peak = try String(contentsOfFile: ferry.file("peak"), encoding: .utf8)
    return (result, try #require(Int(peak.trimmingCharacters(in: .whitespacesAndNewlines))) << 10)
  }

  private func bound(images: Int) -> Int { 96 << 20 + images * 4096 }

  @Test func `is read though its manifests are many and large`() throws {
    try write(Self.generator, 14, 0, 4_000_000, 0)
    let (result, peak) = try run("measured inspect a.tar", exits: 0)
    #expect(peak < bound(images: 14))
    #expect(result.standardOutput.contains("14 images"))
  }

  @Test func `is judged though hundreds of thousands of blobs are missing`() throws {
    try write(Self.generator, 20, 2450, 0, 0)
    let (result, peak) = try run("measured verify a.tar | tail -n 1", exits: 14)
    #expect(peak < bound(images: 20))
    // All of them are told.
    #expect(result.standardOutput.contains("49000 problems"))
  }

  @Test func `is verified and shown though it has tens of thousands of blobs`() throws {
    try write(Self.generator, 1000, 40, 0, 1)
    for command in ["verify a.tar", "inspect a.tar", "verify - <a.tar"] {
      let (_, peak) = try run("measured \(command)", exits: 0)
      #expect(peak < bound(images: 1000), "\(command)")
    }
  }

  @Test(arguments: 0..<4)
  func `is verified and shown though it has tens of thousands of names`(form: Int) throws {
    // Of images with a name each fewer are read, of an index no more than its size allows, and of two lists fewer.
    let count = [65_000, 43_000, 60_000, 24_000][form]
    try write(Self.names, count, form)
    for command in ["verify", "inspect", "inspect --json"] {
      let (result, peak) = try run("measured \(command) a.tar | tail -n 1", exits: 0)
      #expect(peak < 96 << 20, "\(command): \(peak)")
      #expect(result.standardOutput.contains("\(count) images") || command != "verify")
    }
  }

  @Test func `is refused though its list of names is small where these are more than are kept account of`()
    throws
  {
    try write(Self.names, 110_000, 0)
    for command in ["verify", "inspect"] {
      let (result, peak) = try run("measured \(command) a.tar", exits: 14)
      #expect(peak < 96 << 20, "\(command): \(peak)")
      // A limit is no damage.
      #expect(
        result.standardError.contains("a.tar is more than ferry reads: manifest.json: it has more than 65536")
      )
      #expect(!result.standardError.contains("is damaged"))
    }
  }

  @Test func `is shown as JSON though it lists hundreds of thousands of layers`() throws {
    try write(Self.generator, 20, 2450, 0, 0)
    let (result, peak) = try run("measured inspect --json a.tar >i.json; echo $?", exits: 0)
    #expect(result.standardOutput == "14\n")
    #expect(peak < bound(images: 20))
    try write(
      """
      import json
      [archive] = json.load(open('i.json'))['archives']
      layers = {layer['digest'] for image in archive['images'] for one in image['manifests'] for layer in one['layers']}
      assert len(layers) == 49000 and len(archive['problems']) == 49000
      """)
  }

  @Test func `is reported in place of an earlier report though both are large`() throws {
    try write(Self.generator, 20, 1300, 0, 0)
    for _ in 1...2 {
      let (_, peak) = try run("measured verify a.tar --json --report r.json >v.json", exits: 14)
      #expect(peak < bound(images: 20))
    }
    try write(
      """
      import json
      assert open('v.json').read() == open('r.json').read()
      assert len(json.load(open('r.json'))['archives'][0]['problems']) == 26000
      """)
  }

  @Test func `is read through a pipe though what describes it is large`() throws {
    try write(Self.stranger, 40)
    let (_, peak) = try run("cat a.tar | measured verify -", exits: 14)
    #expect(peak < bound(images: 1))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: ferry.home.path).sorted() == ["a.tar", "peak"])
  }

  @Test
  func `is read through a pipe with what describes it in the directory that TMPDIR names, if there is one`()
    throws
  {
    try write(Self.stranger, 3)
    let result = try Pipeline(ferry: ferry).run(#"cat a.tar | TMPDIR="$PWD/none" "$ferry" verify -"#)
    #expect(result.status == 16)
    result.complains("there is no directory \(ferry.file("none")) to write to")
  }
}
