/// Text from outside, made fit for a terminal.
enum Printable {
  /// `text` without control characters, which could move the cursor or change colours and titles; tabs stay.
  static func text(_ text: some StringProtocol) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.filter { isHarmless($0) }))
  }

  private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control: scalar == "\t"
    case .format, .lineSeparator, .paragraphSeparator, .surrogate: false
    default: true
    }
  }
}
