/// Header fields in their order. Names are compared without case; a name may stand more than once.
public struct HTTPHeaders: Hashable, Sendable {
  struct Field: Hashable {
    let name: String
    var value: String
  }

  private(set) var fields: [Field] = []

  public init() {}

  /// The first value of `name`.
  public subscript(name: String) -> String? {
    fields.first { Self.areEqual($0.name, name) }?.value
  }

  /// All values of `name` in their order.
  public func values(of name: String) -> [String] {
    fields.filter { Self.areEqual($0.name, name) }.map(\.value)
  }

  /// Appends a field, beside others of its name.
  public mutating func add(_ name: String, _ value: String) {
    fields.append(Field(name: name, value: value))
  }

  /// Makes `value` the only one of `name`.
  public mutating func set(_ name: String, _ value: String) {
    remove(name)
    add(name, value)
  }

  public mutating func remove(_ name: String) {
    fields.removeAll { Self.areEqual($0.name, name) }
  }

  /// Continues the last field's value, as folded header lines do (RFC 9112, 5.2).
  fileprivate mutating func continueLast(_ value: String) {
    guard let last = fields.indices.last else { return }
    fields[last].value += " " + value
  }

  /// All names as they were given, in order and with repetitions.
  var names: [String] { fields.map(\.name) }

  /// Names are ASCII (RFC 9110, 5.1): no other letters have a case here.
  static func areEqual(_ left: String, _ right: String) -> Bool {
    left.utf8.count == right.utf8.count && zip(left.utf8, right.utf8).allSatisfy { lower($0) == lower($1) }
  }

  private static func lower(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }
}

extension HTTPHeaders: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, String)...) {
    for (name, value) in elements { add(name, value) }
  }
}

extension HTTPHeaders: CustomStringConvertible, CustomDebugStringConvertible {
  /// The names alone: values may be secrets.
  public var description: String { names.joined(separator: ", ") }
  public var debugDescription: String { description }
}

/// The head of an answer, line by line as it arrives. Interim answers (1xx) are passed over.
struct ResponseHead {
  private(set) var status = 0
  private(set) var headers = HTTPHeaders()
  /// Whether the final answer's head has ended; what follows are trailers, which mean nothing here.
  private(set) var isComplete = false
  private var size = 0
  /// How many interim answers have begun.
  private(set) var interimAnswers = 0

  /// Whether what comes now is an interim answer.
  var isInterim: Bool { (100..<200).contains(status) }

  /// Far beyond any server that says that it is still at work, a second each.
  static let mostInterimAnswers = 100

  /// The most a server may send before its body, over all interim answers, in bytes.
  static let limit = 256 << 10

  /// Takes one line with its line end. False when the head is too long.
  mutating func take(_ line: RawSpan) -> Bool {
    guard line.byteCount <= Self.limit - size else { return false }
    size += line.byteCount
    guard !isComplete else { return true }
    let text = unsafe line.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    let content = text.drop { $0 == "\r\n" || $0 == "\n" || $0 == "\r" }
    if content.isEmpty {
      isComplete = status >= 200
    } else if text.hasPrefix("HTTP/") {
      status = Self.status(of: text) ?? 0
      if isInterim { interimAnswers += 1 }
      headers = HTTPHeaders()
    } else if text.first == " " || text.first == "\t" {
      headers.continueLast(Self.trim(text[...]))
    } else if let colon = text.firstIndex(of: ":") {
      headers.add(Self.trim(text[..<colon]), Self.trim(text[text.index(after: colon)...]))
    }
    return true
  }

  private static func status(of line: String) -> Int? {
    let words = line.split(maxSplits: 2) { $0.isWhitespace }
    guard words.count >= 2, words[1].utf8.count == 3 else { return nil }
    return UInt16(words[1]).map(Int.init)
  }

  private static func trim(_ text: Substring) -> String {
    guard let first = text.firstIndex(where: { !$0.isWhitespace }),
      let last = text.lastIndex(where: { !$0.isWhitespace })
    else { return "" }
    return String(text[first...last])
  }
}
