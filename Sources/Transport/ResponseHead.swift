/// The head of an answer, line by line as it arrives. Interim answers (1xx) are passed over.
struct ResponseHead {
  private(set) var status = 0
  private(set) var headers = HTTPHeaders()
  /// Whether the final answer's head has ended; what follows are trailers, which mean nothing here.
  private(set) var isComplete = false
  private var size = 0

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

  /// Where a redirect points; nil for any other answer (RFC 9110, 15.4).
  var redirect: String? {
    [301, 302, 303, 307, 308].contains(status) ? headers["Location"] : nil
  }
}
