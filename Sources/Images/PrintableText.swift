/// Text from outside, made fit for a terminal, a log and a page: the one place that knows which characters are shown
/// as they are.
extension Unicode.Scalar {
  /// Whether the character does no more than be read: it ends no line, moves no cursor and turns no text around.
  public var isHarmless: Bool {
    switch properties.generalCategory {
    case .control: self == "\t"
    case .format, .lineSeparator, .paragraphSeparator, .surrogate: false
    default: true
    }
  }

  /// Whether it is seen, too, as what it is: not nothing, and not a plain blank.
  public var isPlain: Bool {
    switch properties.generalCategory {
    case .spaceSeparator: self == " "
    case .privateUse, .unassigned, .control: false
    default: isHarmless && !properties.isDefaultIgnorableCodePoint
    }
  }
}

extension StringProtocol {
  /// A name or another value on one line, in characters that are seen: `\n`, `\r`, `\t`, `\u{202E}` stand for what
  /// is not, and a backslash is doubled, so that two different values never look the same.
  public var printedAsValue: String {
    if utf8.allSatisfy({ (0x20..<0x7F).contains($0) && $0 != UInt8(ascii: "\\") }) { return String(self) }
    var text = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.isPlain: text.unicodeScalars.append(scalar)
      default: text += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
      }
    }
    return text
  }

  /// A text of several lines, without what would do more than be read; line ends and tabs stay.
  public var printedAsLines: String {
    String(String.UnicodeScalarView(unicodeScalars.filter { $0 == "\n" || $0.isHarmless }))
  }

  /// What is kept of an endless value: its first `limit` characters, as they are. Whatever of a text from outside is not kept, `…`
  /// stands for it: where secrets are looked for, a cut is to be seen.
  public func cut(to limit: Int = 300) -> String {
    let kept = unicodeScalars.prefix(limit)
    let text = String(String.UnicodeScalarView(kept))
    return kept.endIndex == unicodeScalars.endIndex ? text : text + "…"
  }

  /// What a server said, as prose on one line: what is not seen becomes a blank, runs of blanks one, and the whole is
  /// cut to `limit` characters.
  public func printedAsProse(limit: Int = 300) -> String {
    var text = ""
    var count = 0
    var isAfterBlank = false
    // Scalars beyond this many cannot all be seen; a megabyte of them is not walked.
    let walked = unicodeScalars.prefix(limit * 8)
    for scalar in walked {
      if scalar == " " || !scalar.isPlain {
        isAfterBlank = count > 0
        continue
      }
      count += isAfterBlank ? 2 : 1
      guard count <= limit else { return text + "…" }
      if isAfterBlank { text.unicodeScalars.append(" ") }
      isAfterBlank = false
      text.unicodeScalars.append(scalar)
    }
    return walked.endIndex == unicodeScalars.endIndex ? text : text + "…"
  }
}
