import Foundation
import TestSupport

/// An archive of another tool, made by a few lines of Python that a report gave the shape to.
struct MadeArchive {
  let directory = TemporaryDirectory()
  /// What the script printed, line by line: digests that it made.
  let printed: [String]

  /// The archive that most scripts write.
  var path: String { directory.file("a.tar") }

  /// Runs `script`, which writes archives, in `directory`.
  static func write(_ script: String, in directory: TemporaryDirectory) throws {
    var command = Command("python3", ["-c", makers + "\n" + script])
    command.directory = directory.path
    let result = try command.run()
    guard result.status == 0 else { throw TestFailure("python3: \(result.standardError)") }
  }

  init(_ script: String) throws {
    var command = Command("python3", ["-c", Self.makers + "\n" + script])
    command.directory = directory.path
    let result = try command.run()
    guard result.status == 0 else { throw TestFailure("python3: \(result.standardError)") }
    printed = result.standardOutput.split(separator: "\n").map(String.init)
  }

  /// Lays a layout at `path` in which all but its list is a hard link to what comes behind it.
  static func links(to path: String) throws {
    let made = try MadeArchive(
      """
      i = Image('x'); files = layout([i.entry('x:1')], i.blobs)
      with tarfile.open('a.tar', 'w', format=tarfile.USTAR_FORMAT) as t:
        for n, (name, content) in enumerate(files.items()):
          e = tarfile.TarInfo(name); e.type, e.linkname = tarfile.LNKTYPE, 'store/%d' % n; t.addfile(e)
        for n, content in enumerate(files.values()):
          e = tarfile.TarInfo('store/%d' % n); e.size = len(content); t.addfile(e, io.BytesIO(content))
      """)
    try FileManager.default.moveItem(atPath: made.path, toPath: path)
  }

  /// Layers, images, layouts and tars.
  private static let makers = """
    import gzip, hashlib, io, json, sys, tarfile

    OCI, DOCKER = 'application/vnd.oci.image.', 'application/vnd.docker.'
    MANIFEST, INDEX, EMPTY = OCI + 'manifest.v1+json', OCI + 'index.v1+json', 'application/vnd.oci.empty.v1+json'

    def digest(b): return 'sha256:' + hashlib.sha256(b).hexdigest()
    def blob(b): return 'blobs/sha256/' + hashlib.sha256(b).hexdigest()
    def text(v): return json.dumps(v, separators=(',', ':')).encode()
    def of(b, kind, **more): return {'mediaType': kind, 'digest': digest(b), 'size': len(b), **more}
    def called(name): return {'io.containerd.image.name': 'old.example/team/' + name}

    def tar(entries):
      out = io.BytesIO()
      with tarfile.open(fileobj=out, mode='w', format=tarfile.USTAR_FORMAT) as t:
        for name, content in entries:
          e = tarfile.TarInfo(name); e.size = len(content); t.addfile(e, io.BytesIO(content))
      return out.getvalue()

    class Image:
      # Two layers, and a manifest that `change` makes otherwise.
      def __init__(self, seed, arch='amd64', os='linux', kind='layer.v1.tar+gzip', zip=True, change=None, plain=None):
        self.plain = plain or [tar([('%s-%d' % (seed, n), seed.encode() * 90)]) for n in range(2)]
        self.layers = [gzip.compress(p, mtime=0) if zip else p for p in self.plain]
        self.platform = {'architecture': arch, 'os': os}
        self.config = text({**self.platform, 'config': {},
          'rootfs': {'type': 'layers', 'diff_ids': [digest(p) for p in self.plain]}})
        self.document = {'schemaVersion': 2, 'mediaType': MANIFEST, 'config': of(self.config, OCI + 'config.v1+json'),
          'layers': [of(l, OCI + kind) for l in self.layers]}
        if change: change(self.document)
        self.manifest = text(self.document)
        self.blobs = [self.manifest, self.config, *self.layers]
      def entry(self, name=None, **more):
        if name: more['annotations'] = called(name)
        return of(self.manifest, self.document.get('mediaType', MANIFEST), **more)
      def child(self): return self.entry(platform=self.platform)
      def listed(self, names, layers=None, **more):
        return {'Config': blob(self.config), 'RepoTags': names, 'Layers': layers or [blob(l) for l in self.layers], **more}

    def plain(seed): return Image(seed, kind='layer.v1.tar', zip=False)
    def index(children): return text({'schemaVersion': 2, 'mediaType': INDEX, 'manifests': children})

    def attestation(image):
      statement = text({'_type': 'in-toto', 'of': digest(image.manifest)})
      config = text({'architecture': 'unknown', 'os': 'unknown', 'rootfs': {'type': 'layers', 'diff_ids': [digest(statement)]}})
      manifest = text({'schemaVersion': 2, 'mediaType': MANIFEST, 'config': of(config, OCI + 'config.v1+json'),
        'layers': [of(statement, 'application/vnd.in-toto+json')]})
      child = of(manifest, MANIFEST, platform={'architecture': 'unknown', 'os': 'unknown'},
        annotations={'vnd.docker.reference.digest': digest(image.manifest), 'vnd.docker.reference.type': 'attestation-manifest'})
      return child, [manifest, config, statement]

    def layout(entries, blobs, **more):
      files = {'oci-layout': b'{"imageLayoutVersion":"1.0.0"}'}
      files['index.json'] = text({'schemaVersion': 2, 'mediaType': INDEX, 'manifests': entries, **more})
      files.update((blob(b), b) for b in blobs)
      return files

    def write(files, path='a.tar'):
      open(path, 'wb').write(tar(files.items() if isinstance(files, dict) else files))

    def saved(image): return {blob(b): b for b in [image.config, *image.layers]}
    """
}
