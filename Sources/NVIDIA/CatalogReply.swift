import Images

/// One list as both services write it: an array under a key of its own.
protocol CatalogReply: Decodable {
  associatedtype Entry: CatalogEntry
  /// nil where the key is absent: NGC leaves it out when there are none
  /// (ngc-container-replicator issue #13).
  var elements: [Lenient<Entry>]? { get }
  var paginationInfo: Lenient<PaginationInfo>? { get }
  var requestStatus: Lenient<RequestStatus>? { get }
}

/// Part of NGC's lists elsewhere. Nobody has seen it here; if it turns up, something may be missing.
struct PaginationInfo: Decodable {
  let totalPages: Int?
  let totalResults: Int?

  /// How many further pages there are, when this one has `count` entries. What cannot be read counts as one.
  static func missingPages(_ info: Lenient<Self>?, behind count: Int) -> Int {
    guard let info else { return 0 }
    guard let value = info.value else { return 1 }
    if let pages = value.totalPages, pages > 1 { return pages - 1 }
    return (value.totalResults ?? 0) > count ? 1 : 0
  }
}

/// What NGC says of the request itself, beside the list.
struct RequestStatus: Decodable {
  let statusCode: String

  var isSuccess: Bool { statusCode == "SUCCESS" }
}

/// One element of a list.
protocol CatalogEntry: Decodable {
  associatedtype Element: Sendable
  /// The name the element is told from others by; nil when it has none.
  var key: String? { get }
  /// What it describes under `key`; nil when nothing can have that name.
  func element(_ key: String) -> Element?
}

/// The repositories, which both services list in one form.
struct RepositoryList: CatalogReply {
  let repositories: [Lenient<RepositoryEntry>]?
  let paginationInfo: Lenient<PaginationInfo>?
  let requestStatus: Lenient<RequestStatus>?
  var elements: [Lenient<RepositoryEntry>]? { repositories }
}

struct RepositoryEntry: CatalogEntry {
  let namespace: Lenient<String>?
  let name: Lenient<String>?
  let description: Lenient<String>?
  let isPublic: Lenient<Bool>?
  let isReadOnly: Lenient<Bool>?

  var key: String? {
    guard let namespace = namespace.value(), let name = name.value() else { return nil }
    return "\(namespace)/\(name)"
  }

  func element(_ key: String) -> NVIDIARepository? {
    guard RepositoryName.isValid(key) else { return nil }
    return NVIDIARepository(
      path: key, description: description.value(), isPublic: isPublic.value(),
      isReadOnly: isReadOnly.value())
  }
}

/// A JSON value that is nil when it has another type: only names are worth failing for.
struct Lenient<Value: Decodable>: Decodable {
  let value: Value?

  init(from decoder: any Decoder) {
    value = try? Value(from: decoder)
  }
}

extension Optional {
  /// The value, if it is there and has its type.
  func value<Value>() -> Value? where Wrapped == Lenient<Value> {
    flatMap(\.value)
  }
}

/// The dates of the REST services: ISO 8601 with up to nine digits of a second.
enum ServiceDate {
  /// `text` itself when it has the characters and the length of such a date, else nil.
  static func checked(_ text: String?) -> String? {
    guard let text, (10...40).contains(text.utf8.count) else { return nil }
    let hasDate = zip("dddd-dd-dd".utf8, text.utf8).allSatisfy { mark, byte in
      mark == UInt8(ascii: "d") ? isDigit(byte) : byte == mark
    }
    let isRestSound = text.utf8.dropFirst(10).allSatisfy { isDigit($0) || "TZ:.+-".utf8.contains($0) }
    return hasDate && isRestSound ? text : nil
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
