import Tar
import Digests
import Foundation
import Images
import TestSupport
import Testing
@testable import Layouts

/// Tars of which one reader takes other files than another.
@Suite struct `A tar that can be read in two ways` {
  let directory = TemporaryDirectory()
  let image: TestImage

  init() throws {
    image = try TestImage("old.example/team/app:1.0", layers: [TestImage.Layer("a")])
  }

  /// Writes a sound layout, changed by a script: `add(name, data, …)` adds an entry, `field(name, at, bytes)` changes
  /// bytes of its header, `records` are what pax headers say.
  private static let script = #"""
    import base64, io, json, sys, tarfile
    files = {n: base64.b64decode(b) for n, b in json.load(sys.stdin)}
    out = bytearray()
    def header(info, fmt=tarfile.USTAR_FORMAT): return bytearray(info.tobuf(fmt, 'utf-8', 'surrogateescape'))
    def seal(block):
      block[148:156] = b' ' * 8
      block[148:156] = b'%06o\0 ' % sum(block)
      return block
    def content(data): return data + b'\0' * (-len(data) % 512)
    def record(key, value):
      text = key + b'=' + value + b'\n'; n = len(text) + 3
      while len(str(n)) + 1 + len(text) != n: n = len(str(n)) + 1 + len(text)
      return str(n).encode() + b' ' + text
    def meta(kind, data, name='meta'):
      info = tarfile.TarInfo(name); info.type = kind; info.size = len(data)
      out.extend(header(info) + content(data))
    def add(name, data=b'', kind=tarfile.REGTYPE, link='', size=None, fields=()):
      info = tarfile.TarInfo(name); info.type = kind; info.linkname = link
      info.size = len(data) if size is None else size
      block = header(info)
      for at, value in fields: block[at:at + len(value)] = value
      out.extend(seal(block) + content(data))
    names = list(files); config = names[-2]; layer = names[-1]
    exec(sys.argv[2])
    out.extend(b'\0' * 1024)
    if 'behind' in dir(): behind()
    open(sys.argv[1], 'wb').write(out)
    """#

  private func open(_ change: String) throws -> Layout {
    let root = TestImage.descriptor(image.root.mediaType.rawValue, image.manifests[0].bytes)
    let files: [(String, [UInt8])] =
      [
        ("oci-layout", LayoutFile.bytes),
        ("index.json", Array(#"{"schemaVersion":2,"manifests":[\#(root)]}"#.utf8)),
      ] + ([image.manifests[0].bytes] + image.blobs).map { (BlobPath.path(of: Digest(of: $0)), $0) }
    let input = try JSONSerialization.data(
      withJSONObject: files.map { [$0.0, Data($0.1).base64EncodedString()] })
    try Peer.run(
      "python3", "-c", Self.script, directory.file("x.tar"), change, input: [UInt8](input))
    return try Layout.open(directory.file("x.tar"))
  }

  private static let all = "for n, d in files.items(): add(n, d)\n"

  @Test(arguments: [
    "", "add('blobs/', kind=b'5')", "add('./', kind=b'5')", "add('old/layer.tar', kind=b'2', link='../x')",
    "meta(b'g', record(b'comment', b'1234'))\nadd('more', b'1')",
    "meta(b'x', record(b'mtime', b'1.5') + record(b'path', b'more'))\nadd('more', b'1')",
    "meta(b'x', record(b'path', b'n' * 300))\nadd('n' * 100, b'1')",
    "meta(b'L', b'n' * 300 + b'\\0')\nadd('n' * 100, b'1')",
    "meta(b'x', record(b'size', b'1'))\nadd('more', b'1')", "add(layer, files[layer])",
    // A sparse file that is nothing to anybody.
    "meta(b'x', record(b'GNU.sparse.realsize', b'1') + record(b'GNU.sparse.name', b'more'))\nadd('more', b'1')",
    // Directories from before there was a kind for them.
    "add('blobs/', kind=b'\\0')", "add('more/')",
    // GNU tar's times where others have the beginning of a name, and its lists of what lay in a directory.
    "add('more', b'1', fields=[(257, b'ustar  \\0'), (345, b'15303350401\\0'), (357, b'15303350400\\0')])",
    "add('more', b'1', fields=[(257, b'ustar  \\0'), (345, b'\\xff' * 12)])",
    "add('blobs/', b'Ysha256\\0\\0', kind=b'D', fields=[(257, b'ustar  \\0')])",
  ])
  func `is not what tools write`(more: String) throws {
    #expect(try open(Self.all + more).problems == [])
  }

  @Test(arguments: [
    // Two names.
    "meta(b'x', record(b'path', b'other'))\nadd('more', b'1')",
    "meta(b'x', record(b'path', b'more'))\nadd('index.json', b'1')",
    "meta(b'x', record(b'path', b'n' * 300))\nadd('index.json', b'1')",
    "meta(b'L', b'other\\0')\nadd('more', b'1')", "meta(b'L', b'n' * 300 + b'\\0')\nadd(layer, b'1')",
    "meta(b'L', b'other\\0')\nmeta(b'x', record(b'path', b'more'))\nadd('more', b'1')",
    "meta(b'L', b'a\\0')\nmeta(b'L', b'more\\0')\nadd('more', b'1')",
    "meta(b'x', record(b'path', b'a'))\nmeta(b'x', record(b'path', b'more'))\nadd('more', b'1')",
    "meta(b'x', record(b'path', b'a') + record(b'path', b'more'))\nadd('more', b'1')",
    "meta(b'x', record(b'linkpath', b'a'))\nadd('more', kind=b'2', link='b')",
    "meta(b'x', record(b'path', b'more\\0x'))\nadd('more', b'1')",
    "meta(b'x', record(b'path', b''))\nadd('more', b'1')",
    "meta(b'g', record(b'path', b'index.json'))\nadd('more', b'1')",
    "meta(b'g', record(b'size', b'1'))\nadd('more', b'1')",
    "add('more', b'1', fields=[(257, b'ustar  \\0'), (345, b'blobs')])",
    "add('more', b'1', fields=[(257, b'\\0' * 8), (345, b'blobs')])",
    "add('more', b'1', fields=[(257, b'ustar  \\0'), (345, b'15303350401\\0'), (357, b'blobs')])",
    "add('more', b'1', fields=[(257, b'ustar  \\0'), (345, b'1\\0'), (483, b'7\\0')])",
    // Two sizes.
    "meta(b'x', record(b'size', b'1'))\nadd('more', b'x' * 512, size=0)",
    "meta(b'x', record(b'size', b'513'))\nadd('more', b'x' * 1024, size=1024)",
    // Two kinds.
    "add('more', kind=b'2', link='x', size=512)\nadd('yet', b'1')", "add('more', b'1', kind=b'Z')",
    "add('more', b'Yx\\0\\0', kind=b'D')", "add('manifest.json/', b'Yx\\0\\0', kind=b'D')",
    "add('more', b'1', kind=b'M')",
    "meta(b'x', record(b'GNU.sparse.realsize', b'1') + record(b'GNU.sparse.name', b'more'))\nadd('index.json', b'1')",
    "meta(b'x', record(b'GNU.sparse.realsize', b'1') + record(b'GNU.sparse.name', b'index.json'))\nadd('more', b'1')",
    // Places below what is no directory.
    "add('a', kind=b'2', link='b')\nadd('a/x', b'1')", "add('a', b'1')\nadd('a/x', b'1')",
    "add('a/x', b'1')\nadd('a', kind=b'2', link='blobs')", "add('blobs', kind=b'2', link='x')",
    "add('a', kind=b'2', link='b')\nadd('a/', kind=b'5')", "add('a', b'1')\nadd('b/../a/', kind=b'5')",
    "add(layer + '/x', b'1')", "add('blobs\\\\sha256\\\\' + 'a' * 64, b'1')",
    // Twice, with other bytes.
    "add(layer, files[layer][:-1] + b'x')", "add('./' + layer, b'1')", "add(layer, kind=b'2', link='x')",
    // Behind the end.
    "def behind(): out.extend(b'\\0' * 512); add('more', b'1')",
    "def behind(): out.extend(b'\\0' * 9000 + b'x')",
  ])
  func `is damaged, whoever wrote it`(more: String) throws {
    let found = Result { try open(Self.all + more).problems }
    #expect((try? found.get()) != [], "\(found)")
  }

  @Test func `is named with what others take`() throws {
    #expect(
      try open(Self.all + "meta(b'x', record(b'path', b'more'))\nadd('index.json', b'1')").problems
        == [.contradiction(path: "more", .names("index.json"))])
    #expect(
      try open(Self.all + "add('a', kind=b'2', link='b')\nadd('a/x', b'1')\nadd('a/y', b'1')").problems
        == [.beneath(path: "a/x", parent: "a")])
  }

  /// What some take for a directory is a file to others, and its content the headers of more entries.
  @Test(arguments: ["b'0'", "b'7'", "b'\\0'"])
  func `is damaged where a file is called like a directory`(kind: String) throws {
    for entry in [
      "add('manifest.json/', block, kind=\(kind))", "add('./manifest.json//', block, kind=\(kind))",
      "meta(b'x', record(b'path', b'manifest.json/'))\nadd('manifest.json/', block, kind=\(kind))",
      "meta(b'L', b'manifest.json/\\0')\nadd('manifest.json/', block, kind=\(kind))",
      "meta(b'x', record(b'size', b'512'))\nadd('manifest.json/', block, kind=\(kind), size=0)",
    ] {
      let problems = try open(
        Self.all + "block = bytes(seal(header(tarfile.TarInfo('x'))))\n" + entry
      ).problems
      #expect(problems.contains { if case .contradiction = $0 { true } else { false } }, "\(entry)")
    }
  }

  @Test func `is told by a name where it is the top that is meant`() throws {
    let problems = try open(Self.all + "add('./', b'x', kind=b'5')").problems
    #expect(problems.contains(.contradiction(path: "./", .headers)))
  }

  @Test func `may have GNU tar's name of the volume before it`() throws {
    #expect(try open("add('label', b'', kind=b'V')\n" + Self.all).problems == [])
    for name in ["index.json", "./oci-layout", "blobs/sha256/" + String(repeating: "a", count: 64)] {
      let problems = try open("add('\(name)', b'', kind=b'V')\n" + Self.all).problems
      #expect(problems.contains { if case .contradiction = $0 { true } else { false } }, "\(name)")
    }
  }

  @Test func `may have a hard link before what it leads to, and none to what is not there`() throws {
    let layer = try DockerSave.layer("a")
    let image = DockerSave.Image(["a/b:1"], layers: [layer])
    let list = """
      [{"Config":"c.json","RepoTags":["a/b:1"],"Layers":["one/layer.tar"]}]
      """
    let link = PythonTar.Entry("one/layer.tar", .hardLink("two/layer.tar"))
    let target = PythonTar.Entry("two/layer.tar", .file(layer))
    let rest: [PythonTar.Entry] = [.init("c.json", .file(image.config)), .init("manifest.json", list)]
    for entries in [[target, link] + rest, [link, target] + rest, rest + [link, target]] {
      try PythonTar(entries).write(to: directory.file("x.tar"))
      #expect(try Layout.open(directory.file("x.tar")).problems == [])
    }
    try PythonTar([link] + rest).write(to: directory.file("x.tar"))
    #expect(throws: LayoutError.missingFile(path: directory.file("x.tar"), entry: "one/layer.tar")) {
      try Layout.open(directory.file("x.tar"))
    }
  }
}
