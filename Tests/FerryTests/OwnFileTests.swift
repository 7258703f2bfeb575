import Foundation
import TestSupport
import Testing

/// A user's file that Ferry did not make is never emptied, replaced or removed, wherever Ferry is told to write.
@Suite(.waiting) struct `A file that is not Ferry's` {
  private let ferry: FerryProcess
  private static let notes = "the only copy\nof my notes\n"

  init() throws { ferry = try FerryProcess() }

  private func text(_ name: String) -> String? {
    try? String(contentsOfFile: ferry.file(name), encoding: .utf8)
  }

  private var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: ferry.home.path)) ?? []).sorted()
  }

  @Test(arguments: [
    "notes", #"{"digest":"sha256:ab","name":"mine"}"#,
    #"{"digest":"sha256:\#(String(repeating: "0", count: 64))","registry":"r","repository":"a"}"# + "\n",
  ])
  func `is no import's journal`(content: String) throws {
    let registry = try RegistryProcess()
    try ferry.write(content, to: "file")
    let archives = [try FixtureArchive.small(), try LargeArchive.shared().path]
    for archive in archives {
      let arguments = [
        "import", archive, "--plain-http", "--to", "\(registry.host)/new", "--journal", "file",
      ]
      for more in [[], ["--dry-run"]] {
        try ferry.run(arguments + more, exits: 15).complains("file is not Ferry's own")
        #expect(text("file") == content)
      }
    }
    #expect(registry.storage.digests.isEmpty)
  }

  @Test func `is no import's journal under any of its names, and an archive is none`() throws {
    let archive = ferry.file("a.tar")
    try FileManager.default.copyItem(atPath: try FixtureArchive.small(), toPath: archive)
    try ferry.write(Self.notes, to: "notes")
    try FileManager.default.linkItem(atPath: archive, toPath: ferry.file("linked"))
    try FileManager.default.createSymbolicLink(atPath: ferry.file("symbolic"), withDestinationPath: "a.tar")
    try FileManager.default.createSymbolicLink(atPath: ferry.file("elsewhere"), withDestinationPath: "notes")
    mkfifo(ferry.file("pipe"), 0o600)
    let base = ["import", "a.tar", "--plain-http", "--to", "127.0.0.1:9/new", "--journal"]
    for name in ["a.tar", "./a.tar", "linked", "symbolic", "elsewhere", "pipe", "/dev/null", "."] {
      try ferry.run(base + [name], exits: 64)
    }
    try ferry.run(["verify", "a.tar"], exits: 0)
    #expect(text("notes") == Self.notes)
  }

  @Test(arguments: [0o644, 0o600] as [mode_t]) func `stays where an empty one was named as a journal`(
    mode: mode_t
  ) throws {
    let registry = try RegistryProcess()
    try ferry.write("", to: "empty")
    chmod(ferry.file("empty"), mode)
    let archive = try LargeArchive.shared().path
    try ferry.run(
      ["import", archive, "--plain-http", "--to", "\(registry.host)/new", "--journal", "empty"], exits: 0)
    #expect(text("empty") == "")
  }

  @Test func `takes no report's, receipt's, checksum's or signature's place`() throws {
    let source = try RegistryProcess.fixtures()
    let registry = try RegistryProcess()
    let minisign = try Minisign()
    let archive = try FixtureArchive.small()
    let image = source.reference("odd/plain:1")
    let importing = ["import", archive, "--plain-http", "--to", "\(registry.host)/new"]
    let exporting = ["export", "--plain-http", image, "-o", "a.tar"]
    let signing = ["--sign-key", minisign.secretKey]
    let cases: [(name: String, arguments: [String])] = [
      ("a.tar", exporting), ("a.tar", exporting + ["--force"]),
      ("a.tar.sha256", exporting + ["--checksum", "--force"]),
      ("a.tar.digest", exporting + signing + ["--force"]),
      ("a.tar.digest.minisig", exporting + signing + ["--force"]),
      ("notes", importing + ["--report", "notes"]), ("notes", importing + ["--receipt", "notes"]),
      ("notes", ["verify", archive, "--report", "notes"]), ("notes", exporting + ["--report", "notes"]),
      ("notes.html", exporting + ["--report", "notes.html"]),
      ("a.tar.sha256", exporting + ["--checksum"]),
      ("a.tar.digest", exporting + ["--sign-key", minisign.secretKey]),
      ("a.tar.digest.minisig", exporting + ["--sign-key", minisign.secretKey]),
      ("r.json.minisig", importing + ["--receipt", "r.json", "--sign-key", minisign.secretKey]),
    ]
    for (name, arguments) in cases {
      try ferry.write(Self.notes, to: name)
      let dry = arguments[0] == "verify" || arguments.contains("--receipt") ? [] : [["--dry-run"]]
      for more in [[]] + dry {
        try ferry.run(arguments + more, exits: 15).complains("\(name) is not Ferry's own")
        #expect(text(name) == Self.notes, "\(name)")
        #expect(names == [name])
      }
      try FileManager.default.removeItem(atPath: ferry.file(name))
    }
    #expect(registry.storage.digests.isEmpty)
    // An earlier run's give way.
    for _ in 0..<2 {
      try ferry.run(importing + ["--report", "i.json", "--receipt", "r.json"], exits: 0)
      try ferry.run(exporting + ["--report", "e.html", "--checksum"], exits: 0)
    }
    try ferry.run(importing + ["--report", "r.json"], exits: 15)
    try ferry.run(importing + ["--receipt", "i.json"], exits: 15)
    // A signature that somebody else has made is theirs, unless it is right.
    try ferry.export([image], to: "a.tar", "--sign-key", minisign.secretKey)
    try Minisign().sign(ferry.file("a.tar.digest"), isLegacy: false)
    let theirs = text("a.tar.digest.minisig")
    try ferry.run(exporting + signing + ["--force"], exits: 15).complains("a.tar.digest.minisig")
    #expect(text("a.tar.digest.minisig") == theirs)
    try minisign.sign(ferry.file("a.tar.digest"), isLegacy: false)
    try ferry.run(exporting + signing, exits: 0)
  }

  @Test func `takes no archive's place, whoever has written it, and nothing is fetched`() throws {
    let source = try RegistryProcess(fixtures: true)
    let image = source.reference("odd/plain:1")
    try ferry.export([RegistryProcess.fixtures().reference("odd/twice:1")], to: "own.tar")
    let home = ferry.home.path
    try Command.run("tar", ["-C", home, "-xf", ferry.file("own.tar")])
    try ferry.write(Self.notes, to: "notes")
    let scripts = [
      "tar -cf a.tar notes", "cat own.tar notes > a.tar", "cat notes own.tar > a.tar",
      "cp own.tar a.tar && tar -rf a.tar notes", "gzip -c own.tar > a.tar",
      "tar -cf a.tar oci-layout index.json blobs notes",
      "sed -i 's/org.ferry/org.other/' index.json && tar -cf a.tar oci-layout index.json blobs",
      "ln -s own.tar a.tar", "ln -s nowhere a.tar",
    ]
    for script in scripts {
      try Command.run("sh", ["-c", "cd \(home) && rm -f a.tar && \(script)"])
      let (content, names) = (FileManager.default.contents(atPath: ferry.file("a.tar")), names)
      for more in [["--force"], [], ["--force", "--dry-run"]] {
        try ferry.run(["export", "--plain-http", image, "-o", "a.tar"] + more, exits: 15)
          .complains("a.tar is not Ferry's own", "Move it away")
        #expect(FileManager.default.contents(atPath: ferry.file("a.tar")) == content, "\(script)")
        #expect(self.names == names, "\(script)")
      }
    }
    source.stop()
    #expect(source.requests.allSatisfy { !($0.method == "GET" && $0.path.contains("/blobs/")) })
  }

  @Test func `may be an empty one that was made for what is written, and is as private then`() throws {
    let registry = try RegistryProcess()
    let archive = try FixtureArchive.small()
    let image = try RegistryProcess.fixtures().reference("odd/plain:1")
    try ferry.write("", to: "report")
    try ferry.write("", to: "receipt")
    try ferry.run(
      [
        "import", archive, "--plain-http", "--to", "\(registry.host)/new", "--report", "report", "--receipt",
        "receipt",
      ], exits: 0)
    for name in ["report", "receipt"] {
      let attributes = try FileManager.default.attributesOfItem(atPath: ferry.file(name))
      #expect(attributes[.posixPermissions] as? Int == 0o600 && attributes[.size] as? Int != 0)
    }
    // Nobody has made one for what was not named.
    try ferry.write("", to: "a.tar.sha256")
    for more in [[], ["--force"]] {
      try ferry.run(["export", "--plain-http", image, "-o", "a.tar", "--checksum"] + more, exits: 15)
        .complains("a.tar.sha256 is not Ferry's own")
    }
    #expect(text("a.tar.sha256") == "")
  }

  @Test func `takes no place where a report or receipt is but a part of the file`() throws {
    let registry = try RegistryProcess()
    let archive = try FixtureArchive.small()
    let importing = ["import", archive, "--plain-http", "--to", "\(registry.host)/new"]
    try ferry.run(importing + ["--receipt", "r.json", "--report", "i.html"], exits: 0)
    try ferry.run(importing + ["--report", "i.json"], exits: 0)
    let page = try #require(text("i.html"))
    for (option, name) in [("--receipt", "r.json"), ("--report", "i.json")] {
      let own = try #require(text(name))
      let cases = [
        "{ my notes\n\(own)", "\(own)\(own)", "\(own)my notes\n", "\(own) ", "{\n  \"mine\" : \n\(own)}",
        own.replacing("{\n  \"archives\"", with: "{\n  \"Notes\" : \"mine\",\n  \"archives\""),
        own.replacing("\"digest\" :", with: "\"a note\" : \"mine\", \"digest\" :", maxReplacements: 1),
        own.replacing("{\n  \"archives\"", with: "{\n  \"archives\" : [\n\n  ],\n  \"archives\""),
        own.replacing("/v1\"", with: "/v1-mine\""), "{\"schema\":\"ferry/receipt/v1\"}",
      ]
      for content in cases {
        #expect(content != own)
        try ferry.write(content, to: "file")
        try ferry.run(importing + [option, "file"], exits: 15).complains("file is not Ferry's own")
        #expect(text("file") == content)
      }
      try ferry.write(own, to: "file")
      try ferry.run(importing + [option, "file"], exits: 0)
    }
    let notes = "<p>my notes</p>"
    for content in [
      "\(page.prefix(200))my own text", "\(page)\(notes)", notes + page, page + page, page + "\n",
      page.replacing("</body>", with: "\(notes)</body>"), page.replacing("</h1>", with: "</h1>\(notes)"),
      page.replacing("</html>\n", with: "</html>\n\(notes)\n"),
    ] {
      try ferry.write(content, to: "file.html")
      try ferry.run(importing + ["--report", "file.html"], exits: 15).complains(
        "file.html is not Ferry's own")
      #expect(text("file.html") == content)
    }
    // Any report takes another's place, in either form.
    for name in ["i.html", "i.json"] { try ferry.run(["verify", archive, "--report", name], exits: 0) }
    try ferry.run(["verify", "none", "--report", "i.json"], exits: 12)
    try ferry.run(["verify", archive, "--report", "i.json"], exits: 0)
    try ferry.run(["inspect", archive, "--report", "i.json"], exits: 64)
  }

  @Test func `is not what a standard stream comes from or goes to`() throws {
    let archive = try FixtureArchive.small()
    for script in [
      #""$0" verify "$1" --report out > out"#, #""$0" verify "$1" --report out 2> out"#,
      #"cp "$1" in; "$0" verify - --report in < in"#, #""$0" verify "$1" --report /dev/stdout > out"#,
    ] {
      var command = Command("sh", ["-c", script, ferry.executable, archive])
      command.directory = ferry.home.path
      #expect(try command.run().status == 64, "\(script)")
    }
  }

  @Test(arguments: ["content", "names", "journal"])
  func `is no unfinished archive`(kind: String) throws {
    let source = try RegistryProcess.fixtures()
    let arguments = ["export", "--plain-http", source.reference("odd/plain:1"), "-o", "a.tar"]
    let name = kind == "journal" ? "a.tar.partial.journal" : "a.tar.partial"
    try ferry.write(Self.notes, to: "notes")
    if kind == "names" {
      try FileManager.default.linkItem(atPath: ferry.file("notes"), toPath: ferry.file(name))
    } else {
      try ferry.write(Self.notes, to: name)
    }
    for more in [[], ["--dry-run"], ["--force"], ["--force", "--dry-run"]] {
      try ferry.run(arguments + more, exits: 15).complains("\(name) is not Ferry's own")
      #expect(text(name) == Self.notes)
      #expect(names == [name, "notes"].sorted())
    }
  }

  @Test func `of volumes stays where one file is written`() throws {
    let source = try RegistryProcess.fixtures()
    try ferry.write(Self.notes, to: "a.tar.007.partial")
    let arguments = ["export", "--plain-http", source.reference("odd/plain:1"), "-o", "a.tar"]
    try ferry.run(arguments, exits: 0)
    #expect(text("a.tar.007.partial") == Self.notes)
    for more in [[], ["--force"]] {
      try ferry.run(arguments + ["--volume-size", "64K"] + more, exits: 15).complains("a.tar.007.partial")
      #expect(text("a.tar.007.partial") == Self.notes)
    }
  }

  @Test func `is not where an archive goes that is read`() throws {
    let source = try RegistryProcess.fixtures()
    try ferry.write(source.reference("odd/plain:1") + "\n", to: "images.txt")
    try FileManager.default.linkItem(atPath: ferry.file("images.txt"), toPath: ferry.file("a.tar"))
    try ferry.run(["export", "--plain-http", "-f", "images.txt", "-o", "a.tar", "--force"], exits: 64)
      .complains("-o would overwrite images.txt")
  }

  /// Each in a process of its own, as often as there is luck: whoever comes too late leaves nothing.
  @Test func `is not what exports leave that come too late`() throws {
    let source = try RegistryProcess.fixtures()
    let arguments = ["export", "--plain-http", source.reference("tools/multi:1.0"), "-o", "a.tar", "--quiet"]
    for _ in 0..<5 {
      let running = try (0..<4).map { _ in try ferry.command(arguments).start() }
      let ends = try running.map { try #require($0.waitForEnd()).status }
      #expect(ends.contains(0))
      #expect(ends.allSatisfy { [0, 15].contains($0) })
      #expect(names == ["a.tar"])
      try ferry.run(["verify", "a.tar"], exits: 0)
      try FileManager.default.removeItem(atPath: ferry.file("a.tar"))
    }
  }

  @Test func `and no file at all is known to be there before anything is asked`() throws {
    let registry = try RegistryProcess()
    let archive = try FixtureArchive.small()
    try FileManager.default.createDirectory(atPath: ferry.file("plain"), withIntermediateDirectories: true)
    try ferry.write("a file", to: "file")
    let importing = ["import", archive, "--plain-http", "--to", "\(registry.host)/new"]
    let cases: [(arguments: [String], status: Int32)] = [
      (importing + ["--report", "none/r.json"], 16), (importing + ["--report", "plain"], 64),
      (importing + ["--journal", "none/j"], 16), (importing + ["--descriptions", "file"], 16),
      (importing + ["--descriptions", "file/below"], 16), (importing + ["--report", "file/r.json"], 16),
      (["verify", archive, "--report", "none/r.json"], 16),
      (["export", "127.0.0.1:9/a:1", "-o", "a.tar", "--report", "none/r.json"], 16),
      (["export", "127.0.0.1:9/a:1", "-o", "none/a.tar"], 16),
      (["export", "127.0.0.1:9/a:1", "-o", "file/"], 16),
    ]
    for (arguments, status) in cases {
      for more in arguments[0] == "verify" ? [[]] : [[], ["--dry-run"]] {
        try ferry.run(arguments + more, exits: status)
      }
    }
    try ferry.run(importing + ["--receipt", "none/r.json"], exits: 16)
    #expect(registry.requests.isEmpty)
    #expect(names == ["file", "plain"])
  }
}
