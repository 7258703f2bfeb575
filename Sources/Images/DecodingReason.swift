extension Error {
  /// Where in a JSON text decoding failed and why, in words for a person.
  public var jsonReason: String {
    if let fault = self as? DocumentFault { return fault.reason }
    guard let error = self as? DecodingError else { return "it is not JSON" }
    let path: ([any CodingKey]) -> String = { keys in
      keys.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined().drop { $0 == "." }
        .description
    }
    switch error {
    case .keyNotFound(let key, let context):
      return "the field '\(path(context.codingPath + [key]))' is missing"
    case .valueNotFound(_, let context):
      return "the field '\(path(context.codingPath))' is empty"
    case .typeMismatch(_, let context):
      return "the field '\(path(context.codingPath))' has the wrong type"
    case .dataCorrupted(let context):
      return context.codingPath.isEmpty
        ? "it is not JSON" : "the field '\(path(context.codingPath))' is invalid"
    @unknown default:
      return "it is not what it should be"
    }
  }
}
