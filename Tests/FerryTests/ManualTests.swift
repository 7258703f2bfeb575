import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import ferry

/// The documentation, held against the program: its options, its exit statuses, its reports, and every line that is to be typed.
@Suite(.waiting) struct `The manual` {
  /// What `--experimental-dump-help` tells.
  private struct Dump: Decodable {
    struct Argument: Decodable {
      struct Name: Decodable {
        let kind: String
        let name: String
      }
      let names: [Name]?

      /// As it is typed.
      var options: [String] { (names ?? []).map { $0.kind == "short" ? "-\($0.name)" : "--\($0.name)" } }
    }

    struct Command: Decodable {
      let commandName: String
      let discussion: String?
      let arguments: [Argument]?
      let subcommands: [Command]?
    }

    let command: Command

    static let shared = Result {
      let result = try FerryProcess().run(["--experimental-dump-help"], exits: 0)
      return try JSONDecoder().decode(Dump.self, from: Data(result.output)).command
    }
  }

  private static let commands = ["list", "export", "verify", "inspect", "import", "check"]

  @Test func `has a section for each command`() throws {
    let subcommands = try Dump.shared.get().subcommands ?? []
    #expect(subcommands.map(\.commandName).filter { $0 != "help" }.sorted() == Self.commands.sorted())
    let rows = ManualPage.named("Commands").rows(below: "# Commands and options").map { $0[0] }
    for command in Self.commands { #expect(rows.contains { $0.hasPrefix("`ferry \(command) ") }) }
  }

  @Test(arguments: commands) func `has every option of a command, and no other`(command: String) throws {
    let page = ManualPage.named("Commands")
    func options(in cell: String) -> [String] {
      cell.matches(of: /(?:`| )(--?[a-z][a-z0-9-]*)/).map { String($0.1) }
    }
    let own = page.rows(below: "## \(command.prefix(1).uppercased())\(command.dropFirst())")
    let shared = page.rows(below: "## Options of several commands").filter {
      $0[1].split(separator: " ").contains(Substring(command))
    }
    let documented = Set((own + shared).flatMap { options(in: $0[0].replacing(/\([^)]*\)/, with: "")) })
    let arguments = try #require(
      Dump.shared.get().subcommands?.first { $0.commandName == command }?.arguments)
    let known = Set(arguments.flatMap(\.options)).subtracting(["-h", "--help", "--version"])
    #expect(known.count > 5)
    #expect(known.subtracting(documented).sorted() == [], "not documented")
    #expect(documented.subtracting(known).sorted() == [], "not there")
  }

  @Test func `has every exit status, by its name`() {
    let known = (0...255).compactMap(ExitStatus.init(rawValue:)).map { "\($0.rawValue) `\($0)`" }
    let rows = ManualPage.named("ExitStatuses").rows().dropFirst()
    #expect(rows.map { "\($0[0]) \($0[1])" } == known)
    let chinese = ManualPage.named("MigrationGuideChinese").rows().map { $0[0] }
    for status in known.map({ "`\($0.prefix { $0 != " " })`" }) {
      #expect(chinese.contains(status), "\(status)")
    }
  }

  @Test(arguments: ManualPage.all.filter { $0.path != "CONTRIBUTING.md" })
  func `has no line to type that the program does not take`(page: ManualPage) throws {
    for (number, text) in page.ferryLines {
      for arguments in Self.arguments(in: text) {
        // A terminal is no place for an archive, and tests may run at one.
        if isatty(1) == 1, arguments.contains("-o"), arguments.contains("-") { continue }
        #expect(throws: Never.self, "\(page.path):\(number): \(text)") { try Ferry.parseAsRoot(arguments) }
      }
    }
  }

  @Test func `has examples in its help that the program takes, in 80 columns`() throws {
    let root = try Dump.shared.get()
    let discussions = ([root] + (root.subcommands ?? [])).compactMap(\.discussion)
    let lines = discussions.flatMap { $0.split(separator: "\n") }.filter {
      $0.contains(#/^ *(?:[a-z]+ .*\| )?ferry /#)
    }
    .filter { $0.hasPrefix("  ") && !$0.hasPrefix("  ferry help ") }
    #expect(lines.count > 20)
    for line in lines {
      #expect(line.count <= 80, "\(line)")
      for arguments in Self.arguments(in: String(line)) {
        if isatty(1) == 1, arguments.contains("-o"), arguments.contains("-") { continue }
        #expect(throws: Never.self, "\(line)") { try Ferry.parseAsRoot(arguments) }
      }
    }
  }

  @Test func `has a schema for each report, and the receipts of earlier versions keep to theirs`() throws {
    #expect(
      JSONSchema.names == [
        "check-report", "export-report", "failed-report", "import-report", "inspect-report", "list-report",
        "receipt",
        "verify-report",
      ])
    let path = "\(PackageDirectory.path)/fixtures/golden/1/receipt.json"
    let receipt = try JSONTree(Data(contentsOf: URL(fileURLWithPath: path)))
    #expect(try JSONSchema(named: "receipt").problems(in: receipt) == [])
  }

  /// The arguments of every `ferry` in a line for a shell: what quotes hold is one word, and pipes, redirections and comments
  /// end a command.
  private static func arguments(in line: String) -> [[String]] {
    var commands: [[String]] = [[]]
    var word: String?
    var quote: Character?
    func end() {
      if let word { commands[commands.count - 1].append(word) }
      word = nil
    }
    for character in line {
      switch (character, quote) {
      case (quote, .some): quote = nil
      case (_, .some): word = (word ?? "") + String(character)
      case ("'", nil), ("\"", nil):
        quote = character
        word = word ?? ""
      case (" ", nil): end()
      case ("|", nil), (";", nil), (">", nil),
        ("#", nil) where word == nil:
        end()
        commands.append(character == "|" || character == ";" ? [] : ["", ""])
      default: word = (word ?? "") + String(character)
      }
    }
    end()
    // What stands for a digest that whoever reads it fills in.
    let digest = "sha256:" + String(repeating: "0", count: 64)
    return commands.filter { $0.first == "ferry" }.map { words in
      words.dropFirst().map { $0 == "sha256:THE_DIGEST_YOU_WROTE_DOWN" ? digest : $0 }
    }
  }
}
