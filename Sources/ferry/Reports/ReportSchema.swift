import FoundationEssentials

/// The kinds of reports, by what each says that it is.
enum ReportSchema: String, Codable {
  case export = "ferry/export-report/v1"
  case `import` = "ferry/import-report/v1"
  case verify = "ferry/verify-report/v1"
  case inspect = "ferry/inspect-report/v1"
  case list = "ferry/list-report/v1"
  case failed = "ferry/failed-report/v1"

  private var report: any Codable.Type {
    switch self {
    case .export: ExportReport.self
    case .import: ImportReport.self
    case .verify: VerifyReport.self
    case .inspect: InspectReport.self
    case .list: ListReport.self
    case .failed: FailedReport.self
    }
  }

  /// Whether all of `bytes` is one report as Ferry writes it: read and written again it is the same, byte by byte. So
  /// there is nothing in it, before it or behind it that is somebody else's, not even one field.
  static func isReport(_ bytes: [UInt8]) throws -> Bool {
    struct Head: Decodable { let schema: ReportSchema }
    let (decoder, data) = (JSONDecoder(), Data(bytes))
    let report = try decoder.decode(decoder.decode(Head.self, from: data).schema.report, from: data)
    return try Reports.document(report).elementsEqual(bytes)
  }
}
