import Files
import Digests
import Foundation
import Images
import Tar
import TestSupport
import Testing
@testable import Layouts

@Suite(.waiting) struct `An archive of another tool` {
  let scratch: ScratchDirectory
  let image: TestImage

  init() throws {
    scratch = try ScratchDirectory()
    image = try TestImage("old.example/team/app:1.0", layers: [TestImage.Layer("a"), TestImage.Layer("b")])
  }

  /// What a plain tool puts into a layout.
  func entries(name: String? = nil) -> [TestArchive.Entry] {
    let annotations = name.map { #","annotations":{"org.opencontainers.image.ref.name":"\#($0)"}"# } ?? ""
    let root =
      #"{"mediaType":"\#(image.root.mediaType)","digest":"\#(image.root.digest)","size":\#(image.root.size)"#
    let index = Array(#"{"schemaVersion":2,"manifests":[\#(root)\#(annotations)}]}"#.utf8)
    return [
      .init(name: "oci-layout", bytes: Array(#"{"imageLayoutVersion": "1.0.0"}"#.utf8)),
      .init(name: "index.json", bytes: index),
    ]
      + ([image.manifests[0].bytes] + image.blobs).map {
        .init(name: BlobPath.path(of: Digest(of: $0)), bytes: $0)
      }
  }

  func open(_ entries: [TestArchive.Entry]) throws -> Layout {
    try Layout.open(TestArchive.tar(entries, to: scratch, "x.tar"))
  }

  @Test func `opens in any order, with directories and dots`() throws {
    let layout = try open(
      [.init(name: "./", kind: "directory"), .init(name: "./blobs/", kind: "directory")]
        + entries(name: "1.0").reversed().map { .init(name: "./" + $0.name, bytes: $0.bytes) })
    #expect(!layout.isWrittenByFerry && layout.problems == [] && layout.remarks == [])
    #expect(layout.images.map(\.name) == ["1.0"] && layout.images[0].reference == nil)
    #expect(try layout.tree(of: layout.images[0]).blobs.count == 3)
    #expect(try open(entries(name: "h.example/a:2")).images[0].reference == Reference("h.example/a:2"))
    #expect(try open(entries()).images[0].name == "")
  }

  @Test(arguments: PythonTar.Format.allCases)
  func `opens with any tool's headers, long names, owners and times`(format: PythonTar.Format) throws {
    let long = String(repeating: "long/", count: 40) + "name"
    let list =
      [PythonTar.Entry("blobs/", .directory), .init(format == .ustar ? "short" : long, "")]
      + entries(name: "h.example/a:2").map { .init("./" + $0.name, .file($0.bytes)) }
    try PythonTar(list, format, isChatty: true).write(to: scratch("x.tar"))
    let layout = try Layout.open(scratch("x.tar"))
    #expect(layout.problems == [] && layout.images.map(\.name) == ["h.example/a:2"])
    #expect(layout.remarks == [.surplus(path: format == .ustar ? "short" : long)])
    #expect(try layout.tree(of: layout.images[0]).blobs.count == 3)
  }

  @Test func `gives names without a host docker's, and tags none`() throws {
    for (name, expected) in [
      ("alpine:3.20", "docker.io/library/alpine:3.20"), ("rancher/x:v1", "docker.io/rancher/x:v1"),
      ("localhost/x:1", "localhost/x:1"), ("v1.0", nil), ("UPPER/case", nil),
    ] {
      #expect(try open(entries(name: name)).images[0].reference?.description == expected)
    }
  }

  @Test(arguments: [
    "sha256:\(String(repeating: "a", count: 64))", "sha512:\(String(repeating: "A1", count: 64))",
    "md5:\(String(repeating: "0", count: 32))",
    "docker.io/library/sha256:\(String(repeating: "a", count: 64))",
    "x.example/team/sha256:\(String(repeating: "a", count: 64))", String(repeating: "b", count: 64),
    "docker.io/library/\(String(repeating: "b", count: 64))", "<none>:<none>", "<none>", "app:<none>",
    "x.example/app@sha256:\(String(repeating: "a", count: 64))",
    "x.example/app:1@sha256:\(String(repeating: "a", count: 64))",
    "@sha256:\(String(repeating: "a", count: 64))",
    "docker://alpine:3", "https://x.example/a:1", "docker-archive:a.tar", "docker-daemon:a:1", "oci:a/b:c",
    "containers-storage:localhost/a:1", "a b:1", "x.example/", "x.example/A:1", "x.example/a:", " ", ":1",
    "/a:1", "sha256:5f214a762545", "app/sha256:5f214a762545",
    "x.example/sha256:\(String(repeating: "a", count: 31))", "docker.io/library/sha512:0123456789ab",
  ])
  func `has no name where it gives none that is one`(name: String) throws {
    let layout = try open(entries(name: name))
    #expect(layout.images.map(\.reference) == [nil] && layout.images[0].bareTag == nil)
    #expect(layout.images[0].label == image.root.digest.description)
    let saved = DockerSave([DockerSave.Image([name], layers: [try DockerSave.layer("a")])])
    try saved.write(to: scratch("y.tar"))
    let docker = try Layout.open(scratch("y.tar"))
    // The manifest is made anew, so that its digest is none that a registry gave it: the repository is right all the same.
    let isByDigest = name.hasPrefix("x.example/app") && name.contains("@")
    #expect((docker.images.map(\.reference) == [nil]) != isByDigest && docker.images[0].bareTag == nil)
  }

  @Test func `has the name with its own digest that it is given, and a digest for a tag`() throws {
    for name in [
      "x.example/app@\(image.root.digest)", "x.example/app:1@\(image.root.digest)",
      "docker.io/team/app:\(String(repeating: "c", count: 40))", "x.example/sha256:latest",
      "x.example/sha256:5f214a", "x.example/app:5f214a762545", "x.example/md5:1.2.3-5f214a762545",
    ] {
      #expect(try open(entries(name: name)).images[0].reference?.description == name)
    }
    // So short a tag may be a commit's.
    #expect(try open(entries(name: "5f214a762545")).images[0].bareTag == "5f214a762545")
  }

  @Test(arguments: ["5f214a762545", String(repeating: "b", count: 64)])
  func `of docker has no name where its list gives the image's ID`(id: String) throws {
    let layers = [try DockerSave.layer("a")]
    for names in [[id], [id, "x.example/a:1"]] {
      try DockerSave([DockerSave.Image(names, layers: layers)]).write(to: scratch("y.tar"))
      let images = try Layout.open(scratch("y.tar")).images
      #expect(images.map { $0.reference?.description } == [names.count == 1 ? nil : "x.example/a:1"])
      #expect(images.allSatisfy { $0.bareTag == nil })
    }
  }

  @Test func `made by skopeo opens`() throws {
    try TestArchive.write([image], to: scratch("a.tar"))
    try Peer.run(
      "skopeo", "copy", "-q", "oci-archive:\(scratch("a.tar"))",
      "oci-archive:\(scratch("b.tar")):x.example/app:9")
    let layout = try Layout.open(scratch("b.tar"))
    #expect(!layout.isWrittenByFerry && layout.problems == [] && layout.remarks == [])
    #expect(layout.images.map(\.name) == ["x.example/app:9"])
    #expect(layout.images.map(\.root.digest) == [image.root.digest])
  }

  @Test func `gets remarks, not problems, for what does no harm`() throws {
    let stray: [UInt8] = [4, 2]
    let layout = try open(
      entries() + [
        .init(name: "repositories", bytes: [1]), .init(name: "manifest.json", bytes: Array("{}".utf8)),
        .init(name: "old/layer.tar", kind: "symlink"),
        .init(name: BlobPath.path(of: Digest(of: stray)), bytes: stray),
      ])
    #expect(layout.problems == [])
    #expect(
      Set(layout.remarks) == [
        .surplus(path: "repositories"), .surplus(path: "old/layer.tar"),
        .unreferenced(Digest(of: stray), size: 2),
      ])
  }

  @Test func `is damaged when blobs are missing, of another size, or other bytes`() throws {
    let layers = image.manifests[0].blobs
    var list = entries()
    list.removeAll { $0.name == BlobPath.path(of: layers[1].digest) }
    #expect(try open(list).problems == [.missing(layers[1])])

    list = entries()
    list[list.count - 1].bytes.append(0)
    let last = layers[2]
    #expect(
      try open(list).problems == [.wrongSize(last.digest, expected: last.size, actual: last.size + 1)])

    list = entries()
    list[2].bytes[5] ^= 1
    let changed = try open(list)
    #expect(changed.problems == [.damaged(image.root.digest, actual: Digest(of: list[2].bytes))])
    #expect {
      try changed.tree(of: changed.images[0])
    } throws: { error in
      if case LayoutError.wrongContent(image.root.digest, .mismatch) = error { true } else { false }
    }
  }

  @Test func `is damaged when entries come twice, are links, or lead elsewhere`() throws {
    // The same bytes twice are the same for all.
    #expect(try open(entries() + [entries()[1]]).problems == [])
    var changed = entries()[1]
    changed.bytes[changed.bytes.count - 1] ^= 1
    #expect(try open(entries() + [changed]).problems == [.duplicate(path: "index.json")])
    #expect(
      try open(entries() + [.init(name: "./index.json", bytes: [1])]).problems
        == [.duplicate(path: "index.json")])
    for kind in ["symlink", "hardlink"] {
      var list = entries()
      let layer = image.manifests[0].blobs[2]
      list[list.count - 1] = .init(name: BlobPath.path(of: layer.digest), kind: kind)
      // A symbolic link leads on from where it stands, a hard one from the top.
      let size = Int64(list[1].bytes.count)
      #expect(
        try open(list).problems
          == (kind == "hardlink"
            ? [.wrongSize(layer.digest, expected: layer.size, actual: size)]
            : [.strayLink(path: BlobPath.path(of: layer.digest), target: "index.json"), .missing(layer)]))
    }
    for name in ["../x", "/../x", "a/../../x", "a\u{1}b"] {
      #expect(try open(entries() + [.init(name: name, bytes: [1])]).problems == [.unsafePath(name)])
    }
  }

  @Test(arguments: [PythonTar.Format.ustar, .gnu, .pax])
  func `may have links to files and directories of its own, first or last`(format: PythonTar.Format) throws {
    let files = entries().map { PythonTar.Entry($0.name, .file($0.bytes)) }
    let blobs = files.dropFirst(2)
    func open(_ entries: [PythonTar.Entry]) throws -> [LayoutProblem] {
      try PythonTar(entries, format).write(to: scratch("x.tar"))
      let layout = try Layout.open(scratch("x.tar"))
      #expect(try layout.tree(of: layout.images[0]).blobs.count == 3)
      for digest in layout.blobs.keys {
        let size = layout.blobs[digest]?.size ?? 0
        _ = try layout.bytes(of: Descriptor(mediaType: .ociLayer, digest: digest, size: size), limit: 1 << 20)
      }
      return layout.problems
    }
    let stored = blobs.enumerated().map { PythonTar.Entry("store/\($0)", $1.kind) }
    let links = blobs.enumerated().map { PythonTar.Entry($1.name, .symbolicLink("../../store/\($0)")) }
    let hard = blobs.enumerated().map { PythonTar.Entry($1.name, .hardLink("./store/\($0)")) }
    let front = Array(files.prefix(2))
    #expect(try open(front + stored + links) == [])
    #expect(try open(links + stored + front) == [])
    #expect(try open(front + stored + hard) == [])
    #expect(try open(front + hard + stored) == [])
    #expect(try open(hard + stored + front) == [])
    let chain = links.map { PythonTar.Entry($0.name, .symbolicLink("../../chain/" + $0.name)) }
    let second = links.map {
      PythonTar.Entry("chain/" + $0.name, .symbolicLink("../" + ($0.link ?? "")))
    }
    #expect(try open(front + chain + second + stored) == [])
    // A folder of blobs that is a link.
    let moved = blobs.map { PythonTar.Entry("store/" + $0.name.split(separator: "/")[2], $0.kind) }
    #expect(try open(front + moved + [PythonTar.Entry("blobs/sha256", .symbolicLink("../store"))]) == [])
    #expect(
      try open(
        [PythonTar.Entry("blobs", .symbolicLink("./deep/blobs"))] + front
          + blobs.map {
            PythonTar.Entry("deep/" + $0.name, $0.kind)
          }) == [])
    // Leading slashes and dots are no other names.
    for prefix in ["/", "//", "./", ".//", "/./"] {
      #expect(try open(files.map { PythonTar.Entry(prefix + $0.name, $0.kind) }) == [])
    }
  }

  @Test func `may lead to a file through links to directories, hard links to itself, and from the top`()
    throws
  {
    let files = entries().map { PythonTar.Entry($0.name, .file($0.bytes)) }
    let last = files[files.count - 1]
    let front = Array(files.dropLast())
    let through = [
      PythonTar.Entry(last.name, .symbolicLink("../../store/x")), .init("store", .symbolicLink("a/b")),
      .init("a/b", .symbolicLink("../real")), .init("real/x", last.kind),
    ]
    for list in [
      front + through, through + front, files + [.init(last.name, .hardLink(last.name))],
      files + [.init("./" + last.name, .hardLink("./" + last.name))],
      front + [.init("x", last.kind)]
        + [PythonTar.Entry](repeating: .init(last.name, .hardLink("x")), count: 2),
      front + [.init("/x", last.kind), .init("/" + last.name, .hardLink("/x"))],
    ] {
      try PythonTar(list).write(to: scratch("x.tar"))
      #expect(try Layout.open(scratch("x.tar")).problems == [])
    }
    for list in [
      files + [.init("x", "other"), .init(last.name, .hardLink("x"))],
      files + [.init(last.name, .symbolicLink("../../x")), .init("x", last.kind)],
    ] {
      try PythonTar(list).write(to: scratch("x.tar"))
      #expect(try Layout.open(scratch("x.tar")).problems == [.duplicate(path: last.name)])
    }
    try PythonTar(
      front + [
        .init(last.name, .symbolicLink("../../a/x")), .init("a", .symbolicLink("b")),
        .init("b", .symbolicLink("a")),
      ]
    ).write(to: scratch("x.tar"))
    #expect(
      try Layout.open(scratch("x.tar")).problems.first == .strayLink(path: last.name, target: "../../a/x"))
  }

  @Test func `that looks ended before a hole is not taken for one that something was left out of`() throws {
    let absent = try TestImage("old.example/team/app:2.0", layers: [TestImage.Layer("c")])
    func child(_ image: TestImage, _ platform: String) -> String {
      #"{"mediaType":"\#(image.root.mediaType)","digest":"\#(image.root.digest)","size":\#(image.root.size),"platform":{"os":"linux","architecture":"\#(platform)"}}"#
    }
    let index = Array(
      #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","manifests":[\#(child(image, "amd64")),\#(child(absent, "arm64"))]}"#
        .utf8)
    let root = Array(
      #"{"schemaVersion":2,"manifests":[{"mediaType":"\#(MediaType.ociIndex)","digest":"\#(Digest(of: index))","size":\#(index.count)}]}"#
        .utf8)
    var list = entries()
    list[1] = .init(name: "index.json", bytes: root)
    list.append(.init(name: BlobPath.path(of: Digest(of: index)), bytes: index))
    let layout = try open(list)
    #expect(layout.problems == [] && layout.omissions[absent.root.digest]?.reason == .absent)
    let bytes = try scratch.read("x.tar")
    for (tail, isTrusted) in [(10_240, true), (1 << 20, true), (3 << 20, false)] {
      let path = try scratch.write(bytes + [UInt8](repeating: 0, count: tail - 10_240 + 512), to: "y.tar")
      let found = try Layout.open(path).problems
      #expect(found.isEmpty == isTrusted, "\(tail): \(found)")
      guard !isTrusted else { continue }
      #expect(found.contains { if case .trailingBytes = $0 { true } else { false } })
      #expect(found.contains { if case .missing = $0 { true } else { false } })
    }
  }

  @Test func `with a link to what is not in it is refused`() throws {
    let files = entries().map { PythonTar.Entry($0.name, .file($0.bytes)) }
    let layer = image.manifests[0].blobs[2]
    let path = BlobPath.path(of: layer.digest)
    for (kind, target) in [
      (PythonTar.Kind.symbolicLink("/etc/hostname"), "/etc/hostname"),
      (.symbolicLink("../../../x"), "../../../x"), (.symbolicLink("loop"), "loop"),
      (.symbolicLink(layer.digest.hex), layer.digest.hex), (.hardLink("nowhere"), "nowhere"),
    ] {
      try PythonTar(
        Array(files.dropLast()) + [
          PythonTar.Entry(path, kind), PythonTar.Entry("blobs/sha256/loop", .symbolicLink(layer.digest.hex)),
        ]
      ).write(to: scratch("x.tar"))
      let problems = try Layout.open(scratch("x.tar")).problems
      #expect(problems.contains(.strayLink(path: path, target: target)) && problems.contains(.missing(layer)))
    }
  }

  /// Cuts the file `x.tar` into volumes of these sizes and one of the rest.
  private func cut(_ sizes: [Int]) throws -> [String] {
    var rest = try scratch.read("x.tar")[...]
    return try (sizes + [rest.count]).enumerated().map { number, size in
      defer { rest = rest.dropFirst(size) }
      return try scratch.write(Array(rest.prefix(size)), to: "cut.tar.00\(number + 1)")
    }
  }

  @Test(arguments: [[4000], [300, 5000], [5000, 300], [1, 2000, 0, 700], [3000, 3001, 3000]])
  func `that was cut into pieces of any sizes is whole, and not without one of them`(sizes: [Int]) throws {
    let layout = try open(entries())
    let pieces = try cut(sizes)
    let found = try TestVolumes.open(pieces)
    #expect(found.problems == [] && found.blobs == layout.blobs)
    #expect(found.volumes.map(\.size).dropLast() == sizes.map(Int64.init))
    #expect(found.volumes.last?.offset == Int64(sizes.reduce(0, +)))
    #expect(found.volumes.allSatisfy { $0.state == .present })
    for blob in try layout.tree(of: layout.images[0]).blobs {
      #expect(throws: Never.self) { try found.bytes(of: blob, limit: 1 << 20) }
    }
    // But for what are zeros behind the end.
    for piece in pieces.reversed() where try TestVolumes.bytes(piece).contains(where: { $0 != 0 }) {
      try FileManager.default.removeItem(atPath: piece)
      let left = Result { try TestVolumes.open([scratch("cut.tar")]).problems }
      #expect((try? left.get()) != [], "\(piece)")
    }
  }

  @Test(arguments: [
    "--sparse --format=gnu", "--sparse --format=pax", "--sparse --format=pax --sparse-version=0.1",
  ])
  func `with a sparse layer is refused by its name, not as damage`(form: String) throws {
    _ = try TestArchive.tar(entries(), to: scratch, "a.tar")
    try FileManager.default.createDirectory(atPath: scratch("d"), withIntermediateDirectories: false)
    try Command.run("tar", ["-xf", scratch("a.tar"), "-C", scratch("d")])
    let path = BlobPath.path(of: image.manifests[0].blobs[2].digest)
    try scratch.write([UInt8](repeating: 0, count: 1 << 20) + [1], to: "d/\(path)")
    try Command.run("fallocate", ["--dig-holes", scratch("d/\(path)")])
    try Command.run("sh", ["-c", "cd \(scratch("d")) && tar \(form) -cf ../x.tar ."])
    #expect(throws: LayoutError.sparse(path: scratch("x.tar"), entry: path)) {
      try Layout.open(scratch("x.tar"))
    }
  }

  @Test func `whose entry is of a sparse file's kind is not taken for a plain one`() throws {
    let path = try TestArchive.tar(entries(), to: scratch, "x.tar")
    var bytes = try scratch.read("x.tar")
    let name = BlobPath.path(of: image.manifests[0].blobs[2].digest)
    let offset = try #require(Layout.open(path).blobs[image.manifests[0].blobs[2].digest]).offset - 512
    bytes[Int(offset) + 156] = UInt8(ascii: "S")
    TestArchive.seal(&bytes, headerAt: Int(offset))
    try scratch.write(bytes, to: "x.tar")
    #expect(throws: LayoutError.sparse(path: path, entry: name)) { try Layout.open(path) }
  }

  @Test func `with Ferry's ledger but without its digest is damaged`() throws {
    #expect(
      try open(entries() + [.init(name: "ferry.json", bytes: [1])]).problems
        .contains(.unannounced(path: "ferry.json")))
  }

  @Test func `is refused when it cannot be told what it holds`() throws {
    let path = scratch("x.tar")
    #expect(throws: LayoutError.notALayout(path: path, missing: "index.json")) {
      try open(entries().filter { !["oci-layout", "index.json"].contains($0.name) })
    }
    #expect(throws: LayoutError.notALayout(path: path, missing: "index.json")) {
      try open(entries().filter { $0.name != "index.json" })
    }
    var list = entries()
    list[0].bytes = Array(#"{"imageLayoutVersion":"2.0.0"}"#.utf8)
    #expect(
      throws: LayoutError.unsupportedVersion(
        path: path, entry: "oci-layout", found: "2.0.0", supported: "1.0.0")
    ) { try open(list) }
    list[0].bytes = [UInt8](repeating: 32, count: 5000)
    #expect(throws: LayoutError.oversized(path: path, entry: "oci-layout", size: 5000, limit: 4096)) {
      try open(list)
    }
    list = entries()
    list[1].bytes = Array("{".utf8) + [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
    #expect(
      throws: LayoutError.malformed(path: path, entry: "index.json", why: .json(.document(.malformed(at: 1))))
    ) {
      try open(list)
    }
    list[1].bytes = Array(#"{"manifests":[{"mediaType":"a","digest":"sha256:1","size":1}]}"#.utf8)
    #expect {
      try open(list)
    } throws: { error in
      if case LayoutError.malformed(path, "index.json", _) = error { true } else { false }
    }
    try scratch.write(Array("no tar".utf8), to: "y")
    #expect(throws: LayoutError.notAnArchive(path: scratch("y"))) { try Layout.open(scratch("y")) }
    #expect(throws: LayoutError.notALayout(path: scratch.path, missing: "oci-layout")) {
      try Layout.open(scratch.path)
    }
    #expect(throws: LayoutError.archive(.file(.open, path: scratch("z"), code: 2))) {
      try Layout.open(scratch("z"))
    }
  }

  @Test func `cannot make Ferry descend for ever`() throws {
    // A hundred indexes, each in the next.
    var inner = image.manifests[0]
    var list = entries()
    for _ in 0..<100 {
      let text =
        #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","manifests":[\#(TestImage.descriptor(inner.mediaType.rawValue, inner.bytes))]}"#
      inner = try Manifest(bytes: Array(text.utf8), mediaType: nil)
      list.append(.init(name: BlobPath.path(of: inner.digest), bytes: inner.bytes))
    }
    list[1].bytes = Array(
      #"{"manifests":[\#(TestImage.descriptor(inner.mediaType.rawValue, inner.bytes))]}"#.utf8)
    let layout = try open(list)
    #expect(throws: LayoutError.self) { try layout.tree(of: layout.images[0]) }
  }
}

extension PythonTar.Entry {
  /// What a symbolic link points at.
  fileprivate var link: String? { if case .symbolicLink(let target) = kind { target } else { nil } }
}
