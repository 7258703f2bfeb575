/// Any JSON value as text for a person: `Type=repository, Action=push`.
struct JSONText: Decodable {
  let text: String

  /// How many members of an object or elements of an array are shown.
  private static let most = 16

  init(from decoder: any Decoder) throws {
    if let object = try? decoder.container(keyedBy: AnyKey.self) {
      text = object.allKeys.sorted { $0.stringValue < $1.stringValue }.prefix(Self.most)
        .compactMap { key in
          (try? object.decode(JSONText.self, forKey: key)).flatMap {
            $0.text.isEmpty ? nil : "\(key.stringValue)=\($0.text)"
          }
        }
        .joined(separator: ", ")
    } else if var array = try? decoder.unkeyedContainer() {
      var parts: [String] = []
      while !array.isAtEnd, parts.count < Self.most { parts.append(try array.decode(JSONText.self).text) }
      text = parts.joined(separator: "; ")
    } else {
      let value = try decoder.singleValueContainer()
      if value.decodeNil() {
        text = ""
      } else if let string = try? value.decode(String.self) {
        text = string
      } else if let truth = try? value.decode(Bool.self) {
        text = truth ? "true" : "false"
      } else if let whole = try? value.decode(Int64.self) {
        text = String(whole)
      } else {
        text = String(try value.decode(Double.self))
      }
    }
  }

  private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}
