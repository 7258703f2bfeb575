import Foundation
import TestSupport
import Testing

/// Directories in which archives lie at any depth, as bundles and the stores of hauler, zarf and skopeo are.
@Suite(.waiting) struct `A tree of archives` {
  private let ferry: FerryProcess
  private let registry = ScriptedRegistry()

  init() throws { ferry = try FerryProcess() }

  /// A directory `t` that a few lines of Python fill.
  private func tree(_ script: String) throws -> MadeArchive { try MadeArchive(Self.makers + script) }

  private func run(_ arguments: [String], in tree: MadeArchive, exits status: Int32) throws -> String {
    let result = try ferry.run(arguments + [tree.directory.file("t")], exits: status)
    return result.standardOutput + result.standardError
  }

  private func bring(_ tree: MadeArchive, _ options: [String] = [], exits status: Int32) throws -> String {
    try run(["import", "--plain-http", "--to", "\(registry.host)/new"] + options, in: tree, exits: status)
  }

  private static let makers = """
    import os, socket

    def put(path, files):
      for name, content in files.items():
        p = os.path.join('t', path, name)
        os.makedirs(os.path.dirname(p), exist_ok=True)
        open(p, 'wb').write(content)
    def hexa(b): return hashlib.sha256(b).hexdigest()
    def whole(name): i = Image(name); return layout([i.entry(name + ':1')], i.blobs)
    def packed(name): return tar(whole(name).items())
    def skopeo(i):
      return {'version': b'Directory Transport Version: 1.1\\n', 'manifest.json': i.manifest,
        **{hexa(b): b for b in [i.config, *i.layers]}}
    def classic(name):
      i = plain(name)
      return {hexa(i.config) + '.json': i.config, hexa(b'1') + '/layer.tar': i.layers[0], hexa(b'2') + '/layer.tar': i.layers[1],
        'repositories': text({'old.example/team/' + name: {'1': hexa(b'2')}}),
        'manifest.json': text([{'Config': hexa(i.config) + '.json', 'RepoTags': ['old.example/team/' + name + ':1'],
          'Layers': [hexa(b'1') + '/layer.tar', hexa(b'2') + '/layer.tar']}])}

    """

  private static let bundle = """
    put('layouts/oci', whole('oci'))
    store = whole('hauler'); del store['oci-layout']; put('a/store', store)
    put('', {'files/plain.tar': packed('plain'), 'files/deep/er/x.tar.gz': gzip.compress(packed('zipped')),
      'files/image': gzip.compress(packed('nameless')), 'files/saved.tar': tar(classic('saved').items())})
    put('unpacked', classic('classic'))
    two = Image('sync'); put('old.example/team/sync:1', skopeo(two))
    put('charts', {'chart.tgz': gzip.compress(tar([('chart/Chart.yaml', b'name: x'), ('chart/a.yaml', b'a'), ('chart/b.yaml', b'b')])),
      'README.md': b'# read me', 'log.2024': b'lines', 'old.log.gz': gzip.compress(b'lines' * 400), 'index.json': b'{"name":"web"}',
      'manifest.json': b'{"name":"web"}', 'version': b'1.0'})
    put('files', {'plain.tar.sha256': b'x', 'plain.tar.digest.minisig': b'x', 'saved.tar.import-journal': b'x', 'key.minisig': b'x',
      'receipt.json': b'{"schema":"ferry/receipt/v1"}'})
    print(digest(two.manifest))

    """

  private static let names = ["oci", "hauler", "plain", "zipped", "nameless", "saved", "classic", "sync"]

