/// Text from outside, made fit for a terminal.
enum Printable {
  /// `text` without control characters, which could move the cursor or change colours and titles; tabs stay. What
  /// would end its line is shown as an escape: a name could else print a line that looks like a result.
  static func text(_ text: some StringProtocol) -> String {
    var line = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": line += "\\n"
      case "\r": line += "\\r"
      case _ where isHarmless(scalar): line.unicodeScalars.append(scalar)
      default: break
      }
    }
    return line
  }

  /// The same for each line of `text`; the line ends stay.
  static func lines(_ text: String) -> String {
    String(
      String.UnicodeScalarView(text.unicodeScalars.filter { $0 == "\n" || isHarmless($0) }))
  }

  private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control: scalar == "\t"
    case .format, .lineSeparator, .paragraphSeparator, .surrogate: false
    default: true
    }
  }
}
