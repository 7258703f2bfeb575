import Foundation
import TestSupport
import Testing

/// What the pages of the documentation say of each other, and of what can be read in the sources.
@Suite struct `The documentation` {
  private static let catalogue = ManualPage.all.filter { $0.path.hasPrefix(ManualPage.catalogue) }

  @Test func `begins with a README that is read in five minutes`() throws {
    #expect(ManualPage.named("README").lines.joined(separator: "\n").utf8.count <= 14 << 10)
    #expect(Self.catalogue.count > 20)
  }

  @Test(arguments: ManualPage.all) func `links to what is there`(page: ManualPage) {
    for (number, target) in page.links {
      let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(
        String.init)
      let directory = page.path.split(separator: "/").dropLast().joined(separator: "/")
      let base = URL(fileURLWithPath: "\(PackageDirectory.path)/\(directory)", isDirectory: true)
      let file =
        parts[0].isEmpty
        ? "\(PackageDirectory.path)/\(page.path)" : base.appendingPathComponent(parts[0]).standardized.path
      #expect(FileManager.default.fileExists(atPath: file), "\(page.path):\(number): \(target)")
      guard parts.count == 2, let linked = ManualPage.all.first(where: { file.hasSuffix("/\($0.path)") })
      else { continue }
      #expect(
        linked.anchors.contains(parts[1].removingPercentEncoding ?? parts[1]),
        "\(page.path):\(number): \(target)")
    }
  }

  @Test func `is found from its first page`() {
    let first = Set(ManualPage.named("ferry").links.map { $0.target.prefix { $0 != "#" } })
    for page in Self.catalogue where !page.path.hasSuffix("/ferry.md") {
      let name = page.path.split(separator: "/").last ?? ""
      #expect(first.contains(name), "\(page.path)")
      #expect(page.lines.first?.hasPrefix("# ") == true, "\(page.path)")
    }
  }

  @Test(arguments: ManualPage.all) func `has no line of code that breaks at 80 columns`(page: ManualPage) {
    guard page.path != "CONTRIBUTING.md" else { return }
    // JSON on one line is no line to type.
    for (number, text) in page.code where !text.hasPrefix("{") {
      #expect(text.count <= 80, "\(page.path):\(number): \(text)")
    }
  }

  @Test func `says the same in Chinese, command by command`() {
    let english = ManualPage.named("DGXToNGC").ferryLines.map(\.text)
    #expect(english.count > 10)
    #expect(ManualPage.named("MigrationGuideChinese").ferryLines.map(\.text) == english)
    let elsewhere = Set((ManualPage.named("README").code + ManualPage.named("DGXToNGC").code).map(\.text))
    for (number, text) in ManualPage.named("MigrationGuideChinese").code {
      #expect(elsewhere.contains(text), "\(number): \(text)")
    }
    // The short way is the long one without its detours.
    let short = ManualPage.named("README").ferryLines.map(\.text).filter {
      $0.contains("nvcr.io") || $0.contains("fleet.tar")
    }
    #expect(short.count > 5)
    #expect(short.filter { !english.contains($0) } == [])
  }

  /// Whoever pastes the block as a whole must not have its own lines taken for a key.
  @Test(arguments: ["README", "DGXToNGC", "MigrationGuideChinese"])
  func `has keys typed that no pasted line can stand in for`(name: String) throws {
    let lines = ManualPage.named(name).code
    let first = try #require(lines.first { $0.text.hasPrefix("(umask 077") })
    var block: [String] = []
    for (number, text) in lines where number == first.number + block.count { block.append(text) }
    let directory = TemporaryDirectory()
    var shell = Command("bash")
    shell.directory = directory.path
    shell.input = Array((block + ["old secret", "new secret", ""]).joined(separator: "\n").utf8)
    #expect(try shell.run().standardError == "")
    for side in ["old", "new"] {
      #expect(
        try String(contentsOfFile: directory.file("\(side).key"), encoding: .utf8) == "\(side) secret\n")
      let attributes = try FileManager.default.attributesOfItem(atPath: directory.file("\(side).key"))
      #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
  }

  @Test func `knows every variable of the environment`() throws {
    let source = try String(
      contentsOfFile: "\(PackageDirectory.path)/Sources/Credentials/Environment.swift", encoding: .utf8)
    let known = Set(source.matches(of: /(?m)^  case \w+ = "(\w+)"$/).map { String($0.1) })
    #expect(known.count > 20)
    let rows = ManualPage.named("Environment").rows()
    let named = Set(rows.flatMap { $0[0].matches(of: /`([A-Za-z_]+)`/).map { String($0.1) } })
    #expect(named == known)
  }

  /// A row is of no use when the program says something else by now.
  @Test func `explains only what Ferry says`() throws {
    let said = Self.said
    for row in ManualPage.named("Troubleshooting").rows() where row[0] != "Ferry says" {
      for quoted in row[0].matches(of: /`([^`]+)`/).map({ String($0.1) }) where !quoted.hasPrefix("ferry ") {
        // What stands for names, addresses, numbers and units.
        let pieces = quoted.split(
          separator:
            /…|nvcr\.io|fleet\.tar(?:\.\w+)?|sha256:|\d+(?:\.\d+)?|FERRY_\w+|MiB|GiB|\bDIR\b|bzip2|zstd|\bgzip\b|warning:|_UNKNOWN/
        )
        for piece in pieces.map({ $0.trimmingCharacters(in: CharacterSet(charactersIn: " ,:'()")) })
        where piece.count >= 6 {
          let isSaid = said.contains(piece)
          #expect(isSaid, "\(quoted): nothing says '\(piece)'")
        }
      }
    }
  }

  /// All lines of the sources, without comments, and of the tests: literals joined where they span lines.
  private static let said: String = {
    let tests =
      FileManager.default.enumerator(atPath: "\(PackageDirectory.path)/Tests")?
      .compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") } ?? []
    let texts = tests.compactMap {
      try? String(contentsOfFile: "\(PackageDirectory.path)/Tests/\($0)", encoding: .utf8)
    }
    let lines = SourceFile.all.flatMap(\.lines) + texts.flatMap { $0.split(separator: "\n") }
    var said = ""
    for line in lines {
      let line = line.drop { $0 == " " }
      if line.hasPrefix("//") { continue }
      if said.hasSuffix("\""), line.hasPrefix("+ \"") {
        said.removeLast()
        said += line.dropFirst(3)
      } else if said.hasSuffix("\\") {
        said.removeLast()
        said += line
      } else {
        said += "\n" + line
      }
    }
    return said
  }()

  @Test(arguments: JSONSchema.names) func `describes each field as its schema does`(name: String) throws {
    let page = ManualPage.named("Reports")
    let schema = try JSONSchema(named: name)
    let title = try #require(schema.root["title"]?.text)
    #expect(page.links.contains { $0.target == "Resources/\(name).schema.json" })
    let rows = page.rows(below: "### \(title)")
    #expect(rows.dropFirst().map { $0.joined(separator: " ") } == Self.fields(of: schema, on: page))
    for (shared, definition) in schema.root["$defs"]?.fields ?? [:] {
      guard let start = page.lines.firstIndex(where: { $0.hasPrefix("**`\(shared)`**") }) else { continue }
      let section = page.lines[start...].drop { !$0.hasPrefix("|") }.prefix { $0.hasPrefix("|") }.dropFirst(2)
      let described = definition["properties"]?.fields.map {
        "| `\($0.key)\(Self.suffix($0.value))` | \($0.value["description"]?.text ?? "") |"
      }
      #expect(Set(section) == Set(described ?? []), "\(shared)")
    }
  }

  private static func suffix(_ property: JSONTree) -> String { property["type"]?.text == "array" ? "[]" : "" }

  /// What the table of a report has to have, in any order but sorted here by the page's own.
  private static func fields(of schema: JSONSchema, on page: ManualPage) -> [String] {
    var found: [String] = []
    func walk(_ object: JSONTree, _ prefix: String) {
      for (name, property) in object["properties"]?.fields ?? [:] {
        if prefix.isEmpty, ["schema", "ferry"].contains(name) { continue }
        let path = prefix + name + suffix(property)
        found.append("`\(path)` \(property["description"]?.text ?? "")")
        let reference = (property["$ref"] ?? property["items"]?["$ref"])?.text?.split(separator: "/").last
        guard let reference, !page.lines.contains(where: { $0.hasPrefix("**`\(reference)`**") }) else {
          continue
        }
        if let definition = schema.root["$defs"]?[String(reference)] { walk(definition, path + ".") }
      }
    }
    walk(schema.root, "")
    let order = page.rows(below: "### \(schema.root["title"]?.text ?? "")").map { $0.joined(separator: " ") }
    return found.sorted { order.firstIndex(of: $0) ?? .max < order.firstIndex(of: $1) ?? .max }
  }
}
