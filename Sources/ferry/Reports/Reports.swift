import FoundationEssentials

/// The JSON that `--json` prints and `--report` writes. Each report names its schema and version; a field may
/// be added within a version, none is taken away or changes its meaning.
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

  /// Prints the report where `json` asks for it, and writes it to `path` where one is given.
  static func deliver(
    _ report: some Encodable, to path: String?, json: Bool, _ console: Console
  ) throws {
    guard json || path != nil else { return }
    let text = try text(report)
    if let path {
      do {
        try Data((text + "\n").utf8).write(to: URL(filePath: path), options: .atomic)
      } catch {
        throw Unwritable(path: path)
      }
    }
    if json { console.document(text) }
  }
}
