import Foundation
import TestSupport
import Testing

/// What stands beside an archive's contents, or at its end, or is not read of it: told for what it is.
@Suite(.waiting) struct `What is beside an archive's images` {
  private let ferry: FerryProcess
  private let pipeline: Pipeline
  private let registry = ScriptedRegistry()

  init() throws {
    ferry = try FerryProcess()
    pipeline = Pipeline(ferry: ferry)
  }

  /// A vector's file, in the home directory under its own name or another.
  private func vector(_ name: String, as other: String? = nil) throws {
    let path = "\(PackageDirectory.path)/fixtures/vectors/files/\(name).gz"
    let bytes = try Command("gzip", ["-dc", path]).run().output
    try Data(bytes).write(to: URL(fileURLWithPath: ferry.file(other ?? name)))
  }

  private func `import`(_ archive: String, _ options: String..., exits status: Int32) throws -> CommandResult
  {
    try ferry.run(
      ["import", "--plain-http", "--to", "\(registry.host)/new", archive] + options, exits: status)
  }

  @Test(arguments: ["gnu", "pax --sparse-version=1.0", "pax --sparse-version=0.1"])
  func `may be a sparse file, that belongs to none of them`(format: String) throws {
    let made = try MadeArchive(
      ToolForm.makers + "i = Image('x'); unpacked(list(layout([i.entry('x:1')], i.blobs).items()), 'd')")
    let script = """
      cd \(made.directory.path) && truncate -s 8M d/hole && echo end >> d/hole && tar -C d --sparse --format=\(format) -cf a.tar . \
      && test $(stat -c %s a.tar) -lt 1000000 && $ferry verify a.tar && gzip -k a.tar && $ferry verify a.tar.gz && $ferry verify - < a.tar
      """
    let verified = try pipeline.run(script)
    #expect(verified.status == 0, "\(verified.standardOutput)\(verified.standardError)")
    _ = try `import`(made.path, exits: 0)
    #expect(registry.digest(of: "new/x", "1") != nil)
  }

  @Test func `is one block of zeros at its end, or two, or none, in a file and in a pipe alike`() throws {
    let made = try MadeArchive(
      ToolForm.makers + """
        i = Image('x'); whole = packed(layout([i.entry('x:1')], i.blobs).items()).rstrip(b'\\0')
        whole += bytes(-len(whole) % 512)
        for n in range(4): save(whole + bytes(512 * n), 'a%d.tar' % n)
        """)
    for number in 0...3 {
      let path = made.directory.file("a\(number).tar")
      for way in ["$ferry verify \(path)", "cat \(path) | $ferry verify -"] {
        let verified = try pipeline.run(way)
        #expect(verified.status == 0, "\(number) \(way): \(verified.standardOutput)")
      }
    }
    // Of one of Ferry's, whose form is known, it is cut in both.
    try vector("half-an-end.tar")
    for way in ["$ferry verify half-an-end.tar", "cat half-an-end.tar | $ferry verify -"] {
      let verified = try pipeline.run(way)
      #expect(verified.status == 14 && verified.standardOutput.contains("truncated"), "\(way)")
    }
  }

  @Test func `is their order, where another tool writes the headers that Ferry writes`() throws {
    try vector("repacked-order.tar", as: "a.tar")
    for way in [
      "$ferry verify a.tar", "zstd -q a.tar && $ferry verify a.tar.zst", "cat a.tar | $ferry verify -",
    ] {
      let verified = try pipeline.run(way)
      #expect(verified.status == 0, "\(way): \(verified.standardOutput)")
      #expect(verified.standardOutput.contains("repacked by another tool"), "\(way)")
    }
    let piped = try pipeline.run(
      "cat a.tar | $ferry import --plain-http --to \(registry.host)/new -")
    #expect(piped.status == 0, "\(piped.standardError)")
    #expect(registry.tags == ["new/app:1.0"])
  }

