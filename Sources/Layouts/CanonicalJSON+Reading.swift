/// Any JSON whose numbers are whole, as those of manifests are.
extension CanonicalJSON: Decodable {
  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let members = try? value.decode([String: CanonicalJSON].self) {
      self = .object(members)
    } else if let elements = try? value.decode([CanonicalJSON].self) {
      self = .array(elements)
    } else if let text = try? value.decode(String.self) {
      self = .string(text)
    } else if let number = try? value.decode(Int64.self) {
      self = .integer(number)
    } else if let isTrue = try? value.decode(Bool.self) {
      self = .boolean(isTrue)
    } else if value.decodeNil() {
      self = .null
    } else {
      throw DecodingError.dataCorruptedError(
        in: value, debugDescription: "it holds a number that cannot be kept as it is")
    }
  }

  var text: String? { if case .string(let text) = self { text } else { nil } }
  var elements: [CanonicalJSON]? { if case .array(let elements) = self { elements } else { nil } }
  var members: [String: CanonicalJSON]? { if case .object(let members) = self { members } else { nil } }
}
