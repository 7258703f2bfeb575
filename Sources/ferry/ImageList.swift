/// A list of lines, as `ferry list` prints them and `-f` and `--map-file` read them.
enum ImageList {
  /// Why a list could not be read.
  enum Failure: Error, Hashable {
    case unreadable(path: String)
    case notText(path: String)
  }

  /// Far beyond any real list, in bytes.
  private static let longest = 64 << 20

  /// The lines of `path`, or of standard input for `-`, without comments, blanks and empty lines.
  static func read(_ path: String) throws -> [String] {
    guard let bytes = InputFile.bytes(of: path, limit: longest) else { throw Failure.unreadable(path: path) }
    guard bytes.count <= longest, let text = String(validating: bytes, as: UTF8.self), !text.contains("\0")
    else {
      throw Failure.notText(path: path)
    }
    return lines(of: text)
  }

  /// `#` starts a comment at the beginning of a line or after a blank.
  static func lines(of text: String) -> [String] {
    text.split(whereSeparator: \.isNewline).compactMap { line in
      var kept = ""
      for character in line {
        if character == "#", kept.last?.isWhitespace ?? true { break }
        kept.append(character)
      }
      while kept.last?.isWhitespace == true { kept.removeLast() }
      let trimmed = kept.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
      return trimmed.isEmpty ? nil : String(trimmed)
    }
  }
}