  @Test func `is looked at by inspect in a pipe, where no name tells an unfinished export`() throws {
    try vector("stopped.tar.partial")
    for file in ["stopped.tar.partial", "stopped.tar.partial.gz"] {
      if file.hasSuffix(".gz") { try Command.run("gzip", ["-k", ferry.file("stopped.tar.partial")]) }
      for verb in ["inspect", "verify"] {
        try ferry.run([verb, file], exits: 14).complains("\(file) is an unfinished export")
        #expect(try pipeline.run("cat \(file) | $ferry \(verb) -").status == 14, "\(verb) \(file)")
      }
    }
    let seen = try pipeline.run("cat stopped.tar.partial | $ferry inspect -")
    #expect(seen.standardOutput.contains("NOT WHOLE") && seen.standardOutput.contains("  damaged: "))
    #expect(seen.standardOutput.contains("an unfinished export looks like that"))
    let told = try Report(pipeline.run("cat stopped.tar.partial | $ferry inspect --json -"))
    #expect(told.objects("archives").first?["frontOnly"] == nil)
    try vector("one.tar")
    for way in ["$ferry inspect one.tar", "cat one.tar | $ferry inspect -", "$ferry inspect <(cat one.tar)"] {
      let whole = try pipeline.run(way)
      #expect(whole.status == 0 && !whole.standardOutput.contains("ferry verify"), "\(way)")
    }
    // However it is read: copied first, and in another order than Ferry's.
    _ = try pipeline.run("mkdir d && tar xf stopped.tar.partial -C d && tar cf other.tar -C d $(ls -r d)")
    for way in ["stopped.tar.partial | $ferry inspect --spool .", "other.tar | $ferry inspect"] {
      let seen = try pipeline.run("cat \(way) -")
      #expect(seen.status == 14 && seen.standardOutput.contains("  damaged: "), "\(way)")
    }
    for verb in [
      "import --dry-run --plain-http --to \(registry.host)/new",
      "check --plain-http --to \(registry.host)/new",
    ] {
      for way in ["cat stopped.tar.partial | $ferry \(verb) -", "cat other.tar | $ferry \(verb) -"] {
        #expect(try pipeline.run(way).status == 14, "\(way)")
      }
    }
    let cut = try pipeline.run("head -c -4000 one.tar | $ferry inspect -")
    #expect(cut.status == 14 && cut.standardOutput.contains("truncated"), "\(cut.standardOutput)")
  }

  @Test func `has hard links before what they lead to, as what packs in the order of names writes them`()
    throws
  {
    try MadeArchive.links(to: ferry.file("a.tar"))
    for way in [
      "$ferry VERB a.tar", "cat a.tar | $ferry VERB -", "gzip -c a.tar > a.tgz && $ferry VERB a.tgz",
    ] {
      let verified = try pipeline.run(way.replacing("VERB", with: "verify"))
      #expect(verified.status == 0, "\(way): \(verified.standardError)")
      let imported = try pipeline.run(
        way.replacing("VERB", with: "import --plain-http --to \(registry.host)/new"))
      #expect(imported.status == 0, "\(way): \(imported.standardError)")
    }
    #expect(registry.tags == ["new/x:1"])
  }

  @Test func `is not looked at by inspect in a compressed file, which says so`() throws {
    try vector("one.tar")
    try Command.run("gzip", [ferry.file("one.tar")])
    let seen = try ferry.run(["inspect", "one.tar.gz"], exits: 0)
    #expect(seen.standardOutput.contains("whether its layers are there 'ferry verify' tells"))
    let told = try Report(ferry.run(["inspect", "--json", "one.tar.gz"], exits: 0))
    #expect(told.objects("archives").first?["frontOnly"] as? Bool == true)
  }

  @Test func `is named in reports where another tool packed it with them`() throws {
    try vector("repacked-more.tar")
    let report = try Report(ferry.run(["verify", "--json", "repacked-more.tar"], exits: 0))
    let archive = try #require(report.objects("archives").first)
    #expect(archive["surplus"] as? [String] == ["surplus: guard.log belongs to nothing"])
    try vector("one.tar")
    let own = try Report(ferry.run(["verify", "--json", "one.tar"], exits: 0))
    #expect(own.objects("archives").first?["surplus"] == nil)
  }

  @Test func `is another archive, damaged, without which --keep-going imports the rest`() throws {
    try FileManager.default.createDirectory(
      atPath: ferry.file("t"), withIntermediateDirectories: false)
    try vector("one.tar", as: "t/one.tar")
    try vector("header-flipped.tar", as: "t/broken.tar")
    try "notes".write(toFile: ferry.file("t/notes.txt"), atomically: true, encoding: .utf8)
    let stopped = try `import`("t", exits: 14)
    stopped.complains("t/broken.tar", "--keep-going imports the other archives.")
    #expect(registry.tags.isEmpty)
    let report = try Report(
      `import`("t", "--keep-going", "--json", "--report", ferry.file("page.html"), exits: 3))
    #expect(registry.tags == ["new/app:1.0"] && report.number("otherFiles") == 1)
    let page = try String(contentsOfFile: ferry.file("page.html"), encoding: .utf8)
    #expect(page.contains("1 other file is no archive"))
    // Of one archive there are no others.
    #expect(!(try `import`("t/broken.tar", exits: 14)).standardError.contains("--keep-going"))
  }

  @Test func `is damage that an image taken out of it by its platform does not have, and is told`() throws {
    let made = try MadeArchive(
      """
      a, b = Image('a'), Image('b', arch='arm64'); n = index([a.child(), b.child()])
      files = layout([of(n, INDEX, annotations=called('x:1'))], [n, *a.blobs, *b.blobs])
      files[blob(b.layers[0])] = b.layers[0][:-1]
      write(files); print(digest(a.manifest))
      """)
    let taken = try `import`(made.path, "--platform", "linux/amd64", exits: 0)
    taken.complains("a.tar is not whole: 1 problem, which 'ferry verify' names")
    #expect(registry.digest(of: "new/x", "1") == made.printed.first)
  }
}
