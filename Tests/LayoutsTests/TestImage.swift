import Digests
import Foundation
import Images
import Layouts
import TestSupport

/// An image made by hand: the bytes of its manifests and blobs.
struct TestImage {
  let reference: Reference
  let root: Descriptor
  var manifests: [Manifest]
  var blobs: [[UInt8]]

  /// A gzip-compressed tar of one file, and the digest of the tar.
  struct Layer {
    let bytes: [UInt8]
    let diffID: Digest

    init(_ name: String, size: Int = 100) throws {
      let scratch = try ScratchDirectory()
      // Does not shrink, so that an archive has layers of the size asked for.
      var state = UInt64(name.utf8.reduce(5381) { $0 &* 33 &+ Int($1) })
      let content = (0..<size).map { _ -> UInt8 in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
      }
      try scratch.write(content, to: name)
      let tar = try Peer.run(
        "tar", "--format=ustar", "--owner=0", "--group=0", "--mtime=@0", "-cf", "-", name, in: scratch.path)
      diffID = Digest(of: tar)
      bytes = try Peer.run("gzip", "-nc", input: tar)
    }
  }

  static func descriptor(_ mediaType: String, _ bytes: [UInt8]) -> String {
    #"{"mediaType":"\#(mediaType)","digest":"\#(Digest(of: bytes))","size":\#(bytes.count)}"#
  }

  /// A single-platform image.
  init(
    _ name: String, layers: [Layer], architecture: String = "amd64", docker: Bool = false,
    configType: String? = nil
  ) throws {
    reference = try Reference(name)
    let diffIDs = layers.map { "\"\($0.diffID)\"" }.joined(separator: ",")
    let config = Array(
      #"{"architecture":"\#(architecture)","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[\#(diffIDs)]}}"#
        .utf8)
    let types =
      docker
      ? (
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.docker.image.rootfs.diff.tar.gzip"
      )
      : (
        "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.config.v1+json",
        "application/vnd.oci.image.layer.v1.tar+gzip"
      )
    let layerTexts = layers.map { Self.descriptor(types.2, $0.bytes) }.joined(separator: ",")
    let text =
      #"{"schemaVersion":2,"mediaType":"\#(types.0)","config":\#(Self.descriptor(configType ?? types.1, config)),"layers":[\#(layerTexts)]}"#
    let manifest = try Manifest(bytes: Array(text.utf8), mediaType: nil)
    root = manifest.descriptor
    manifests = [manifest]
    blobs = [config] + layers.map(\.bytes)
  }

  /// An index of `images`.
  init(_ name: String, index images: [TestImage]) throws {
    reference = try Reference(name)
    let entries = images.map { image in
      Self.descriptor(image.root.mediaType.rawValue, image.manifests[0].bytes)
    }
    let text =
      #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[\#(entries.joined(separator: ","))]}"#
    let manifest = try Manifest(bytes: Array(text.utf8), mediaType: nil)
    root = manifest.descriptor
    manifests = [manifest] + images.flatMap(\.manifests)
    blobs = images.flatMap(\.blobs)
  }

  init(_ name: String, manifest: Manifest, blobs: [[UInt8]]) throws {
    reference = try Reference(name)
    root = manifest.descriptor
    manifests = [manifest]
    self.blobs = blobs
  }

  /// The same image by another name.
  init(_ name: String, same image: TestImage) throws {
    reference = try Reference(name)
    root = image.root
    manifests = image.manifests
    blobs = image.blobs
  }
}

extension ArchivePlan {
  /// The plan of `images` without what `omissions` leaves out.
  init(
    _ images: [TestImage], omissions: [Omission] = [], extraFiles: [(path: String, bytes: [UInt8])] = []
  ) throws(LayoutError) {
    let omitted = Set(omissions.map(\.descriptor.digest))
    var blobs = Set<Descriptor>()
    for bytes in images.flatMap(\.blobs) where !omitted.contains(Digest(of: bytes)) {
      blobs.insert(
        Descriptor(mediaType: .ociConfig, digest: Digest(of: bytes), size: Int64(bytes.count)))
    }
    try self.init(
      images: images.map { ($0.reference, $0.root) },
      manifests: images.flatMap(\.manifests).filter { !omitted.contains($0.digest) },
      blobs: Array(blobs), omissions: omissions, extraFiles: extraFiles)
  }
}

