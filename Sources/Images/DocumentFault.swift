public import Digests

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
  /// More values and keys than a document of its kind may have.
  case tooManyValues(limit: Int)
  /// A text of more bytes than one may have.
  case textTooLong(limit: Int)

  /// Whether it may be sound, and costs more than is spent on any.
  public var isOfBounds: Bool {
    switch self {
    case .tooDeep, .tooManyKeys, .tooManyValues, .textTooLong: true
    default: false
    }
  }
}

/// How much a document may hold beside how long it may be. A decoder keeps about thirty bytes for each value, and what is made
/// of it again as much: `[0,0,…]` would take a hundred times the memory of a text as long.
public struct DocumentBounds: Sendable {
  /// The most values and keys, all levels together.
  public let mostValues: Int
  /// The most keys of objects that are open at once.
  let mostKeys: Int
  /// The longest text, in bytes as it is written.
  public let longestText: Int

  init(mostValues: Int, mostKeys: Int = 1 << 16, longestText: Int = 4 << 20) {
    self.mostValues = mostValues
    self.mostKeys = mostKeys
    self.longestText = longestText
  }

  /// A manifest or a config. Images have some hundreds of values, and some tens of labels and annotations: these are enough for
  /// as many layers or platforms as a manifest has room for, an artifact of 20,000 named files among them.
  public static let image = DocumentBounds(mostValues: 1 << 18, mostKeys: 1 << 14)
  /// An answer, a receipt, a line of a journal.
  public static let usual = DocumentBounds(mostValues: 1 << 19)
  /// The lists of an archive, of tens of thousands of images.
  public static let lists = DocumentBounds(mostValues: 1 << 20)
}

/// Why a JSON text is not what is read from it. A path names a key as those of ``DocumentFault`` do.
public enum JSONFault: Error, Hashable, Sendable {
  /// It is no JSON.
  case notJSON
  /// It does not say one thing to all its readers.
  case document(DocumentFault)
  /// A key that must be there is not.
  case missing(String)
  /// null, or nothing, where something must be.
  case empty(String)
  /// A value of another type than the one that is read.
  case wrongType(String)
  /// A value that is none of those that can stand there.
  case invalid(String)
  /// A value that is no digest, or none that can be computed.
  case notADigest(String, DigestError)
  /// What no decoder says today.
  case other
}

extension Error {
  /// Why decoding JSON failed with this.
  public var jsonFault: JSONFault {
    if let fault = self as? DocumentFault { return .document(fault) }
    guard let error = self as? DecodingError else { return .notJSON }
    let path: ([any CodingKey]) -> String = { keys in
      keys.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined().drop { $0 == "." }
        .description
    }
    switch error {
    case .keyNotFound(let key, let context): return .missing(path(context.codingPath + [key]))
    case .valueNotFound(_, let context): return .empty(path(context.codingPath))
    case .typeMismatch(_, let context): return .wrongType(path(context.codingPath))
    case .dataCorrupted(let context):
      if let error = context.underlyingError as? DigestError {
        return .notADigest(path(context.codingPath), error)
      }
      return context.codingPath.isEmpty ? .notJSON : .invalid(path(context.codingPath))
    @unknown default: return .other
    }
  }
}
