extension String {
  /// What a server said, made fit for a terminal and a log: control and formatting characters (escape
  /// sequences, reversed text) become blanks, runs of blanks one, and the whole is cut to `limit`
  /// characters.
  public func printable(limit: Int = 300) -> String {
    var text = ""
    var count = 0
    var isAfterBlank = false
    // Scalars beyond this many cannot all be seen; a megabyte of them is not walked.
    for scalar in unicodeScalars.prefix(limit * 8) {
      if Self.isBlank(scalar) {
        isAfterBlank = count > 0
        continue
      }
      count += isAfterBlank ? 2 : 1
      guard count <= limit else { return text + "…" }
      if isAfterBlank { text.unicodeScalars.append(" ") }
      isAfterBlank = false
      text.unicodeScalars.append(scalar)
    }
    return text
  }

  private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .spaceSeparator, .privateUse, .surrogate,
      .unassigned:
      true
    default: false
    }
  }
}
