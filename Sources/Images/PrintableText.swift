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
    default: isHarmless && !properties.isDefaultIgnorableCodePoint && !Self.drawnAsNothing.contains(self)
    }
  }

  /// Characters of kinds that are seen, which are drawn as nothing all the same: Braille without a dot, a note without its head,
  /// what fills up Khitan and Egyptian writing.
  private static let drawnAsNothing: Set<Unicode.Scalar> = [
    "\u{2800}", "\u{1D159}", "\u{16FE4}", "\u{13441}", "\u{13442}",
  ]

  /// How many columns of a terminal it takes: none where it is put onto the character before it, two where it is of the wide
  /// ones of East Asia (Unicode's annex 11) or a picture.
  public var columns: Int {
    guard value >= 0x300 else { return 1 }
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    switch value {
    // Vowels and finals of Hangul stand in the syllable that they end.
    case 0x1160...0x11FF, 0xD7B0...0xD7FF: return 0
    // Of a flag's two letters each takes one.
    case 0x1F1E6...0x1F1FF: return 1
    case 0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3,
      0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18DFF,
      0x1AFF0...0x1B2FF, 0x20000...0x3FFFD:
      return 2
    default: return properties.isEmojiPresentation ? 2 : 1
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
