import Foundation
import TestSupport
import Testing

/// A JSON report of ferry's, held against what every report has.
struct Report {
  let fields: [String: Any]

  /// Reads standard output, all of which has to be one report.
  init(_ result: CommandResult) throws { try self.init(Data(result.output)) }

  /// Reads a file that `--report` wrote.
  init(file: String) throws { try self.init(Data(contentsOf: URL(fileURLWithPath: file))) }

  private init(_ data: Data) throws {
    fields = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    let schema = try #require(fields["schema"] as? String)
    #expect(schema.wholeMatch(of: /ferry\/[a-z]+-report\/v1/) != nil)
    #expect((fields["ferry"] as? String)?.isEmpty == false)
    let name = String(schema.dropFirst("ferry/".count).dropLast("/v1".count))
    #expect(try JSONSchema(named: name).problems(in: JSONTree(data)) == [])
  }

  func string(_ name: String) -> String? { fields[name] as? String }
  func number(_ name: String) -> Int? { fields[name] as? Int }
  func objects(_ name: String) -> [[String: Any]] { fields[name] as? [[String: Any]] ?? [] }

  /// The field `name` of every object in the list `list`.
  func strings(_ list: String, _ name: String) throws -> [String] {
    try objects(list).map { try #require($0[name] as? String) }
  }
}
