import FoundationEssentials

/// The text that minisign's files are: comments and lines of base64.
enum MinisignText {
  static let untrusted = "untrusted comment: "
  static let trusted = "trusted comment: "
  /// Beyond any such file, in bytes: minisign's own comments have at most 8 KiB.
  static let longest = 16 << 10

  /// The lines without their ends; nil when it is no text, or far too long. Empty lines at the end are none.
  static func lines(of bytes: [UInt8]) -> [String]? {
    guard bytes.count <= longest, let text = String(validating: bytes, as: UTF8.self), !text.contains("\0")
    else { return nil }
    // As Characters, for "\r\n" is one.
    var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.map(String.init)
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }

  /// The bytes that a line of base64 stands for; nil unless there are exactly `count`.
  static func bytes(_ base64: String, count: Int) -> [UInt8]? {
    guard let data = Data(base64Encoded: base64), data.count == count else { return nil }
    return [UInt8](data)
  }

  static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}
