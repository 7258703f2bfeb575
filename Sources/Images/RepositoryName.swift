/// The rules for a repository's name and tags (distribution-spec `spec.md`, "Pulling manifests").
public enum RepositoryName {
  /// The longest name with its host that distribution accepts, in bytes.
  static let longest = 255

  /// Whether `text` is a repository's name: components of lower-case letters and digits, joined inside by
  /// `.`, `_`, `__` or dashes, and separated by `/`.
  public static func isValid(_ text: some StringProtocol) -> Bool {
    guard !text.isEmpty, text.utf8.count <= longest else { return false }
    return String(text).split(separator: "/", omittingEmptySubsequences: false).allSatisfy(isValidComponent)
  }

  private static func isValidComponent(_ component: Substring) -> Bool {
    var separator: [UInt8] = []
    var isEmpty = true
    for byte in component.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
        guard isEmpty ? separator.isEmpty : isSeparator(separator) else { return false }
        separator = []
        isEmpty = false
      case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        separator.append(byte)
      default:
        return false
      }
    }
    return !isEmpty && separator.isEmpty
  }

  private static func isSeparator(_ bytes: [UInt8]) -> Bool {
    switch bytes {
    case [], [UInt8(ascii: ".")], [UInt8(ascii: "_")], [UInt8(ascii: "_"), UInt8(ascii: "_")]: true
    default: bytes.allSatisfy { $0 == UInt8(ascii: "-") }
    }
  }

  /// Whether a registry may know something by `text` in a tag's place, though that is no tag: a text of a tag's characters
  /// that begins with another or is too long, and that an address can hold.
  public static func mayBeTag(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.utf8.count <= longest && text != "." && text != ".."
      && text.utf8.allSatisfy(isTagByte)
  }

  /// Whether `text` is a tag: a letter, digit or underscore, then up to 127 of these, `.` and `-`.
  public static func isValidTag(_ text: some StringProtocol) -> Bool {
    guard let first = text.utf8.first, text.utf8.count <= 128 else { return false }
    return isWord(first) && text.utf8.allSatisfy(isTagByte)
  }

  private static func isTagByte(_ byte: UInt8) -> Bool {
    isWord(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
