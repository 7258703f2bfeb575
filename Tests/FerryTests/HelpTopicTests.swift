import Foundation
import TestSupport
import Testing

/// What can be read without a network: topics, the version, manual pages.
@Suite(.waiting) struct `The help for those without a network` {
  private let ferry: FerryProcess

  /// Such as `scope(Transfers.Everything)`.
  private static var swiftValue: Regex<Substring> { /[a-z]\w*\([A-Z]\w*\.[A-Za-z]/ }

  init() throws { ferry = try FerryProcess() }

  @Test(arguments: ["environment", "exit-status", "files"])
  func `has topics that fit a terminal`(topic: String) throws {
    let text = try ferry.run(["help", topic], exits: 0).standardOutput
    #expect(text.hasSuffix("\n") && !text.hasSuffix("\n\n"))
    for entry in text.split(separator: "\n\n") {
      let lines = entry.split(separator: "\n")
      let names = lines.prefix { $0.first != " " }
      #expect(!names.isEmpty && names.count < lines.count, "\(entry)")
      #expect(names.dropLast().allSatisfy { $0.hasSuffix(",") }, "\(entry)")
      for line in lines.dropFirst(names.count) { #expect(line.hasPrefix("    "), "\(line)") }
      for line in lines { #expect(line.count <= 80, "\(line)") }
    }
    #expect(try ferry.run(["--help"], exits: 0).standardOutput.contains("ferry help \(topic)\n"))
  }

  @Test func `names every variable of the program's sources`() throws {
    let source = try String(
      contentsOfFile: "\(PackageDirectory.path)/Sources/Credentials/Environment.swift", encoding: .utf8)
    let variables = source.matches(of: /case \w+ = "(\w+)"/).map { String($0.1) }
    #expect(variables.count > 25)
    let topics = try ferry.run(["help", "environment"], exits: 0).standardOutput.split(separator: "\n")
    for variable in variables { #expect(topics.contains { $0 == variable }, "\(variable)") }
  }

  @Test func `tells of each exit status in the same words everywhere`() throws {
    let help = try ferry.run(["--help"], exits: 0).standardOutput
    let statuses = try ferry.run(["help", "exit-status"], exits: 0).standardOutput
      .split(separator: "\n").filter { $0.first != " " }
    #expect(
      statuses.map { $0.prefix { $0 != " " } } == [
        "0", "1", "3", "4", "10", "11", "12", "13", "14", "15", "16", "64", "130",
      ])
    for status in statuses { #expect(help.contains(status), "\(status)") }
  }

  @Test(arguments: [nil, "list", "export", "verify", "inspect", "import", "check"])
  func `fits a terminal for each command, and shows no value as Swift has it`(command: String?) throws {
    let help = try ferry.run([command, "--help"].compactMap(\.self), exits: 0).standardOutput
    for line in help.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
    #expect(!help.contains(Self.swiftValue))
    #expect(!help.contains("(default as flag"))
  }

  @Test func `names every place where certificates are looked for`() throws {
    let source = "\(PackageDirectory.path)/Sources/Transport/SystemAuthorities.swift"
    let files = try String(contentsOfFile: source, encoding: .utf8)
      .matches(of: /"(\/etc\/[^"]+|\/var\/[^"]+)"/).map { String($0.1) }
    #expect(files.count > 5)
    let directories = [
      "~/.config/containers", "~/.config/docker", "~/.docker", "/etc/containers", "/etc/docker",
    ]
    let lines = try ferry.run(["help", "files"], exits: 0).standardOutput.split(separator: "\n")
      .map { $0.hasSuffix(",") ? $0.dropLast() : $0 }
    for place in files + directories.map({ "\($0)/certs.d" }) {
      #expect(lines.contains { $0 == place }, "\(place)")
    }
  }

  @Test func `leaves other words behind help to the commands`() throws {
    #expect(try ferry.run(["help", "export"], exits: 0).standardOutput.contains("USAGE: ferry export"))
    #expect(try ferry.run(["help"], exits: 0).standardOutput.contains("USAGE: ferry"))
  }

  @Test func `is refused for what there is nothing about`() throws {
    let ran = try ferry.run(["help", "exprot"], exits: 64)
    #expect(ran.standardOutput.isEmpty)
    #expect(ran.standardError.contains("ferry help has nothing about 'exprot'"))
    #expect(
      ran.standardError.contains(
        "list, export, verify, inspect, import, check, environment, exit-status and files"))
  }

  @Test(arguments: [
    ("export", ["FERRY_EXPORT_API_KEY", "REGISTRY_AUTH_FILE", "SSL_CERT_FILE", "https_proxy"]),
    (
      "import", ["FERRY_IMPORT_API_KEY", "NGC_API_KEY", "REGISTRY_AUTH_FILE", "SSL_CERT_FILE", "https_proxy"]
    ),
  ])
  func `names with the options the variables that stand for them`(command: String, names: [String]) throws {
    let help = try ferry.run([command, "--help"], exits: 0).standardOutput
    for name in names { #expect(help.contains(name), "\(name)") }
  }

  @Test func `says what it is made of`() throws {
    let lines = try ferry.run(["--version"], exits: 0).standardOutput.split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines[0].wholeMatch(of: /ferry \d+\.\d+\.\d+, commit (unknown|[0-9a-f]{12}(-dirty)?)/) != nil)
    #expect(lines[1].wholeMatch(of: /linux-\w+, linked dynamically/) != nil)
    for library in ["libcurl/", "OpenSSL/"] { #expect(lines[2].contains(library)) }
    #expect(lines[3].hasPrefix("libarchive "))
  }

  @Test func `is in manual pages as well, for every command`() throws {
    try Command.run("\(PackageDirectory.path)/fixtures/manpages", [ferry.executable, ferry.file("man")])
    let commands = ["list", "export", "verify", "inspect", "import", "check"]
    let pages = try FileManager.default.contentsOfDirectory(atPath: ferry.file("man")).sorted()
    #expect(pages == (["ferry"] + commands.map { "ferry-\($0)" }).map { "\($0).1" }.sorted())
    for page in pages {
      let path = ferry.file("man/\(page)")
      let text = try String(contentsOfFile: path, encoding: .utf8)
      for heading in [
        "NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "ENVIRONMENT", "FILES", "EXIT STATUS",
      ] {
        #expect(text.contains("\n.SH \(heading)\n"), "\(page)")
      }
      let shown = try Command.run(
        "env", ["LC_ALL=C.UTF-8", "MANWIDTH=80", "man", "--warnings", "-E", "UTF-8", "-l", path])
      #expect(shown.contains("FERRY_EXPORT_API_KEY"), "\(page)")
      #expect(!text.contains(Self.swiftValue), "\(page)")
      var warned = Command("man", ["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path])
      warned.environment = ["LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"]
      #expect(try warned.run().standardError == "", "\(page)")
    }
    for command in commands {
      let help = try ferry.run([command, "--help"], exits: 0).standardOutput
      let page = try String(contentsOfFile: ferry.file("man/ferry-\(command).1"), encoding: .utf8)
        .replacing("\\-", with: "-").replacing("\\fB", with: "").replacing("\\fR", with: "")
      for option in Set(help.matches(of: /(?m)^\s+(?:-\w, )?(--[a-z-]+)/).map { String($0.1) }) {
        #expect(page.contains(option), "\(command) \(option)")
      }
    }
  }
}
