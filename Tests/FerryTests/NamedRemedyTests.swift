import Foundation
import TestSupport
import Testing

/// Inputs that ferry does not read as they are: what they are is said, and a remedy that works.
@Suite(.waiting) struct `What cannot be read as it is` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  private func pipe(_ script: String, _ archive: String) throws -> CommandResult {
    try Pipeline(ferry: ferry).run(script, [archive])
  }

  @Test func `names the archives inside a tar, and is read when it is unpacked`() throws {
    let made = try MadeArchive(
      """
      i, j = Image('i'), Image('j')
      write([('b/' + n, tar(layout([x.entry(n + ':1')], x.blobs).items())) for n, x in [('i.tar', i), ('j.tar', j)]])
      """)
    try ferry.run(["verify", made.path], exits: 64).complains(
      "holds images in b/i.tar and 1 more place, and ferry reads the top of a tar alone",
      "Unpack it, and name the directory")
    let unpacked = try pipe("mkdir u && tar -xf \"$1\" -C u && $ferry verify u", made.path)
    #expect(unpacked.status == 0 && unpacked.standardOutput.contains("all 2 archives are whole"))
  }

  @Test func `says of volumes of a compressed file how to lay them together`() throws {
    let made = try MadeArchive("i = Image('i'); write(layout([i.entry('i:1')], i.blobs))")
    let cut = try pipe(
      "gzip -c \"$1\" | split -b 1000 -d -a 3 --numeric-suffixes=1 - x.tar.gz. && $ferry verify x.tar.gz.001",
      made.path)
    #expect(cut.status == 64, "\(cut.standardError)")
    #expect(cut.standardError.contains("begins a file that was compressed with gzip and then cut"))
    #expect(cut.standardError.contains("cat x.tar.gz.* > x.tar.gz"))
    let whole = try pipe("cat x.tar.gz.* | $ferry verify -", made.path)
    #expect(whole.status == 0, "\(whole.standardError)")
  }

  @Test(arguments: [
    ("split -b 2000 -d -a 3 \"$1\" x.tar.", "x.tar.000", "cat x.tar.[0-9][0-9][0-9] > x.tar"),
    ("split -b 300 -d -a 3 \"$1\" x.tar.", "x.tar.000", "cat x.tar.[0-9][0-9][0-9] > x.tar"),
    ("split -b 2000 \"$1\" x.tar.", "x.tar.aa", "cat x.tar.[a-z][a-z] > x.tar"),
    ("split -b 2000 -d \"$1\" x.", "x.00", "cat x.[0-9][0-9] > x.tar"),
    ("split -b 2000 \"$1\"", "xaa", "cat x[a-z][a-z] > x.tar"),
    ("gzip -c \"$1\" | split -b 700 - x.tgz.", "x.tgz.aa", "cat x.tgz.[a-z][a-z] > x.tgz"),
    ("split -b 2000 -a 1 --numeric-suffixes=1 \"$1\" part-", "part-1", "cat part-[0-9] > part.tar"),
    (
      "split -b 900 -d -a 3 --numeric-suffixes=1 \"$1\" p- && for i in p-00*; do mv $i p-${i#p-00}; done; for i in p-01*; do mv $i p-${i#p-0}; done",
      "p-1", "cat p-[0-9] p-[0-9][0-9] > p.tar"
    ),
  ])
  func `says of a file that was cut how to lay it together`(
    cut: String, first: String, remedy: String
  ) throws {
    let made = try MadeArchive("i = Image('i'); write(layout([i.entry('i:1')], i.blobs))")
    try #expect(pipe("mkdir p && cd p && \(cut)", made.path).status == 0)
    for path in ["p", "p/\(first)"] {
      let refused = try ferry.run(["verify", path], exits: 64)
      refused.complains("p/\(first) is a piece of a file that was cut")
      #expect(!(refused.standardOutput + refused.standardError).contains("DAMAGED"))
      let said = remedy.replacing("cat ", with: "cat p/").replacing("] ", with: "] p/")
        .replacing("] p/>", with: "] >").replacing("> ", with: "> p/")
      refused.complains(said)
    }
    let whole = try pipe(
      "cd p && \(remedy) && $ferry verify \(remedy.split(separator: " ").last ?? "")", made.path)
    #expect(whole.status == 0, "\(whole.standardError)")
  }

  @Test func `says of volumes that are compressed one by one how to unpack them`() throws {
    let made = try MadeArchive("i = Image('i'); write(layout([i.entry('i:1')], i.blobs))")
    let cut = try pipe(
      "split -b 2000 -d -a 3 --numeric-suffixes=1 \"$1\" x.tar. && gzip x.tar.* && $ferry verify x.tar.001.gz",
      made.path)
    #expect(cut.status == 64 && cut.standardError.contains("each piece is compressed with gzip"))
    #expect(cut.standardError.contains("gzip -d x.tar.[0-9][0-9][0-9].gz"), "\(cut.standardError)")
    let whole = try pipe("gzip -d x.tar.[0-9][0-9][0-9].gz && $ferry verify x.tar.001", made.path)
    #expect(whole.status == 0, "\(whole.standardError)")
  }

  @Test func `takes whole archives that are numbered for no pieces`() throws {
    let made = try MadeArchive("i = Image('i'); write(layout([i.entry('i:1')], i.blobs))")
    let said = try pipe(
      "mkdir p && cp \"$1\" p/part-1 && cp \"$1\" p/part-2 && echo notes > p/part-3 && cp \"$1\" p/z.1 && echo more > p/z.2 "
        + "&& gzip -c \"$1\" > p/y.1 && echo more > p/y.2 && $ferry verify p", made.path)
    #expect(
      said.status == 0 && said.standardOutput.contains("all 4 archives are whole"), "\(said.standardError)")
  }

  @Test func `does not have volumes written again by ferry that another tool cut`() throws {
    let made = try MadeArchive("i = Image('i'); write(layout([i.entry('i:1')], i.blobs))")
    let lacking = try pipe(
      "split -b 2000 -d -a 3 --numeric-suffixes=1 \"$1\" x.tar. && rm x.tar.003 && $ferry verify x.tar.001",
      made.path)
    #expect(lacking.status == 14)
    let said = lacking.standardOutput + lacking.standardError
    #expect(said.contains("missing: volume x.tar.003") && said.contains("another tool than ferry wrote it"))
    #expect(!said.contains("--only-volume"), "\(said)")
  }

  @Test func `is not said to end at its beginning where it is cut in the last bytes of its compression`()
    throws
  {
    let made = try MadeArchive("i = Image('i'); write(layout([i.entry('i:1')], i.blobs))")
    for missing in [1, 4, 8, 9] {
      let cut = try pipe(
        "gzip -c \"$1\" | head -c -\(missing) > x.tar.gz && $ferry verify x.tar.gz", made.path)
      let said = cut.standardOutput + cut.standardError
      #expect(cut.status == 14 && said.contains("truncated") && !said.contains("at byte 0"), "\(said)")
    }
  }

  @Test func `names the link that stands where its list should be`() throws {
    let made = try MadeArchive(
      """
      i = Image('i'); f = layout([i.entry('i:1')], i.blobs); del f['index.json']
      with tarfile.open('a.tar', 'w') as t:
        e = tarfile.TarInfo('index.json'); e.type = tarfile.SYMTYPE; e.linkname = '/srv/list.json'; t.addfile(e)
        for name, content in f.items():
          e = tarfile.TarInfo(name); e.size = len(content); t.addfile(e, io.BytesIO(content))
      """)
    try ferry.run(["verify", made.path], exits: 14).complains(
      "index.json is a link to", "/srv/list.json", "which is not in the archive", "tar -h")
  }

  @Test func `is not to be carried again where two archives were joined`() throws {
    let made = try MadeArchive(
      """
      i, j = Image('i'), Image('j')
      one, two = [tar(layout([x.entry('x:1')], x.blobs).items()) for x in (i, j)]
      while one.endswith(bytes(512)): one = one[:-512]
      open('a.tar', 'wb').write(one + two)
      """)
    let registry = ScriptedRegistry()
    let commands = [
      ["verify", made.path], ["import", "--plain-http", "--to", "\(registry.host)/new", made.path],
    ]
    for command in commands {
      let result = try ferry.run(command, exits: 14)
      let said = result.standardOutput + result.standardError
      #expect(said.contains("index.json is there twice") && said.contains("two archives were joined to one"))
      #expect(!said.contains("Carry the archive over again"), "\(said)")
    }
  }

  @Test func `does not count as a second archive beside the one that is expected`() throws {
    let made = try MadeArchive(
      """
      import os
      i, j = Image('i'), Image('j')
      os.makedirs('t/more')
      write(layout([i.entry('i:1')], i.blobs), 't/i.tar')
      write([('notes.txt', b'none')], 't/bundle.tar')
      open('t/more/x.log.gz', 'wb').write(gzip.compress(b'lines'))
      write(layout([j.entry('j:1')], j.blobs), 'j.tar')
      print(digest(layout([i.entry('i:1')], i.blobs)['index.json']))
      """)
    let tree = made.directory.file("t")
    let archiveDigest = try #require(made.printed.first)
    let one = try ferry.run(["verify", tree, "--expect", archiveDigest], exits: 0)
    #expect(one.standardOutput.contains("the one archive is whole"))
    let registry = ScriptedRegistry()
    try ferry.run(
      ["import", tree, "--expect", archiveDigest, "--plain-http", "--to", "\(registry.host)/new"], exits: 0)
    try FileManager.default.moveItem(atPath: made.directory.file("j.tar"), toPath: "\(tree)/more/j.tar")
    try ferry.run(["verify", tree, "--expect", archiveDigest], exits: 64).complains(
      "--expect speaks of one archive, and 2 are named")
  }

  @Test func `is judged in a pipe as in a file where a large config is no JSON`() throws {
    let made = try MadeArchive(
      """
      i, good = Image('i'), Image('good')
      config = b'\\x01' * (5 << 20)
      i.document['config'] = of(config, OCI + 'config.v1+json'); i.manifest = text(i.document)
      write(layout([i.entry('i:1'), good.entry('good:1')], [i.manifest, config, *i.layers, *good.blobs]))
      """)
    for script in ["$ferry verify \"$1\"", "cat \"$1\" | $ferry verify -"] {
      let result = try pipe(script, made.path)
      #expect(result.status == 14, "\(result.standardError)")
      #expect(result.standardOutput.contains("the config is malformed: it is not JSON"))
      #expect(result.standardOutput.contains("hurts old.example/team/i:1"))
      #expect(!result.standardOutput.contains("hurts old.example/team/good:1"))
    }
  }

  @Test func `is unpacked a bounded number of times to learn what it is`() throws {
    // Each layer has to be unpacked to be named, and they are named from the last to the first.
    let made = try MadeArchive(
      """
      plain = [b'%d' % n for n in range(300)]
      layers = [gzip.compress(p, mtime=0) for p in plain]
      config = text({'architecture': 'amd64', 'os': 'linux', 'config': {},
        'rootfs': {'type': 'layers', 'diff_ids': [digest(p) for p in reversed(plain)]}})
      files = [(blob(l), l) for l in layers] + [(blob(config), config), ('manifest.json', text([{'Config': blob(config),
        'RepoTags': ['old.example/team/i:1'], 'Layers': [blob(l) for l in reversed(layers)]}]))]
      write(files)
      open('a.tar.gz', 'wb').write(gzip.compress(tar(files), 1, mtime=0))
      """)
    try ferry.run(["verify", made.path], exits: 0)
    let packed = made.directory.file("a.tar.gz")
    let result = try ferry.command(["verify", packed]).run()
    #expect(result.status == 14, "\(result.standardOutput)")
    result.complains("would have to be unpacked more than 256 times")
    #expect(try pipe("gzip -dc \"$1\" | $ferry verify -", packed).status == 0)
  }

  @Test func `spares what is asked for of an archive that is damaged elsewhere, for a check too`() throws {
    let made = try MadeArchive(
      """
      i, j = Image('i'), Image('j')
      files = layout([i.entry('i:1'), j.entry('j:1')], i.blobs + j.blobs)
      files.pop(blob(j.layers[0])); write(files)
      """)
    let registry = ScriptedRegistry()
    let to = ["--plain-http", "--to", "\(registry.host)/new"]
    let (good, bad) = ("old.example/team/i:1", "old.example/team/j:1")
    try ferry.run(["import", made.path, "--image", good] + to, exits: 0)
    try ferry.run(["check", made.path, "--image", good] + to, exits: 0).complains("is not whole: 1 problem")
    try ferry.run(["check", made.path, "--image", bad] + to, exits: 14).complains("hurts \(bad)")
    try ferry.run(["check", made.path] + to, exits: 14).complains("hurts \(bad)")
  }

  @Test(arguments: [
    "blake3:\(String(repeating: "ab", count: 32))", "sha1:\(String(repeating: "ab", count: 20))",
  ])
  func `is named by an algorithm that ferry cannot compute`(digest: String) throws {
    let name = String(digest.prefix { $0 != ":" })
    try ferry.run(["export", "registry.example/a/b@\(digest)", "-o", "a.tar"], exits: 64).complains(
      "is a \(name), which Ferry cannot compute", "sha256, sha384 and sha512")
    try ferry.run(["verify", "a.tar", "--expect", digest], exits: 64).complains(
      "is a \(name), which Ferry cannot compute")
    try ferry.run(["verify", "a.tar", "--expect", "wat:12"], exits: 64).complains("is not sha256:")
  }
}
