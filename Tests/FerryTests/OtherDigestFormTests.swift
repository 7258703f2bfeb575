import Foundation
import TestSupport
import Testing

/// Images with longer digests as other tools save them: `docker save`, skopeo's `dir:`, and pipes in any order.
@Suite(.waiting) struct `Another tool's image with longer digests` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  /// An image of one layer of more than 4 MiB, of which `whole` names the layer, `content` what it unpacks to; as a layout with its
  /// blobs in the order `config`, manifest, layer; the layer first; and as docker's list alone.
  private static func made(whole: String, content: String, packed: Bool = true) throws -> MadeArchive {
    try MadeArchive(
      """
      import random
      def by(a, b): return a + ':' + hashlib.new(a, b).hexdigest()
      def place(d): return 'blobs/' + d.replace(':', '/')
      def pack(entries, path):
        with tarfile.open(path, 'w', format=tarfile.PAX_FORMAT) as t:
          for name, content in entries:
            e = tarfile.TarInfo(name); e.size = len(content); t.addfile(e, io.BytesIO(content))
      plain = tar([('f', random.Random(5).randbytes(5 << 20))])
      layer = gzip.compress(plain, 1, mtime=0) if \(packed ? 1 : 0) else plain
      config = text({'architecture': 'amd64', 'os': 'linux', 'config': {},
        'rootfs': {'type': 'layers', 'diff_ids': [by('\(content)', plain)]}})
      manifest = text({'schemaVersion': 2, 'mediaType': MANIFEST, 'config': of(config, OCI + 'config.v1+json'),
        'layers': [{'mediaType': OCI + 'layer.v1.tar' + ('+gzip' if \(packed ? 1 : 0) else ''), 'digest': by('\(whole)', layer),
          'size': len(layer)}]})
      named = of(manifest, MANIFEST, annotations=called('i:1'))
      front = [('oci-layout', b'{"imageLayoutVersion":"1.0.0"}'),
        ('index.json', text({'schemaVersion': 2, 'mediaType': INDEX, 'manifests': [named]}))]
      documents = [(blob(config), config), (blob(manifest), manifest)]
      last = [(place(by('\(whole)', layer)), layer)]
      listed = [('manifest.json', text([{'Config': blob(config), 'RepoTags': ['old.example/team/i:1'],
        'Layers': [last[0][0]]}]))]
      pack(documents + last + front, 'a.tar')
      pack(last + front + documents, 'late.tar')
      pack(documents[:1] + last + listed, 'docker.tar')
      pack(front + documents + last + listed, 'both.tar')
      print(digest(manifest))
      """)
  }

  @Test(arguments: [("sha256", "sha512"), ("sha512", "sha512"), ("sha512", "sha256"), ("sha384", "sha256")])
  func `is proved as it passes, by whatever digests its documents name before`(
    whole: String, content: String
  ) throws {
    let made = try Self.made(whole: whole, content: content)
    for name in ["a.tar", "docker.tar", "both.tar"] {
      let piped = try Pipeline(ferry: ferry).run(
        "cat \"$1\" | $ferry verify --deep -", [made.directory.file(name)])
      #expect(piped.status == 0, "\(name) \(piped.standardError) \(piped.standardOutput)")
      #expect(piped.standardOutput.contains("1 layer unpacked and compared"))
    }
  }

  @Test func `is not called absent where it names its layer too late, but wants to be kept`() throws {
    let made = try Self.made(whole: "sha256", content: "sha512")
    let late = made.directory.file("late.tar")
    let piped = try Pipeline(ferry: ferry).run("cat \"$1\" | $ferry verify --deep -", [late])
    #expect(piped.status == 64, "\(piped.standardError)")
    piped.complains("something is needed of it that has passed", "--spool DIR")
    let kept = try Pipeline(ferry: ferry).run("cat \"$1\" | $ferry verify --deep --spool . -", [late])
    #expect(kept.status == 0, "\(kept.standardError)")
    let shallow = try Pipeline(ferry: ferry).run("cat \"$1\" | $ferry verify -", [late])
    #expect(shallow.status == 0, "\(shallow.standardError)")
  }

  /// In a stream as in a file: another tool packed it.
  @Test func `is whole where layers stand in each other's places, whatever their headers' lengths`() throws {
    let source = ScriptedRegistry()
    var random = SeededGenerator(seed: 3)
    let layers = [random.bytes(3_000), random.bytes(2_000), random.bytes(1_000)]
    let config = Array(
      #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[\#(layers.map { "\"\(BlobDigest.of($0))\"" }.joined(separator: ","))]}}"#
        .utf8)
    let oci = "application/vnd.oci.image"
    let listed = zip(layers, ["sha256", "sha512", "sha512"]).map {
      #"{"mediaType":"\#(oci).layer.v1.tar","digest":"\#(source.add($0, by: $1))","size":\#($0.count)}"#
    }
    source.add(
      manifest: """
        {"schemaVersion":2,"mediaType":"\(oci).manifest.v1+json","config":{"mediaType":"\(oci).config.v1+json",\
        "digest":"\(source.add(config, by: "sha256"))","size":\(config.count)},"layers":[\(listed.joined(separator: ","))]}
        """, as: "\(oci).manifest.v1+json", to: "old/app", tag: "1", by: "sha256")
    try ferry.export([source.reference("old/app:1")], to: "a.tar")
    let script = """
      import sys, tarfile
      data, places, at = open(sys.argv[1], 'rb').read(), [], 0
      for m in tarfile.open(sys.argv[1]).getmembers():
        end = m.offset_data + (m.size + 511) // 512 * 512
        places.append(data[at:end]); at = end
      front, layers = places[:-3], places[-3:]
      open('b.tar', 'wb').write(b''.join(front + layers[::-1]) + data[at:])
      open('c.tar', 'wb').write(b''.join(front + [layers[0], layers[2], layers[1]]) + data[at:])
      """
    var swap = Command("python3", ["-c", script, ferry.file("a.tar")])
    swap.directory = ferry.home.path
    #expect(try swap.run().status == 0)
    for name in ["b.tar", "c.tar"] {
      let result = try Pipeline(ferry: ferry).run(
        "$ferry verify \(name) && cat \(name) | $ferry verify --deep - && gzip \(name) && $ferry verify \(name).gz"
      )
      #expect(result.status == 0, "\(result.standardError) \(result.standardOutput)")
      #expect(result.standardOutput.components(separatedBy: "repacked by another tool").count == 4)
    }
  }
}
