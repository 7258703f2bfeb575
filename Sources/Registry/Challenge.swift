import Transport

/// One way to authenticate that a `WWW-Authenticate` header offers (RFC 9110 §11.6.1, and the token
/// specification of distribution).
struct Challenge: Hashable, Sendable {
  /// The scheme's name in lower case: `bearer`, `basic`, or one Ferry does not speak.
  let scheme: String
  /// The parameters by lower-case name; of duplicates the first.
  let parameters: [String: String]

  init(scheme: String, parameters: [String: String] = [:]) {
    self.scheme = scheme
    self.parameters = parameters
  }

  /// Where a Bearer challenge sends for a token.
  var realm: String? { parameter("realm") }
  var service: String? { parameter("service") }
  var scope: String? { parameter("scope") }
  /// Why a token was not accepted: `invalid_token`, `insufficient_scope`.
  var error: String? { parameter("error") }

  var isBasic: Bool { scheme == "basic" }
  /// A Bearer challenge that can be answered: one with a realm.
  var isUsableBearer: Bool { scheme == "bearer" && realm != nil }

  /// An empty value says nothing: `nvcr.io` sends `scope=""`.
  private func parameter(_ name: String) -> String? {
    parameters[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// All challenges of the header's lines, in order. Never fails: what cannot be read is skipped.
  static func parse(_ lines: [String]) -> [Challenge] {
    var challenges: [Challenge] = []
    for line in lines.prefix(mostLines) {
      var parser = ChallengeParser(line)
      challenges += parser.challenges()
    }
    return challenges
  }

  /// Far more than any registry sends, and a bound for a hostile one.
  static let mostLines = 16
}

/// Reads one line of `WWW-Authenticate`.
///
/// Looser than RFC 9110 where registries are: an unquoted value runs to the next comma or the end, so
/// that the legacy `scope=repository:nvidia/theano:pull` is read whole.
struct ChallengeParser {
  /// Longer lines are cut; the longest seen in the wild have some 300 bytes.
  static let longestLine = 16 << 10
  static let mostChallenges = 16
  static let mostParameters = 32

  private let bytes: [UInt8]
  private var position = 0

  init(_ line: String) {
    bytes = Array(line.utf8).cut(to: Self.longestLine)
  }

  mutating func challenges() -> [Challenge] {
    var challenges: [Challenge] = []
    var scheme: String?
    var parameters: [String: String] = [:]
    var endsInScope = false
    func finished() -> [Challenge] {
      scheme.map { challenges + [Challenge(scheme: $0, parameters: parameters)] } ?? challenges
    }
    while skipSeparators(), challenges.count < Self.mostChallenges {
      let word = name()
      let isSeparated = isAtEnd || peek.map { Self.isBlank($0) || $0 == UInt8(ascii: ",") } == true
      skipBlanks()
      if !word.isEmpty, take(UInt8(ascii: "=")) {
        let (value, isQuoted) = value()
        let isNew = scheme != nil && parameters.count < Self.mostParameters && parameters[word] == nil
        if isNew { parameters[word] = value }
        endsInScope = isNew && word == "scope" && !isQuoted
      } else if word.isEmpty || !isSeparated {
        skipToComma()
      } else if endsInScope, isAtEnd || peek == UInt8(ascii: ","), Self.actions.contains(word) {
        // The commas of an unquoted list of actions: scope=repository:a/b:pull,push
        parameters["scope"]?.append("," + word)
      } else {
        challenges = finished()
        scheme = word
        parameters = [:]
        endsInScope = false
        skipToken68()
      }
    }
    return Array(finished().prefix(Self.mostChallenges))
  }

  /// The actions of distribution's scopes.
  private static let actions: Set<String> = ["pull", "push", "delete", "*"]

  private var isAtEnd: Bool { position >= bytes.count }
  private var peek: UInt8? { isAtEnd ? nil : bytes[position] }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard peek == byte else { return false }
    position += 1
    return true
  }

  private mutating func skipBlanks() {
    while let byte = peek, Self.isBlank(byte) { position += 1 }
  }

  /// Goes to the next thing that says something; false at the end.
  private mutating func skipSeparators() -> Bool {
    while let byte = peek, Self.isBlank(byte) || byte == UInt8(ascii: ",") { position += 1 }
    return !isAtEnd
  }

  private mutating func skipToComma() {
    while let byte = peek, byte != UInt8(ascii: ",") { position += 1 }
  }

  /// A run of token characters in lower case; empty where there is none.
  private mutating func name() -> String {
    let start = position
    while let byte = peek, Self.isTokenCharacter(byte) { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self).lowercased()
  }

  private mutating func value() -> (text: String, isQuoted: Bool) {
    skipBlanks()
    guard take(UInt8(ascii: "\"")) else {
      let start = position
      skipToComma()
      var end = position
      while end > start, Self.isBlank(bytes[end - 1]) { end -= 1 }
      return (String(decoding: bytes[start..<end], as: UTF8.self), false)
    }
    var text: [UInt8] = []
    while let byte = peek {
      position += 1
      if byte == UInt8(ascii: "\"") {
        while let junk = peek, junk != UInt8(ascii: ","), !Self.isBlank(junk) { position += 1 }
        break
      }
      guard byte == UInt8(ascii: "\\") else {
        text.append(byte)
        continue
      }
      if let escaped = peek { text.append(escaped) }
      position += 1
    }
    return (String(decoding: text, as: UTF8.self), true)
  }

  /// Steps over what follows a scheme and is no parameter, as in `Negotiate YII/x==`.
  private mutating func skipToken68() {
    let start = position
    while let byte = peek, Self.isTokenCharacter(byte) || byte == UInt8(ascii: "/") { position += 1 }
    while take(UInt8(ascii: "=")) {}
    skipBlanks()
    if !isAtEnd, peek != UInt8(ascii: ",") { position = start }
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  private static func isTokenCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}
