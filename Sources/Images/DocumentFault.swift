/// Why a JSON document does not say one thing to all its readers. A path names a key as a person would write it:
/// `layers[2].digest`.
public enum DocumentFault: Error, Hashable, Sendable {
  /// No JSON from this byte on.
  case malformed(at: Int)
  /// The document has ended, and something follows at this byte.
  case surplus(at: Int)
  /// A key that occurs twice in its object.
  case repeatedKey(String)
  /// A key that readers take for another one of the same object, spelled otherwise.
  case twoSpellings(String, other: String)
  /// A key that some readers take for one that a specification defines, and others for nothing.
  case misspelled(String, meant: String)
  /// A key at this byte that is not text in Unicode.
  case unreadableKey(at: Int)
  /// A number with a fraction or an exponent where a whole one belongs.
  case notWhole(String)
  case tooDeep
  case tooManyKeys

  /// In words for a person.
  var reason: String {
    switch self {
    case .malformed: "it is not JSON"
    case .surplus(let offset): "something follows behind the JSON, at byte \(offset)"
    case .repeatedKey(let path): "the field '\(path)' is there twice, and readers differ in which they take"
    case .twoSpellings(let path, let other):
      "the field '\(path)' is there as '\(other)' too, and readers differ in which they take"
    case .misspelled(let path, let meant):
      "the field '\(path)' is '\(meant)' to some readers and unknown to others"
    case .unreadableKey(let offset): "the name of a field is not text, at byte \(offset)"
    case .notWhole(let path): "the field '\(path)' is no whole number"
    case .tooDeep: "it nests too deeply"
    case .tooManyKeys: "it has more fields than any such document"
    }
  }
}

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
