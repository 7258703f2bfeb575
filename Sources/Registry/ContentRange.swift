/// The part of a whole that a 206 answer carries: `Content-Range: bytes 0-99/1000` (RFC 9110 §14.4).
struct ContentRange: Hashable, Sendable {
  let first: Int64
  /// Inclusive.
  let last: Int64
  /// nil where the server does not say.
  let total: Int64?

  /// nil for other units and ranges that are none.
  init?(_ text: String) {
    let parts = text.split(separator: " ", omittingEmptySubsequences: true)
    guard parts.count == 2, parts[0].lowercased() == "bytes" else { return nil }
    let sides = parts[1].split(separator: "/", omittingEmptySubsequences: false)
    guard sides.count == 2 else { return nil }
    let ends = sides[0].split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]), first <= last
    else { return nil }
    if sides[1] == "*" {
      total = nil
    } else {
      guard let whole = Self.number(sides[1]), last < whole else { return nil }
      total = whole
    }
    self.first = first
    self.last = last
  }

  /// Digits alone: `Int64.init` would take a sign.
  private static func number(_ text: Substring) -> Int64? {
    text.utf8.allSatisfy { (48...57).contains($0) } ? Int64(text) : nil
  }
}
