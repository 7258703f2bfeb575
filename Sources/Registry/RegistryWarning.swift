import Images
import Transport

/// Something that a registry wants its users to know beside its answers (distribution-spec, "Warnings").
public struct RegistryWarning: Hashable, Sendable {
  /// Who says it, with its port where that is not the usual one.
  public let host: String
  /// Its words, on one line and fit to be printed.
  public let text: String

  /// The warnings of one answer that are read: more of them are nobody's to read.
  static let most = 16

  /// What `response` warns of, without the `secrets` that it may repeat.
  static func list(in response: HTTPResponse, hiding secrets: [String]) -> [Self] {
    let fields = response.headers.values(of: "Warning")
    guard !fields.isEmpty else { return [] }
    var texts: [String] = []
    // Texts that say nothing, or the same, are not looked at without end either.
    for text in fields.flatMap(WarningField.texts).lazy.filter({ !$0.isEmpty }).prefix(4 * most)
    where texts.count < most {
      let shown = String(decoding: Array(text.utf8).hiding(secrets), as: UTF8.self).printedAsProse()
      if !shown.isEmpty, !texts.contains(shown) { texts.append(shown) }
    }
    return texts.map { Self(host: response.url.authority, text: $0) }
  }
}

/// Who is told what registries warn of.
struct WarningListener: Sendable {
  private let hear: (@Sendable (RegistryWarning) -> Void)?

  init(_ hear: (@Sendable (RegistryWarning) -> Void)?) { self.hear = hear }

  /// Passes on what an answer warns of; its `secrets` are asked for only where it does.
  func take(_ response: HTTPResponse, hiding secrets: @autoclosure () -> [String]) {
    guard let hear, response.headers["Warning"] != nil else { return }
    RegistryWarning.list(in: response, hiding: secrets()).forEach(hear)
  }
}

/// The header `Warning` (RFC 7234, 5.5): `299 agent "text" "date"`, several in one field, separated by commas.
enum WarningField {
  /// Words for people that stay true for longer than one answer; other codes speak to caches.
  private static let persistent = "299"

  /// The texts of all warnings with the code 299, as they are. What some servers leave out is not missed: the agent, and
  /// the quotes around the text.
  static func texts(in field: String) -> [String] {
    var rest = Array(field.utf8)[...]
    var texts: [String] = []
    while let code = code(&rest) {
      skipBlanks(&rest)
      if let first = rest.first, first != quote { skipAgent(&rest) }
      skipBlanks(&rest)
      let text = rest.first == quote ? quoted(&rest) : plain(&rest)
      if code == persistent { texts.append(text) }
    }
    return texts
  }

  private static let quote = UInt8(ascii: "\"")
  private static let comma = UInt8(ascii: ",")

  /// The next warning's code; what stands before it is no text of a warning's: a date, or nothing that can be read.
  private static func code(_ rest: inout ArraySlice<UInt8>) -> String? {
    while !rest.isEmpty {
      if let code = leadingCode(rest) {
        rest = rest.dropFirst(3)
        return code
      }
      while let next = rest.first, next != comma {
        if next == quote { _ = quoted(&rest) } else { rest = rest.dropFirst() }
      }
      rest = rest.dropFirst()
      skipBlanks(&rest)
    }
    return nil
  }

  /// Three digits and a blank.
  private static func leadingCode(_ bytes: ArraySlice<UInt8>) -> String? {
    let digits = bytes.prefix(3)
    guard digits.count == 3, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let blank = bytes.dropFirst(3).first, isBlank(blank)
    else { return nil }
    return String(decoding: digits, as: UTF8.self)
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  private static func skipBlanks(_ rest: inout ArraySlice<UInt8>) { rest = rest.drop(while: isBlank) }

  /// Passes over `-`, or a host or product (`squid/6.1`), and over any word before a quoted text. A word before others
  /// that have no quotes is one of them.
  private static func skipAgent(_ rest: inout ArraySlice<UInt8>) {
    let word = rest.prefix { !isBlank($0) && $0 != comma && $0 != quote }
    let behind = rest.dropFirst(word.count).drop(while: isBlank)
    let isAgent =
      Array(word) == [UInt8(ascii: "-")] || behind.first == quote || word.contains { ".:/".utf8.contains($0) }
    if isAgent { rest = behind }
  }

  /// A quoted text without its quotes and backslashes. One that does not end has all that follows.
  private static func quoted(_ rest: inout ArraySlice<UInt8>) -> String {
    var text: [UInt8] = []
    rest = rest.dropFirst()
    while let next = rest.popFirst() {
      if next == quote { break }
      if next == UInt8(ascii: "\\") {
        if let escaped = rest.popFirst() { text.append(escaped) }
      } else {
        text.append(next)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// A text without quotes, until the next warning begins.
  private static func plain(_ rest: inout ArraySlice<UInt8>) -> String {
    var text: [UInt8] = []
    while let next = rest.first {
      if next == comma, leadingCode(rest.dropFirst().drop(while: isBlank)) != nil { break }
      text.append(next)
      rest = rest.dropFirst()
    }
    return String(decoding: text, as: UTF8.self)
  }
}
