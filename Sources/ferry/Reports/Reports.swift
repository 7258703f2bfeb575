import FoundationEssentials

/// The JSON that `--json` prints, and what `--report` writes: the same JSON, or a page where the file's name ends
/// in `.html`. Each report names its schema and version; a field may be added within a version, none is taken
/// away or changes its meaning.
enum Reports {
  /// A report could not be written where `--report` said.
  struct Unwritable: Error, Hashable {
    let path: String
  }

  static func text(_ report: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(report), as: UTF8.self)
  }

  /// Prints the report where `json` asks for it, and writes it, or `page`, to `path` where one is given.
  static func deliver(
    _ report: some Encodable, page: @autoclosure () -> ReportPage, to path: String?, json: Bool,
    _ console: Console
  ) throws {
    guard json || path != nil else { return }
    let text = try text(report)
    if let path {
      do {
        let content = isPage(path) ? page().text : text + "\n"
        // Whole or not at all; but a device or a pipe is written to, not replaced.
        try Data(content.utf8).write(to: URL(filePath: path), options: Paths.isSpecial(path) ? [] : .atomic)
      } catch {
        throw Unwritable(path: path)
      }
    }
    if json { console.document(text) }
  }

  /// Whether a report of that name is to be read by people.
  private static func isPage(_ path: String) -> Bool {
    let name = path.lowercased()
    return name.hasSuffix(".html") || name.hasSuffix(".htm")
  }
}