  @Test func `is read at any depth, and what is none is counted`() throws {
    let made = try tree(Self.bundle)
    let verified = try run(["verify", "--deep"], in: made, exits: 0)
    #expect(verified.contains("t  all 8 archives are whole"))
    #expect(verified.contains("7 other files are no archives"))
    #expect(verified.contains("t/old.example/team/sync:1  whole"))
    let report = try Report(ferry.run(["verify", "--json", made.directory.file("t")], exits: 0))
    #expect(report.objects("archives").count == 8 && report.fields["otherFiles"] as? Int == 7)
    let inspected = try run(["inspect"], in: made, exits: 0)
    for name in Self.names { #expect(inspected.contains("old.example/team/\(name):1"), "\(name)") }
    #expect(inspected.contains("7 other files are no archives"))
    let imported = try bring(made, exits: 0)
    #expect(imported.contains("7 other files are no archives"))
    for name in Self.names { #expect(registry.digest(of: "new/\(name)", "1") != nil, "\(name)") }
    #expect(registry.digest(of: "new/sync", "1") == made.printed[0])
    _ = try run(["check", "--plain-http", "--to", "\(registry.host)/new"], in: made, exits: 0)
  }

  @Test func `that holds a damaged archive is told by that archive's name, and gives the others where asked`()
    throws
  {
    let made = try tree(Self.bundle + "put('files', {'cut.tar': packed('cut')[:1800]})")
    let verified = try run(["verify"], in: made, exits: 14)
    #expect(verified.contains("t/files/cut.tar is truncated"))
    #expect(verified.contains("t  1 of 9 archives NOT WHOLE"))
    let stopped = try bring(made, exits: 14)
    #expect(stopped.contains("t/files/cut.tar is truncated") && registry.digest(of: "new/oci", "1") == nil)
    let imported = try bring(made, ["--keep-going"], exits: 3)
    #expect(imported.contains("t/files/cut.tar"))
    for name in Self.names { #expect(registry.digest(of: "new/\(name)", "1") != nil, "\(name)") }
  }

  /// What is to be an archive and is none, or cannot be told.
  private static let harms: [(name: String, script: String, says: String)] = [
    ("an empty file", "put('', {'x.tar': b''})", "t/x.tar is not an archive"),
    ("zeros", "put('', {'x.tar': bytes(9000)})", "t/x.tar is no OCI image layout"),
    (
      "a cut compressed file",
      "r = os.urandom(9000); put('', {'x': gzip.compress(tar([*whole('x').items(), (blob(r), r)]))[:-2000]})",
      "t/x"
    ),
    ("lz4", "put('', {'x.tar.lz4': bytes([4, 34, 77, 24]) + packed('x')})", "lz4"),
    (
      "a layout without its index", "f = whole('x'); del f['index.json'], f['oci-layout']; put('l', f)",
      "t/l is no OCI"
    ),
    (
      "a tar without its index",
      "f = whole('x'); del f['index.json'], f['oci-layout']; put('', {'x.tar': tar(f.items())})",
      "no index.json"
    ),
    (
      "a layout in a folder of a tar, as zarf packs it",
      "put('', {'zarf.tar.gz': gzip.compress(tar([('zarf.yaml', b''), *(('images/' + n, b) for n, b in whole('x').items())]))})",
      "Unpack it, and name the directory"
    ),
    (
      "a docker save in a folder of a tar",
      "put('', {'x': tar([('x/' + n, b) for n, b in classic('x').items()])})",
      "Unpack it, and name the directory"
    ),
    (
      "a tar of an archive without an ending", "put('', {'3.tar': tar([('images/c', packed('c'))])})",
      "t/3.tar holds images in images/c"
    ),
    (
      "a tar of an archive that is compressed and called otherwise",
      "put('', {'3': tar([('c.tar.old', gzip.compress(packed('c')))])})", "t/3 holds images in c.tar.old"
    ),
    (
      "a compressed tar of an archive that is called otherwise",
      "put('', {'3.tgz': gzip.compress(tar([('c.img', packed('c'))]))})", "t/3.tgz holds images in c.img"
    ),
    (
      "a tar of volumes", "put('', {'3.tar': tar([('c.tar.001', packed('c')[:4000])])})",
      "images in c.tar.001"
    ),
    (
      "a tar of a tar of an archive", "put('', {'3.tar': tar([('d', tar([('c', packed('c'))]))])})",
      "t/3.tar holds images in d"
    ),
    (
      "what docker saved before 1.10, packed",
      "k = 'ab' * 32; put('', {'x.tar': tar([(k + '/json', b'{}'), (k + '/layer.tar', bytes(9000)), ('repositories', b'{}')])})",
      "t/x.tar is what docker save wrote before docker 1.10"
    ),
    (
      "what docker saved before 1.10, unpacked",
      "k = 'ab' * 32; put('d', {k + '/json': b'{}', k + '/layer.tar': bytes(9000), 'repositories': b'{}'})",
      "t/d is what docker save wrote before docker 1.10"
    ),
    (
      "a dir: without its manifest", "f = skopeo(Image('x')); del f['manifest.json']; put('d', f)",
      "t/d lacks manifest.json"
    ),
    (
      "a dir: with a changed blob", "i = Image('x'); f = skopeo(i); f[hexa(i.config)] += b' '; put('d', f)",
      "t/d  DAMAGED"
    ),
    (
      "a dir: with a manifest that is none", "f = skopeo(Image('x')); f['manifest.json'] = b'{'; put('d', f)",
      "is not JSON"
    ),
    (
      "an unpacked docker save without a layer",
      "f = classic('x'); del f[hexa(b'1') + '/layer.tar']; put('d', f)", "t/d lacks"
    ),
    (
      "an unpacked docker save with another layer",
      "f = classic('x'); f[hexa(b'1') + '/layer.tar'] += b'x'; put('d', f)", "t/d  DAMAGED"
    ),
    (
      "an export that was broken off", "put('', {'x.tar.partial': packed('x')})",
      "t/x.tar.partial is an unfinished export"
    ),
    (
      "volumes of an export that was broken off, without its journal",
      "b = packed('x'); put('', {'x.002.partial': b[4000:]})", "t/x.002.partial is an unfinished export"
    ),
    ("one volume of two", "b = packed('x'); put('', {'x.tar.002': b[4000:]})", "t/x.tar.001"),
    ("one volume of two with any name", "b = packed('x'); put('', {'x.002': b[4000:]})", "t/x.001"),
    (
      "volumes without the first, and with a gap",
      "b = packed('x'); put('far', {'x-1.0.0002': b[4000:8000], 'x-1.0.0004': b[9000:]})", "t/far/x-1.0.0001"
    ),
    (
      "what lies too deep", "put('/'.join(['d'] * 70), {'x.tar': packed('x')})",
      "more than 64 directories deep"
    ),
    (
      "a name that is no UTF-8",
      "put('', {'ok.tar': packed('o')}); open(b't/bad\\xff.tar', 'wb').write(packed('x'))", "no UTF-8"
    ),
  ]

  @Test(arguments: harms.indices) func `with what cannot be told or is not whole does not end with 0`(
    index: Int
  ) throws {
    let harm = Self.harms[index]
    let made = try tree("put('', {'good.tar': packed('good')})\n" + harm.script)
    let result = try ferry.command(["verify", made.directory.file("t")]).run()
    let said = result.standardOutput + result.standardError
    #expect([14, 16, 64].contains(result.status), "\(harm.name)")
    #expect(said.contains(harm.says), "\(harm.name): \(said)")
    #expect(said.contains("t/good.tar  whole") && said.contains("NOT WHOLE"), "\(harm.name)")
  }

  @Test func `is not left by links, and what is no file is not opened`() throws {
    let made = try tree(
      """
      put('', {'x.tar': packed('x'), 'y/z': b'z'})
      os.mkfifo('t/pipe.tar'); os.mkfifo('t/y/version'); s = socket.socket(socket.AF_UNIX); s.bind('t/socket')
      os.symlink('/', 't/root'); os.symlink('..', 't/up'); os.symlink('.', 't/y/self'); os.symlink('nowhere', 't/dangling')
      os.symlink('x.tar', 't/latest.tar')
      open('far', 'wb').write(packed('far')); os.symlink('../far', 't/far.tar')
      for n in range(3000): os.makedirs('t/empty/%d/%d' % (n % 7, n))
      """)
    let verified = try run(["verify"], in: made, exits: 64)
    #expect(verified.contains("t  2 of 4 archives NOT WHOLE"))
    #expect(verified.contains("t/far.tar  whole") && verified.contains("4 other files are no archives"))
    #expect(verified.contains("1 link leads nowhere"))
    for line in ["t/root is a link to /, outside of the directory", "t/up is a link to "] {
      #expect(verified.contains(line), "\(verified)")
    }
  }

  @Test func `with a link to a directory outside fails, unless that is named as well`() throws {
    let made = try tree(
      """
      put('', {'x.tar': packed('x'), 'y/z': b'z'}); put('../far/sub', {'c.tar': packed('c')}); put('../lay', whole('lay'))
      os.symlink('../far/sub', 't/more'); os.symlink('../lay', 't/lay'); os.symlink('y', 't/again')
      """)
    for said in try [
      run(["verify"], in: made, exits: 64), run(["verify", "-q"], in: made, exits: 64),
      run(["inspect"], in: made, exits: 64), bring(made, exits: 64),
    ] {
      #expect(said.contains("t/more is a link to ") && said.contains("t/lay is a link to "), "\(said)")
    }
    #expect(registry.digest(of: "new/x", "1") == nil)
    let report = try Report(ferry.run(["verify", "--json", made.directory.file("t")], exits: 64))
    #expect((report.fields["unreadArchives"] as? [String])?.count == 2)
    let others = [made.directory.file("far"), made.directory.file("lay")]
    #expect(try run(["verify"] + others, in: made, exits: 0).contains("all 3 archives are whole"))
    _ = try bring(made, ["--keep-going"], exits: 3)
    #expect(registry.digest(of: "new/x", "1") != nil)
  }

  @Test func `has a file that a link leads to, whatever the link is called`() throws {
    let made = try tree(
      """
      put('', {'x.tar': packed('x')}); open('far', 'wb').write(packed('far')); open('text', 'wb').write(b'text')
      os.symlink('../far', 't/latest'); os.symlink('../text', 't/text'); os.symlink('/dev/null', 't/null')
      """)
    let verified = try run(["verify"], in: made, exits: 0)
    #expect(verified.contains("t  all 2 archives are whole") && verified.contains("t/latest  whole"))
    #expect(verified.contains("2 other files are no archives"))
  }

  @Test func `fails for a link that is called an archive and leads nowhere`() throws {
    let made = try tree("put('', {'x.tar': packed('x')}); os.symlink('../store/y.tar', 't/y.tar')")
    let verified = try ferry.run("verify", made.directory.file("t"))
    #expect(verified.status != 0, "\(verified.standardError)")
    let said = verified.standardOutput + verified.standardError
    #expect(said.contains("t/x.tar  whole") && said.contains("t/y.tar: No such file or directory"), "\(said)")
    let stopped = try ferry.run(
      "import", "--plain-http", "--to", "\(registry.host)/new", made.directory.file("t"))
    #expect(stopped.status != 0 && registry.digest(of: "new/x", "1") == nil)
    _ = try bring(made, ["--keep-going"], exits: 3)
    #expect(registry.digest(of: "new/x", "1") != nil)
  }

  @Test(arguments: ["set.tar", "set"])
  func `holds volumes as one archive, wherever in it they lie`(name: String) throws {
    let made = try tree(
      """
      b = packed('set'); put('one', {'\(name).001': b[:4000], '\(name).003': b[8000:]}); put('two', {'\(name).002': b[4000:8000]})
      put('two', {'notes.2024': b'2024', 'log.100': b'100', 'scan.001': b'1', 'scan.002': b'2'})
      """)
    let verified = try run(["verify"], in: made, exits: 0)
    #expect(
      verified.contains("the one archive is whole") && verified.contains("4 other files are no archives"))
  }

  @Test func `may hold sets of one name that have nothing to do with each other`() throws {
    let apart = try tree(
      """
      for n in ['a', 'b']:
        b = packed(n); put(n, {'set.tar.001': b[:8000], 'set.tar.002': b[8000:]})
      os.remove('t/b/set.tar.002'); put('b', {'set.tar.003': b'x'})
      """)
    let said = try run(["verify"], in: apart, exits: 14)
    #expect(said.contains("t/a/set.tar  whole") && said.contains("t/b/set.tar"))
    #expect(said.contains("1 of 2 archives NOT WHOLE"))
  }

  @Test func `may be an archive itself, and hold others beside what that has`() throws {
    let made = try tree(
      """
      put('', whole('top')); put('more', {'x.tar': packed('x')}); put('more/d', classic('y')); put('more/d/beside', {'z.tar': packed('z')})
      """)
    #expect(try run(["verify"], in: made, exits: 0).contains("t  all 4 archives are whole"))
    _ = try bring(made, exits: 0)
    for name in ["top", "x", "y", "z"] { #expect(registry.digest(of: "new/\(name)", "1") != nil, "\(name)") }
  }

  @Test func `without any archive says so`() throws {
    let made = try tree(
      "put('x', {'a.txt': b'a', 'chart.tgz': gzip.compress(tar([('c/%d' % n, b'c') for n in range(4)]))})")
    for command in [["verify"], ["inspect"]] {
      #expect(try run(command, in: made, exits: 12).contains("there is no archive in"))
    }
    #expect(try bring(made, exits: 12).contains("there is no archive in"))
  }

  private static let unread = """
    import zipfile
    put('y', {'c': bytes([4, 34, 77, 24]) + packed('c'),
      'd.7z': bytes([55, 122, 188, 175, 39, 28]) + bytes(99), 'f.tar.GPG': b'f' * 99, 'g.tar.gz.b64': b'Z' * 99,
      'h': gzip.compress(bytes([55, 122, 188, 175, 39, 28]) + bytes(999))})
    z = zipfile.ZipFile('t/y/e.zip', 'w'); z.writestr('a/b', packed('e')); z.close()

    """
  private static let whyUnread = [
    "t/y/c is of a form that ferry does not read: lz4",
    "t/y/d.7z is of a form that ferry does not read: 7z",
    "t/y/e.zip is of a form that ferry does not read: zip",
    "t/y/f.tar.GPG is of a form that ferry does not read: gpg", "gpg -d FILE",
    "t/y/g.tar.gz.b64 is of a form that ferry does not read: base64",
    "t/y/h is of a form that ferry does not read: 7z",
  ]

  @Test func `of archives alone that are not looked into names each, and ends with 12`() throws {
    let made = try tree(Self.unread)
    for said in try [
      run(["verify"], in: made, exits: 12), run(["inspect"], in: made, exits: 12), bring(made, exits: 12),
    ] {
      for line in Self.whyUnread { #expect(said.contains(line), "\(said)") }
    }
  }

  @Test func `with archives beside others that are not looked into names each, and takes these where asked`()
    throws
  {
    let made = try tree(Self.unread + "put('x', {'good.tar': packed('good'), 'notes.txt': b'notes'})")
    for said in try [
      run(["verify"], in: made, exits: 64), run(["verify", "-q"], in: made, exits: 64),
      run(["inspect"], in: made, exits: 64), bring(made, exits: 64), bring(made, ["--dry-run"], exits: 64),
    ] {
      for line in Self.whyUnread { #expect(said.contains(line), "\(said)") }
    }
    #expect(registry.digest(of: "new/good", "1") == nil)
    let taken = try bring(made, ["--keep-going"], exits: 3)
    for line in Self.whyUnread { #expect(taken.contains(line), "\(taken)") }
    #expect(taken.contains("6 places not looked into") && !taken.contains("image failed"), "\(taken)")
    #expect(registry.digest(of: "new/good", "1") != nil)
    let report = try Report(ferry.run(["verify", "--json", made.directory.file("t")], exits: 64))
    #expect(report.fields["otherFiles"] as? Int == 1)
    #expect((report.fields["unreadArchives"] as? [String])?.count == 6)
    #expect(report.objects("failures").count == 6)
    let places = [made.directory.file("t/x"), made.directory.file("t/y")]
    let verified = try ferry.run(["verify"] + places, exits: 12)
    #expect(verified.standardOutput.contains("t/x/good.tar  whole"))
    verified.complains("there is no archive in \(places[1]) that ferry reads:")
    let to = ["import", "--plain-http", "--to", "\(registry.host)/more"] + places
    try ferry.run(to, exits: 12).complains("there is no archive in \(places[1]) that ferry reads:")
    try ferry.run(to + ["--keep-going"], exits: 3).complains("there is no archive in")
    #expect(registry.digest(of: "more/good", "1") != nil)
  }

  /// What is a zip, or compressed content, and no archive of images; and what may be one.
  private static let zips = """
    import io, zipfile
    def zipped(files, method=zipfile.ZIP_DEFLATED):
      b = io.BytesIO(); z = zipfile.ZipFile(b, 'w', method)
      for n, c in files: z.writestr(n, c)
      z.close(); return b.getvalue()
    def locked(b):
      b = bytearray(b); b[6] |= 1; b[b.index(b'PK\\1\\2') + 8] |= 1; return bytes(b)
    jar = zipped([('META-INF/MANIFEST.MF', b'x'), ('a.class', b'x' * 999), ('lib/b.jar', zipped([('b.class', b'b')]))])
    others = {'app.jar': jar, 'doc.docx': zipped([('word/document.xml', b'<x/>' * 99)], zipfile.ZIP_STORED), 'none.zip': zipped([]),
      'chart.zip': zipped([('c/chart.tgz', gzip.compress(tar([('c/Chart.yaml', b'c')])))]), 'twice.log': gzip.compress(gzip.compress(b'l' * 99)),
      'jar.gz': gzip.compress(jar)}

    """

  @Test func `takes zips of which every file is looked at for other files, in a directory and in a tar`()
    throws
  {
    let made = try tree(
      Self.zips
        + "put('', {'good.tar': tar([*whole('good').items(), *others.items(), ('more.tgz', gzip.compress(tar(others.items())))]), **others})"
    )
    #expect(try run(["verify"], in: made, exits: 0).contains("6 other files are no archives"))
    _ = try run(["inspect"], in: made, exits: 0)
    _ = try bring(made, exits: 0)
    #expect(registry.digest(of: "new/good", "1") != nil)
  }

  @Test(arguments: [
    "zipped([('a/b', packed('x'))])", "zipped([('a/' + n, b) for n, b in whole('x').items()])",
    "locked(zipped([('a', b'a' * 99)], zipfile.ZIP_STORED))", "zipped([('a', os.urandom(99))])[:60]",
    "zipped([('a', b'a' * 99)], zipfile.ZIP_LZMA)",
    "zipped([('a', zipped([('b.7z', bytes([55, 122, 188, 175, 39, 28]))]))])",
    "gzip.compress(zipped([('a/b', packed('x'))]))", "gzip.compress(gzip.compress(packed('x')))",
  ]) func `fails for what may hold images and is not looked into, in a directory and in a tar`(
    content: String
  ) throws {
    let made = try tree(Self.zips + "x = \(content); put('', {'good.tar': packed('good'), 'x': x})")
    for command in [["verify"], ["verify", "-q"], ["inspect"]] {
      #expect(try run(command, in: made, exits: 64).contains("t/x "), "\(command)")
    }
    #expect(try bring(made, exits: 64).contains("t/x "))
    #expect(registry.digest(of: "new/good", "1") == nil)
    _ = try bring(made, ["--keep-going"], exits: 3)
    #expect(registry.digest(of: "new/good", "1") != nil)
    let packed = try tree(
      Self.zips + "x = \(content); put('', {'good.tar': tar([*whole('good').items(), ('d/x', x)])})")
    #expect(try run(["verify"], in: packed, exits: 64).contains("images in d/x"))
  }

  /// What a tar holds beside the images at its top, or instead of any.
  @Test(arguments: [
    ("two layouts in folders", "[*below('a', whole('a')), *below('b', whole('b'))]", "a and 1 more place"),
    ("a layout beside that at the top", "[*whole('a').items(), *below('deep/b', whole('b'))]", "deep/b"),
    (
      "one without oci-layout",
      "[*whole('a').items(), *[e for e in below('b', whole('b')) if 'oci' not in e[0]]]", "b"
    ),
    ("a docker save beside a layout", "[*whole('a').items(), *below('b', classic('b'))]", "b"),
    ("a layout beside a docker save", "[*classic('a').items(), *below('b', whole('b'))]", "b"),
    ("a docker save beside another", "[*classic('a').items(), *below('b', classic('b'))]", "b"),
    ("a dir: beside a layout", "[*whole('a').items(), *below('b', skopeo(Image('b')))]", "b"),
    ("a layout beside a dir:", "[*skopeo(Image('a')).items(), *below('b', whole('b'))]", "b"),
    ("a tar beside a layout", "[*whole('a').items(), ('b.tar', packed('b'))]", "b.tar"),
    ("a tar before a layout", "[('c/b.tar', packed('b')), *whole('a').items()]", "c/b.tar"),
    ("a tar without an ending", "[*whole('a').items(), ('d/b', packed('b'))]", "d/b"),
    ("a tar beside a docker save", "[*classic('a').items(), ('b.tar', packed('b'))]", "b.tar"),
    ("a docker save in a tar", "[*whole('a').items(), ('b.tar', tar(classic('b').items()))]", "b.tar"),
    ("gzip", "[*whole('a').items(), ('d/b.tar.gz', gzip.compress(packed('b')))]", "d/b.tar.gz"),
    ("gzip without an ending", "[*whole('a').items(), ('b', gzip.compress(packed('b')))]", "b"),
    ("xz", "[*whole('a').items(), ('b.tar.xz', lzma.compress(packed('b'), preset=0))]", "b.tar.xz"),
    (
      "a layout among the blobs", "[*whole('a').items(), *below('blobs/sha256/b', whole('b'))]",
      "blobs/sha256/b"
    ),
    ("bzip2", "[*whole('a').items(), ('b.tbz', bz2.compress(packed('b')))]", "b.tbz"),
  ]) func `of one tar is refused by the places that it is in, and taken when it is unpacked`(
    name: String, entries: String, places: String
  ) throws {
    let made = try tree(
      "import bz2, lzma\ndef below(d, f): return [(d + '/' + n, b) for n, b in f.items()]\nput('', {'x.tar': tar(\(entries))})"
    )
    let archive = made.directory.file("t/x.tar")
    let pipeline = Pipeline(ferry: ferry)
    for verb in ["verify", "inspect", "import --plain-http --to \(registry.host)/new"] {
      for way in [
        "$ferry \(verb) \"$1\"", "cat \"$1\" | $ferry \(verb) -",
        "gzip -c \"$1\" > z.gz && $ferry \(verb) z.gz; s=$?; rm z.gz; exit $s",
      ] {
        let refused = try pipeline.run(way, [archive])
        #expect(refused.status == 64, "\(name): \(way)")
        refused.complains(
          "holds images in \(places), and ferry reads the top of a tar alone", "mkdir DIR && tar -xf")
      }
    }
    #expect(registry.digest(of: "new/a", "1") == nil)
    try Command.run(
      "sh", ["-c", "cd \(made.directory.file("t")) && mkdir d && tar -xf x.tar -C d && rm x.tar"])
    #expect(try run(["verify"], in: made, exits: 0).contains("all 2 archives are whole"))
    if name.contains("dir:") { return }
    _ = try bring(made, exits: 0)
    for name in ["a", "b"] { #expect(registry.digest(of: "new/\(name)", "1") != nil, "\(name)") }
  }

  /// What nobody can tell of whether there are images in it, as a directory's is named.
  @Test(arguments: [
    ("b.zip", "b'PK\\3\\4' + bytes(99)"), ("b.7z", "bytes([55, 122, 188, 175, 39, 28]) + bytes(99)"),
    ("d/b", "bytes([4, 34, 77, 24]) + packed('b')"), ("b.tar.gpg", "b'f' * 99"),
    ("b.tar", "packed('b')[:300]"), ("b.tgz", "gzip.compress(tar([('c', b'c' * 9000)]))[:40]"),
    ("c/sub/blobs/sha256/' + 'a' * 64 + '", "b'a'"),
    ("of.tar", "tar([('c.tar.gz', gzip.compress(tar([('d.zip', b'PK'), ('e.tar.gz', b'e')])))])"),
  ]) func `of one tar is refused by what it may hold`(path: String, content: String) throws {
    let made = try tree("put('', {'x.tar': tar([*whole('a').items(), ('\(path)', \(content))])})")
    let pipeline = Pipeline(ferry: ferry)
    for verb in ["verify", "inspect", "import --plain-http --to \(registry.host)/new"] {
      for way in ["$ferry \(verb) \"$1\"", "cat \"$1\" | $ferry \(verb) -"] {
        let refused = try pipeline.run(way, [made.directory.file("t/x.tar")])
        #expect(refused.status == 64, "\(path): \(way)")
        refused.complains(
          "may hold images in \(path.hasPrefix("c/sub") ? "c/sub" : path), and ferry reads the top of a tar alone"
        )
      }
    }
    #expect(registry.digest(of: "new/a", "1") == nil)
  }

  /// What is an archive of images by its bytes, in archives that are none.
  @Test(arguments: [
    "tar([('in/y', packed('b'))])", "tar([('y.img', gzip.compress(packed('b')))])",
    "gzip.compress(tar([('y', lzma.compress(packed('b'), preset=0)), ('z', b'z')]))",
    "gzip.compress(gzip.compress(packed('b')))", "tar([('x', tar([('x', tar([('y', packed('b'))]))]))])",
  ]) func `of one tar is refused by what lies in an archive within it, whatever that is called`(
    content: String
  ) throws {
    let made = try tree("import lzma; put('', {'x.tar': tar([*whole('a').items(), ('deep/x', \(content))])})")
    for way in ["$ferry verify \"$1\"", "cat \"$1\" | $ferry verify -"] {
      let refused = try Pipeline(ferry: ferry).run(way, [made.directory.file("t/x.tar")])
      #expect(refused.status == 64, "\(way)")
      refused.complains("holds images in deep/x, and ferry reads the top of a tar alone")
    }
  }

  @Test func `fails for what GNU tar left images out of, and takes what it did not`() throws {
    let made = try tree(
      """
      import tarfile
      def listed(list, folder='blobs/'):
        i = tarfile.TarInfo(folder); i.type = b'D'; i.size = len(list)
        return i.tobuf(tarfile.GNU_FORMAT) + list + bytes(-len(list) % 512)
      notes = tar([('a', b'a')])
      put('', {'x.tar': listed(b'Dsha256\\0\\0') + packed('x'), 'notes.tar': listed(b'Na\\0\\0', 'docs/') + notes})
      put('../more', {'y.tar': listed(b'Nsha256\\0\\0') + packed('y'), 'z': gzip.compress(listed(b'Ya\\0Nb\\0\\0') + packed('z')),
        'none.tar': listed(b'Nsha256\\0\\0') + notes})
      """)
    #expect(try run(["verify"], in: made, exits: 0).contains("1 other file is no archive"))
    let more = made.directory.file("more")
    let verified = try run(["verify", more], in: made, exits: 12)
    for name in ["y.tar", "z", "none.tar"] {
      #expect(verified.contains("\(more)/\(name) is an incremental archive without what had not changed"))
    }
    for way in ["$ferry verify \"$1\"", "cat \"$1\" | $ferry verify -"] {
      for name in ["y.tar", "z"] {
        let refused = try Pipeline(ferry: ferry).run(way, ["\(more)/\(name)"])
        #expect(refused.status == 64)
        refused.complains("is an incremental archive without what had not changed")
      }
    }
  }

  @Test(arguments: ["both", "gzip.compress(both)", "tar([('d', both)])", "gzip.compress(tar([('d', both)]))"])
  func `fails for what stands behind the end of a tar without images`(content: String) throws {
    let made = try tree(
      """
      notes = tar([('notes', b'n')]); both = notes + packed('b')
      put('', {'good.tar': packed('good'), 'd': \(content), 'notes.tar': notes + bytes(51200), 'n.tgz': gzip.compress(notes + bytes(512))})
      """)
    let verified = try run(["verify"], in: made, exits: 64)
    #expect(verified.contains("t/d ") && verified.contains("2 other files are no archives"), "\(verified)")
  }

  /// What nothing but a name says of that it is an archive, or was to be one.
  @Test(
    arguments: [
      "d.zip", "d.7z", "d.oci", "d.OCI", "d.tar.br", "d.tar.sz", "d.tar.7z", "d.tar.zip", "d.tar.part",
      "d.tar.gz.crdownload", "d.z01",
    ], ["b'd' * 99", "b''", "bytes(10240)"]) func `fails for what is only called an archive`(
      name: String, content: String
    ) throws
  {
    let made = try tree("put('', {'good.tar': packed('good'), '\(name)': \(content)})")
    #expect(try run(["verify"], in: made, exits: 64).contains("t/\(name) may hold images"))
  }

  @Test func `does not fail for sums and signatures of archives, nor for what is nothing but compressed`()
    throws
  {
    let made = try tree(
      """
      import bz2, lzma
      put('', {'good.tar': packed('good'), 'a.log.1.gz': gzip.compress(b''), 'b.xz': lzma.compress(b''), 'c.bz2': bz2.compress(b''),
        'zeros.gz': gzip.compress(bytes(10240)), 'zeros': bytes(10240)})
      put('', {name: b'x' for name in ['d.tar.gz.sha512', 'd.tar.asc', 'd.tar.gz.sig', 'd.tar.md5', 'd.zip.sha1', 'd.tar.json', 'd.oci.txt']})
      """)
    #expect(try run(["verify"], in: made, exits: 0).contains("12 other files are no archives"))
  }

  @Test(arguments: [
    ("d.tar", "b''"), ("d.tar", "bytes(10240)"), ("d.tar.gz", "gzip.compress(b'')"),
    ("d.tgz", "gzip.compress(bytes(10240))"),
    ("d.oci", "gzip.compress(b'')"),
  ]) func `fails for what is nothing, and called an archive`(name: String, content: String) throws {
    let made = try tree("put('', {'good.tar': packed('good'), '\(name)': \(content)})")
    let result = try ferry.command(["verify", made.directory.file("t")]).run()
    #expect(result.status != 0 && (result.standardOutput + result.standardError).contains("t/\(name)"))
  }

  @Test(arguments: [
    "x.tar.001", "x.gz.001", "x.tar.aa", "x.tar.partial", "x.tar.gpg", "x.zip", "x.7z", "x.oci", "x.tar.br",
    "x.z01",
  ]) func `fails for a link that is called as an archive or a piece is, and leads nowhere`(name: String)
    throws
  {
    let made = try tree("put('', {'good.tar': packed('good')}); os.symlink('../store/y', 't/\(name)')")
    let verified = try ferry.run("verify", made.directory.file("t"))
    let said = verified.standardOutput + verified.standardError
    #expect(verified.status != 0 && said.contains("t/\(name)"), "\(said)")
  }

  /// What is certainly something else, or belongs to the images.
  @Test func `of one tar is taken beside files of which none holds images`() throws {
    let made = try tree(
      """
      import lzma
      chart = gzip.compress(tar([('c/Chart.yaml', b'name: x'), ('c/charts/d.tgz', gzip.compress(tar([('d/Chart.yaml', b'd')])))]))
      web = tar([('index.json', b'{"name":"web"}'), ('manifest.json', b'{"name":"web"}')])
      logs = [('old.log', gzip.compress(b'lines' * 400)), ('old.xz', lzma.compress(b'lines' * 400)), ('index.json', gzip.compress(b'{}'))]
      more = [('c/chart.tgz', chart), ('web.tar', web), ('logs', tar([*logs, ('logs.tgz', gzip.compress(tar(logs)))])), ('old.log.gz', gzip.compress(b'lines' * 400)), ('README.md', b'# read'),
        ('docs/index.json', b'{"manifests":[]}'), ('README.tar.gz', gzip.compress(tar([('README', b'r')]))), ('e/empty.tar', tar([]))]
      layer = tar([('opt/airgap/oci-layout', b'{}'), ('opt/airgap/index.json', b'{"manifests":[{"digest":"x"}]}')])
      i = Image('c', plain=[layer, tar([('z', b'z')])])
      put('', {'a.tar': tar([*whole('a').items(), *more]), 'b.tar': tar([*classic('b').items(), *more]),
        'c.tar': tar([*skopeo(i).items(), *more])})
      """)
    let pipeline = Pipeline(ferry: ferry)
    for name in ["a", "b", "c"] {
      let to = "--plain-http --as given:\(name) --to \(registry.host)/new"
      for verb in ["verify", "verify --deep", "inspect", "import \(to)"] {
        for way in [
          "$ferry \(verb) \"$1\"", "cat \"$1\" | $ferry \(verb) -",
          "gzip -c \"$1\" > z.gz && $ferry \(verb) z.gz; s=$?; rm z.gz; exit $s",
        ] {
          let taken = try pipeline.run(way, [made.directory.file("t/\(name).tar")])
          #expect(taken.status == 0, "\(name): \(way): \(taken.standardError)")
        }
      }
    }
  }

  @Test(arguments: [
    ("app.tar.%s", ["aa", "ab", "ac"]), ("app.tgz-%s", ["00", "01", "02"]),
    ("app.tar.%s.gz", ["aa", "ab", "ac"]),
    ("app.tar.%s", ["aaa", "aab", "aac"]),
  ]) func `with pieces of an archive of which the first is lost says so`(
    name: String, counters: [String]
  ) throws {
    let made = try tree(
      """
      b = packed('cut'); n = len(b) // 3 + 100; put('x', {'good.tar': packed('good'), 'good.tar.asc': b'x', 'good.tar.md': b'x'})
      for i, c in enumerate(\(counters)):
        piece = b[i * n:(i + 1) * n]; put('x', {'\(name)' % c: gzip.compress(piece) if '\(name)'[-1] == 'z' else piece})
      os.remove('t/x/\(name)' % '\(counters[0])')
      """)
    let first = "t/x/" + name.replacingOccurrences(of: "%s", with: counters[0])
    for said in try [
      run(["verify"], in: made, exits: 14), run(["inspect"], in: made, exits: 14), bring(made, exits: 14),
    ] {
      #expect(said.contains("\(first) nothing can be known of"), "\(said)")
    }
    _ = try bring(made, ["--keep-going"], exits: 3)
    #expect(registry.digest(of: "new/good", "1") != nil)
  }

  @Test func `has archives among the blobs of one, too`() throws {
    let made = try tree(
      """
      put('a', whole('a')); put('a/blobs/sha256/b', whole('b')); put('a/blobs/c', whole('c')); put('a/blobs/sha256', {'d.tar': packed('d')})
      put('a/blobs/sha256', {'f' * 64 + '.tar.gz': gzip.compress(b'layer')[:-9], 'f' * 64 + '123': gzip.compress(b'left')[:-9], 'ingest': b'x'}); os.remove('t/a/blobs/c/oci-layout')
      """)
    #expect(try run(["verify"], in: made, exits: 0).contains("all 4 archives are whole"))
    _ = try bring(made, exits: 0)
    for name in ["a", "b", "c", "d"] { #expect(registry.digest(of: "new/\(name)", "1") != nil, "\(name)") }
  }

  @Test func `of one tar is refused as well where the image at its top is damaged and a platform is spared`()
    throws
  {
    let made = try tree(
      """
      a, b, n = Image('a'), Image('b', arch='arm64'), Image('n')
      i = index([a.child(), b.child()])
      f = layout([of(i, INDEX, annotations=called('x:1'))], [i, *a.blobs, *b.blobs])
      f[blob(b.manifest)] = b.manifest.replace(b'layers', b'Layers')
      put('', {'x.tar': tar([*f.items(), *[('b/' + k, v) for k, v in layout([n.entry('n:1')], n.blobs).items()]])})
      """)
    for options in [["--platform", "linux/amd64"], ["--keep-going"], []] {
      try ferry.run(
        ["import", made.directory.file("t/x.tar"), "--plain-http", "--to", "\(registry.host)/new"] + options,
        exits: 64
      ).complains("holds images in b, and ferry reads the top of a tar alone")
    }
    #expect(registry.digest(of: "new/x", "1") == nil)
  }

  @Test func `takes the name of skopeo's dir: from its path, or has it given`() throws {
    let made = try tree("i = Image('i'); put('', skopeo(i)); print(digest(i.manifest))")
    #expect(try bring(made, exits: 64).contains("--as"))
    _ = try bring(made, ["--as", "given:2"], exits: 0)
    #expect(registry.digest(of: "new/given", "2") == made.printed[0])
    // As skopeo's sync has it, one that is named itself is called by the last part of its path.
    try FileManager.default.moveItem(atPath: made.directory.file("t"), toPath: made.directory.file("tool:v3"))
    try ferry.run(
      ["import", "--plain-http", "--to", "\(registry.host)/new", made.directory.file("tool:v3")], exits: 0)
    #expect(registry.digest(of: "new/tool", "v3") == made.printed[0])
  }

  @Test(arguments: [[], ["--format", "v2s2"]]) func `of skopeo's dir: gives each image as it was`(
    options: [String]
  ) throws {
    let made = try tree(
      """
      a, b = Image('a'), Image('b', arch='arm64')
      i = index([a.child(), b.child()])
      put('', layout([of(i, INDEX, annotations={'org.opencontainers.image.ref.name': 'x'})], [i, *a.blobs, *b.blobs]))
      os.rename('t', 'layout')
      """)
    let place = made.directory.file("t/some.example/team/tool:v1")
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    try Command.run(
      "skopeo",
      ["copy", "-q", "--insecure-policy", "oci:\(made.directory.file("layout")):x", "dir:\(place)"]
        + (options.isEmpty ? ["--all"] : options))
    let manifest = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(place)/manifest.json")))
    let verified = try run(["verify", "--deep"], in: made, exits: 0)
    #expect(verified.contains("t/some.example/team/tool:v1  whole"))
    _ = try bring(made, exits: 0)
    let digest = try #require(registry.digest(of: "new/tool", "v1"))
    #expect(registry.bytes(of: digest) == manifest)
  }

  @Test func `of skopeo's dir: is read out of a tar, too`() throws {
    let made = try tree(
      """
      i = Image('i'); files = skopeo(i); write(files); print(digest(i.manifest))
      open('z.tar.gz', 'wb').write(gzip.compress(tar(files.items())))
      write({n: c for n, c in files.items() if n != 'version'}, 'old.tar')
      write({**files, 'manifest.json': i.manifest[:-9]}, 'cut.tar')
      write({n: c for n, c in files.items() if c != i.layers[1]}, 'part.tar')
      """)
    let place = ["--plain-http", "--to", "\(registry.host)/new"]
    for (number, name) in ["a.tar", "z.tar.gz", "old.tar"].enumerated() {
      let path = made.directory.file(name)
      #expect(try ferry.run(["verify", path], exits: 0).standardOutput.contains("whole"))
      try ferry.run(["import", path, "--as", "given:\(number)"] + place, exits: 0)
      #expect(registry.digest(of: "new/given", "\(number)") == made.printed[0])
    }
    let piped = try Pipeline(ferry: ferry).run("cat \"$1\" | $ferry verify -", [made.path])
    #expect(piped.status == 0, "\(piped.standardError)")
    try ferry.run(["verify", made.directory.file("part.tar")], exits: 14)
    // Nothing proves its bytes: another copy may be right.
    try ferry.run(["verify", made.directory.file("cut.tar")], exits: 14).complains(
      "is damaged: manifest.json: ", "Carry the archive over again")
  }

  @Test func `may hold volumes beside a file of their name`() throws {
    let made = try tree(
      """
      b = packed('x'); half = (len(b) + 1) // 2
      put('', {'x.tar': packed('y'), 'x.tar.001': b[:half], 'x.tar.002': b[half:]})
      """)
    let said = try run(["verify"], in: made, exits: 0)
    #expect(said.contains("t/x.tar  whole") && said.contains("t/x.tar.001  whole"), "\(said)")
    _ = try bring(made, exits: 0)
    #expect(registry.digest(of: "new/x", "1") != nil && registry.digest(of: "new/y", "1") != nil)
  }

  @Test func `counts an export that was broken off for no image`() throws {
    let made = try tree("put('', {'g.tar': packed('g'), 'x.tar.partial': packed('x')})")
    let said = try bring(made, ["--keep-going"], exits: 3)
    #expect(said.contains("1 unfinished export not read") && !said.contains("image failed"), "\(said)")
  }

  @Test func `of skopeo's dir: that was copied in part is damaged`() throws {
    let made = try tree(
      """
      a, b = Image('a'), Image('b', arch='arm64')
      i = index([a.child(), b.child()])
      put('', layout([of(i, INDEX, annotations={'org.opencontainers.image.ref.name': 'x'})], [i, *a.blobs, *b.blobs]))
      os.rename('t', 'layout')
      for part in b.blobs: print(digest(part)[7:])
      """)
    let place = made.directory.file("t/app:1")
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    try Command.run(
      "skopeo",
      [
        "copy", "-q", "--insecure-policy", "--all", "oci:\(made.directory.file("layout")):x", "dir:\(place)",
      ])
    _ = try run(["verify"], in: made, exits: 0)
    // skopeo calls manifests by their digests with an end of their own.
    for name in try FileManager.default.contentsOfDirectory(atPath: place)
    where made.printed.contains(where: name.hasPrefix) {
      try FileManager.default.removeItem(atPath: "\(place)/\(name)")
    }
    _ = try run(["verify"], in: made, exits: 14)
    _ = try bring(made, exits: 14)
    #expect(registry.digest(of: "new/app", "1") == nil)
  }

  @Test func `of an unpacked docker save follows the links between its layers`() throws {
    let made = try tree(
      """
      f = classic('x'); put('d', f)
      os.rename('t/d/' + hexa(b'1') + '/layer.tar', 't/d/' + hexa(b'3') + '.tar')
      os.symlink('../' + hexa(b'3') + '.tar', 't/d/' + hexa(b'1') + '/layer.tar')
      os.rename('t/d/' + hexa(b'2') + '/layer.tar', 'outside'); os.link('outside', 't/d/' + hexa(b'2') + '/layer.tar')
      """)
    #expect(try run(["verify", "--deep"], in: made, exits: 0).contains("t/d  whole"))
    _ = try bring(made, exits: 0)
    #expect(registry.digest(of: "new/x", "1") != nil)
  }
}