/// Archives of test images, written by Ferry.
enum TestArchive {
  static func write(
    _ images: [TestImage], to path: String, replacing: Bool = false, omissions: [Omission] = [],
    extraFiles: [(path: String, bytes: [UInt8])] = []
  ) throws {
    let plan = try ArchivePlan(images, omissions: omissions, extraFiles: extraFiles)
    let writer = try ArchiveWriter.open(plan: plan, path: path, replacing: replacing)
    for bytes in Set(images.flatMap(\.blobs)).shuffled() where plan.extent(of: Digest(of: bytes)) != nil {
      try writer.put(bytes)
    }
    try writer.finish()
  }

  /// Two tags of one image, one image of another repository sharing a layer, a multi-platform image, an image
  /// in Docker's format.
  static func images() throws -> [TestImage] {
    let base = try TestImage.Layer("base", size: 3000)
    let own = try TestImage.Layer("own", size: 700)
    let app = try TestImage("old.example/team/app:1.0", layers: [base, own])
    let arm = try TestImage(
      "old.example/team/multi:arm", layers: [base, try TestImage.Layer("arm")], architecture: "arm64")
    return [
      app,
      try TestImage("old.example/team/app:latest", same: app),
      try TestImage("old.example/team/multi:2", index: [app, arm]),
      try TestImage("old.example/other:3", layers: [own, own], docker: true),
    ]
  }

  /// A tar made by Python: each entry a name and its bytes, or what `kind` says.
  struct Entry {
    var name: String
    var bytes: [UInt8] = []
    var kind = "file"
  }

  static func tar(_ entries: [Entry], to scratch: ScratchDirectory, _ name: String) throws -> String {
    let script = """
      import base64, io, json, sys, tarfile
      out = tarfile.open(sys.argv[1], 'w', format=tarfile.USTAR_FORMAT)
      for e in json.load(sys.stdin):
        info = tarfile.TarInfo(e['name']); data = base64.b64decode(e['bytes'])
        if e['kind'] == 'file': info.size = len(data); out.addfile(info, io.BytesIO(data)); continue
        info.type = {'symlink': tarfile.SYMTYPE, 'hardlink': tarfile.LNKTYPE, 'directory': tarfile.DIRTYPE}[e['kind']]
        info.linkname = 'index.json'; out.addfile(info)
      out.close()
      """
    let list = entries.map {
      ["name": $0.name, "kind": $0.kind, "bytes": Data($0.bytes).base64EncodedString()]
    }
    try Peer.run(
      "python3", "-c", script, scratch(name), input: [UInt8](try JSONSerialization.data(withJSONObject: list))
    )
    return scratch(name)
  }

  /// Gives the header that stands at `offset` the checksum that it has now, as Ferry writes it.
  static func seal(_ bytes: inout [UInt8], headerAt offset: Int) {
    let sum = bytes[offset..<(offset + 512)].enumerated().reduce(0) {
      $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element))
    }
    let digits = String(sum, radix: 8)
    let field = String(repeating: "0", count: 6 - digits.count) + digits + "\0 "
    bytes.replaceSubrange((offset + 148)..<(offset + 156), with: Array(field.utf8))
  }

  /// The entries of an archive, as Python reads them.
  static func entries(of path: String) throws -> [Entry] {
    let script = """
      import base64, json, sys, tarfile
      t = tarfile.open(sys.argv[1])
      print(json.dumps([[m.name, base64.b64encode(t.extractfile(m).read()).decode()] for m in t]))
      """
    let list = try JSONSerialization.jsonObject(with: Data(try Peer.run("python3", "-c", script, path)))
    return (list as? [[String]] ?? []).map {
      Entry(name: $0[0], bytes: [UInt8](Data(base64Encoded: $0[1]) ?? Data()))
    }
  }
}
