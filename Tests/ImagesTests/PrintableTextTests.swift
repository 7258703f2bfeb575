import Images
import Testing

/// How much room a text takes on a terminal.
struct `A character` {
  @Test(arguments: [
    ("a", 1), ("é", 1), ("e\u{301}", 1), ("日本", 4), ("한", 2), ("\u{1112}\u{1161}\u{11AB}", 2), ("ｶ", 1),
    ("Ｆ", 2),
    ("🚢", 2), ("☃", 1), ("…", 1), ("€", 1), ("ก็", 1),
  ])
  func `takes as many columns as terminals give it`(text: String, columns: Int) {
    #expect(text.unicodeScalars.reduce(0) { $0 + $1.columns } == columns)
  }
}
