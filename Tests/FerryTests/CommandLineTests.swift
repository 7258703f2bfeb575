import Foundation
import TestSupport
import Testing

/// What the command line says of itself, and what it does not take.
@Suite(.waiting) struct `The command line` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  @Test(arguments: [nil, "list", "export", "verify", "inspect", "import"])
  func `explains each command, with an example`(command: String?) throws {
    let help = try ferry.run([command, "--help"].compactMap(\.self), exits: 0)
    for words in ["OVERVIEW", "USAGE: ferry", "EXAMPLE:", "  ferry "] {
      #expect(help.standardOutput.contains(words))
    }
    // A discussion, not the abstract alone.
    let paragraphs = help.standardOutput.components(separatedBy: "\n\n")
    #expect(paragraphs.count >= 4 && paragraphs[1].count > 60)
    #expect(help.standardError == "")
    if let command { #expect(try ferry.run(["help", command], exits: 0).output == help.output) }
  }

  @Test func `names its version and its exit statuses`() throws {
    #expect(try ferry.run(["--version"], exits: 0).standardOutput.hasPrefix("ferry "))
    let help = try ferry.run(["--help"], exits: 0).standardOutput
    for words in ["10 credentials refused", "14 integrity failure", "130 interrupted"] {
      #expect(help.contains(words))
    }
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func `completes itself in a shell`(shell: String) throws {
    let script = try ferry.run(["--generate-completion-script", shell], exits: 0)
    #expect(script.standardOutput.contains("export") && script.standardOutput.contains("plain-http"))
    if shell == "bash" {
      var check = Command("bash", ["-n"])
      check.input = script.output
      #expect(try check.run().status == 0)
    }
  }

  @Test(arguments: [
    (["export", "-o", "a.tar"], "Name at least one image"),
    (["export", "ubuntu:22.04", "-o", "a.tar"], "docker.io/ubuntu:22.04"),
    (["export", "registry.example/a/b:1"], "-o"),
    (["export", "registry.example/a/b:1", "-o", "a:b.tar"], "':'"),
    (["export", "registry.example/A/b:1", "-o", "a.tar"], "lower-case"),
    (["export", "registry.example/a/b:-x", "-o", "a.tar"], "is no tag"),
    (["export", "registry.example/a/b@sha256:12", "-o", "a.tar"], "64 hexadecimal digits"),
    (["export", "registry.example", "-o", "a.tar"], "registry.example"),
    (["export", "registry.example/a/b", "--tags", "[", "-o", "a.tar"], "is not a pattern"),
    (["export", "registry.example/a/b", "--tags", "1", "--all-tags", "-o", "a.tar"], "exclude each other"),
    (["export", "registry.example/a/b:1", "--jobs", "0", "-o", "a.tar"], "1 to 64"),
    (["export", "registry.example/a/b:1", "--jobs", "many", "-o", "a.tar"], "many"),
    (["export", "registry.example/a/b:1", "--shard", "3/2", "-o", "a.tar"], "I/N"),
    (["export", "registry.example/a/b:1", "--limit-rate", "fast", "-o", "a.tar"], "20M"),
    (["export", "registry.example/a/b:1", "--retries", "-1", "-o", "a.tar"], "--retries"),
    (["export", "registry.example/a/b:1", "-o", "-", "--json"], "--report"),
    (["export", "-f", "-", "--username", "u", "--password-stdin", "-o", "a.tar"], "standard input"),
    (["export", "registry.example/a/b:1", "-q", "-v", "-o", "a.tar"], "exclude each other"),
    (["import", "a.tar"], "--to"),
    (["import", "a.tar", "--to", "registry.example/UPPER"], "UPPER"),
    (
      [
        "import", "a.tar", "b.tar", "--to", "r.example/a", "--expect",
        "sha256:\(String(repeating: "0", count: 64))",
      ], "one archive"
    ),
    (["verify"], "archive"), (["inspect", "a.tar", "--no-such-flag"], "--no-such-flag"),
    (["exprot"], "exprot"),
  ])
  func `refuses what it cannot mean, with 64 and the reason`(arguments: [String], words: String) throws {
    let result = try ferry.run(arguments, exits: 64)
    result.complains(words)
    #expect(result.standardOutput == "")
  }

  @Test func `refuses an empty list`() throws {
    try ferry.run(["export", "-f", "-", "-o", "a.tar"], exits: 64, input: "# nothing\n\n")
      .complains("no image is named")
    try ferry.run(["export", "-f", "none.txt", "-o", "a.tar"], exits: 12).complains(
      "cannot read none.txt: No such file or directory")
    try ferry.run(["list", "a.example", "--api-key-file", "none.key"], exits: 12).complains(
      "cannot read none.key: No such file or directory")
    try ferry.run(["list", "a.example", "--auth-file", "/"], exits: 12).complains(
      "cannot read /: Is a directory")
    try ferry.write("registry.example/a:1\0", to: "binary")
    try ferry.run(["export", "-f", "binary", "-o", "a.tar"], exits: 64).complains("binary is not a text")
  }

  @Test func `opens no socket to verify and to inspect`() throws {
    let archive = try FixtureArchive.everything()
    for command in [["verify", "--deep", archive], ["inspect", archive]] {
      let traced = try Command(
        "strace",
        ["-f", "-qq", "-e", "trace=socket,connect", "-o", "/dev/stdout", ferry.executable] + command
      ).run()
      #expect(traced.status == 0)
      #expect(!traced.standardOutput.contains("socket("))
    }
  }

  @Test(arguments: ["verify", "inspect", "import"])
  func `says what is no archive`(command: String) throws {
    let to = command == "import" ? ["--to", "127.0.0.1:9/new", "--plain-http", "--retries", "0"] : []
    try ferry.write(String(repeating: "no tar ", count: 500), to: "text.tar")
    try ferry.run([command, "text.tar"] + to, exits: 14).complains(
      "text.tar is not an archive", "OCI image layout")
    try ferry.write("nothing", to: "notes")
    try Command.run("tar", ["-C", ferry.home.path, "-cf", ferry.file("other.tar"), "notes"])
    try ferry.run([command, "other.tar"] + to, exits: 14).complains(
      "other.tar is no OCI image layout", "oci-layout", "docker save")
    let id = String(repeating: "ab", count: 32)
    try PythonTar([
      .init("\(id)/VERSION", "1.0"), .init("\(id)/json", "{}"), .init("\(id)/layer.tar", "x"),
      .init("repositories", #"{"busybox":{"1":"\#(id)"}}"#),
    ]).write(to: ferry.file("old.tar"))
    try ferry.run([command, "old.tar"] + to, exits: 64).complains(
      "old.tar is what docker save wrote before docker 1.10", "docker load", "1.10 to 24")
    try ferry.run([command, "none.tar"] + to, exits: 12).complains("none.tar", "No such file")
    try ferry.run([command, "/dev/null"] + to, exits: 64).complains("not a plain file")
  }
}
