import Foundation

/// A JSON document as it stands, so that `true` is not 1.
public enum JSONTree: Decodable, Hashable, Sendable {
  case object([String: JSONTree])
  case array([JSONTree])
  case string(String)
  case number(Double)
  case bool(Bool)
  case null

  public init(_ bytes: Data) throws { self = try JSONDecoder().decode(JSONTree.self, from: bytes) }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONTree].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONTree].self))
    }
  }

  public subscript(_ name: String) -> JSONTree? {
    if case .object(let fields) = self { fields[name] } else { nil }
  }

  public var fields: [String: JSONTree] { if case .object(let fields) = self { fields } else { [:] } }
  public var text: String? { if case .string(let text) = self { text } else { nil } }
  public var elements: [JSONTree] { if case .array(let elements) = self { elements } else { [] } }
}

/// One of the JSON Schemas of Ferry's documentation, as far as these go.
///
/// It is stricter than a validator of others: a field that the schema does not have is a problem, though readers are to
/// ignore it. So no field can come without its description.
public struct JSONSchema: Sendable {
  public let root: JSONTree

  public init(_ root: JSONTree) { self.root = root }

  /// The schema of what says that it is `ferry/NAME/v1`.
  public init(named name: String) throws {
    let path = "\(PackageDirectory.path)/\(ManualPage.catalogue)/Resources/\(name).schema.json"
    root = try JSONTree(Data(contentsOf: URL(fileURLWithPath: path)))
  }

  /// The names of all schemas.
  public static var names: [String] {
    let directory = "\(PackageDirectory.path)/\(ManualPage.catalogue)/Resources"
    let files = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return files.filter { $0.hasSuffix(".schema.json") }.map { String($0.dropLast(".schema.json".count)) }
      .sorted()
  }

  /// What is wrong with a document; nothing when it is as the schema says.
  public func problems(in document: JSONTree) -> [String] { problems(in: document, by: root, at: "$") }

  private func problems(in value: JSONTree, by schema: JSONTree, at path: String) -> [String] {
    var found: [String] = []
    for (keyword, operand) in schema.fields.sorted(by: { $0.key < $1.key }) {
      switch keyword {
      case "$schema", "$defs", "title", "description", "additionalProperties": break
      case "$ref":
        let name = operand.text?.split(separator: "/").last.map(String.init) ?? ""
        guard let definition = root["$defs"]?[name] else {
          found.append("\(path): no definition \(name)")
          break
        }
        found += problems(in: value, by: definition, at: path)
      case "const":
        if value != operand { found.append("\(path) is \(value), not \(operand)") }
      case "enum":
        if !operand.elements.contains(value) {
          found.append("\(path) is \(value), none of \(operand.elements)")
        }
      case "type":
        if !Self.isOf(operand.text ?? "", value) {
          found.append("\(path) is not of type \(operand.text ?? "")")
        }
      case "required":
        for name in operand.elements.compactMap(\.text) where value[name] == nil {
          found.append("\(path).\(name) is missing")
        }
      case "items":
        for (index, element) in value.elements.enumerated() {
          found += problems(in: element, by: operand, at: "\(path)[\(index)]")
        }
      case "properties":
        for (name, field) in value.fields.sorted(by: { $0.key < $1.key }) {
          if let property = operand[name] {
            found += problems(in: field, by: property, at: "\(path).\(name)")
          } else {
            found.append("\(path).\(name) is not in the schema")
          }
        }
      default: found.append("\(path): the keyword \(keyword) is not understood")
      }
    }
    if let others = schema["additionalProperties"], schema["properties"] == nil {
      for (name, field) in value.fields { found += problems(in: field, by: others, at: "\(path).\(name)") }
    }
    return found
  }

  private static func isOf(_ type: String, _ value: JSONTree) -> Bool {
    switch (type, value) {
    case ("object", .object), ("array", .array), ("string", .string), ("boolean", .bool): true
    case ("integer", .number(let number)): number == number.rounded()
    default: false
    }
  }
}
