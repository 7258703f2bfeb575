/// Text from outside, made fit for a terminal.
enum Printable {
  /// `text` without control characters, which could move the cursor or change colours and titles; tabs stay.
  static func text(_ text: some StringProtocol) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.filter { isHarmless($0) }))
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
