import Files
import FoundationEssentials
import Glibc
import Images
import Transfers

/// The JSON that `--json` prints, and what `--report` writes: the same JSON, or a page where the file's name ends
/// in `.html`. Each report names its schema and version; a field may be added within a version, none is taken
/// away or changes its meaning.
enum Reports {
  /// Gives `body` the report's text, piece by piece: it may be larger than all that it is made of. Throws what `body`
  /// throws.
  static func write(_ report: some Encodable, to body: ([UInt8]) throws -> Void) throws {
    try DocumentText.write(report) { try body(escaped($0)) }
  }

  /// The same JSON, with an escape for each character that a terminal would obey. The encoder writes those below the
  /// blank so; the others stand within strings alone.
  private static func escaped(_ json: [UInt8]) -> [UInt8] {
    guard json.contains(where: { $0 >= 0x7F }) else { return json }
    var text = ""
    for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
      guard scalar.value >= 0x7F, !scalar.isHarmless else {
        text.unicodeScalars.append(scalar)
        continue
      }
      for unit in String(scalar).utf16 {
        let hex = String(unit, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      }
    }
    return Array(text.utf8)
  }

  /// Prints the report where `json` asks for it, and writes it, or `page`, to `path` where one is given. Neither is made
  /// before that: of an archive with many problems each is large.
  static func deliver<Report: Encodable>(
    _ report: @autoclosure () -> Report, page: @autoclosure () -> ReportPage, to path: String?, json: Bool,
    _ console: Console
  ) throws {
    if json { try console.document { try write(report(), to: $0) } }
    guard let path else { return }
    func content(to body: ([UInt8]) throws -> Void) throws {
      if isPage(path) {
        try page().write(hiding: console.hidingInDocument, to: body)
      } else {
        try write(report()) { try body(console.hidingInDocument($0)) }
      }
    }
    do {
      if Paths.isSpecial(path) {
        try write(into: path, content)
      } else {
        try AtomicFile.replace(path, where: isReport, content)
      }
    } catch let error as FileError {
      throw FerryError.unwritableReport(path: path, error)
    }
  }

  /// Makes sure, before anything is asked or moved, that a report can be written to `path`, in place of an earlier report
  /// at most. Leaves nothing. Throws ``FerryError/unwritableReport(path:_:)``.
  static func checkWritable(_ path: String?) throws {
    guard let path else { return }
    do throws(FileError) {
      guard Paths.isSpecial(path) else { return try AtomicFile.checkReplacing(path, where: isReport) }
      guard unsafe access(path, W_OK) == 0 else { throw .file(.write, path: path, code: errno) }
    } catch {
      throw FerryError.unwritableReport(path: path, error)
    }
  }

  /// A device or a pipe is written to, not replaced.
  private static func write(into path: String, _ content: (([UInt8]) throws -> Void) throws -> Void) throws {
    let descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.file(.write, path: path, code: errno) }
    defer { close(descriptor) }
    let stream = OutputStream(descriptor: descriptor, name: path)
    try content { try unsafe stream.write($0.span.bytes) }
  }

  /// Whether a file is a report that an earlier run wrote, in either form, and nothing else; or nothing at all, as what mktemp
  /// makes for it.
  private static func isReport(_ file: DataFile) -> Bool {
    file.isEmpty || (try? ReportPage.isPage(file)) ?? false || (try? ReportSchema.isReport(file)) ?? false
  }

  /// Whether a report of that name is to be read by people.
  private static func isPage(_ path: String) -> Bool {
    let name = path.lowercased()
    return name.hasSuffix(".html") || name.hasSuffix(".htm")
  }
}

/// The kinds of reports, by what each says that it is.
enum ReportSchema: String, Codable {
  case export = "ferry/export-report/v1"
  case `import` = "ferry/import-report/v1"
  case verify = "ferry/verify-report/v1"
  case inspect = "ferry/inspect-report/v1"
  case list = "ferry/list-report/v1"
  case check = "ferry/check-report/v1"
  case failed = "ferry/failed-report/v1"

  private var report: any Codable.Type {
    switch self {
    case .export: ExportReport.self
    case .import: ImportReport.self
    case .verify: VerifyReport.self
    case .inspect: InspectReport.self
    case .list: ListReport.self
    case .check: CheckReport.self
    case .failed: FailedReport.self
    }
  }

  /// Whether all of `file` is one report as Ferry writes it: read and written again it is the same, byte by byte. So there
  /// is nothing in it, before it or behind it that is somebody else's, not even one field. Throws when it is none at all.
  static func isReport(_ file: DataFile) throws -> Bool {
    struct Head: Decodable { let schema: ReportSchema }
    func holds<Report: Codable>(_ type: Report.Type) throws -> Bool {
      let report = try FerryDocument.read(type, from: file)
      return try FerryDocument.holds(file) { try Reports.write(report, to: $0) }
    }
    return try holds(FerryDocument.read(Head.self, from: file).schema.report)
  }
}

/// What a command writes when its work is done: each file is tried, whatever became of the others, and none that cannot be
/// written hides what was done.
struct ClosingFiles {
  private var errors: [any Error] = []

  mutating func write(_ work: () throws -> Void) {
    do { try work() } catch { errors.append(error) }
  }

  /// Throws ``FerryError/unwrittenFiles(_:)`` when something was not written.
  func check() throws(FerryError) {
    guard errors.isEmpty else { throw .unwrittenFiles(errors) }
  }
}
