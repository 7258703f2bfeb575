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
