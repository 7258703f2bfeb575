/// One `--map` rule: repositories that match a pattern get the name of a replacement.
public struct MappingRule: Hashable, Sendable {
  private enum Step: Hashable {
    case literal(UInt8)
    /// `*`: any run inside a component.
    case component
    /// `**`: any run across components.
    case path
  }

  private enum Part: Hashable {
    case literal(String)
    /// `$1` is the first star's text.
    case capture(Int)
  }

  /// The rule as it was written.
  public let text: String
  private let steps: [Step]
  private let parts: [Part]

  /// Parses `PATTERN=REPLACEMENT`. Throws ``TransferError/malformedRule(_:)``, also for a `$n` without a
  /// star to stand for.
  public init(_ text: String) throws(TransferError) {
    self.text = text
    guard let equals = text.firstIndex(of: "=") else { throw .malformedRule(text) }
    let pattern = Self.trimmed(text[..<equals])
    let replacement = Self.trimmed(text[text.index(after: equals)...])
    guard !pattern.isEmpty, !replacement.isEmpty else { throw .malformedRule(text) }
    steps = Self.steps(of: pattern)
    let stars = steps.filter { $0 == .component || $0 == .path }.count
    guard let parts = Self.parts(of: replacement, stars: stars) else { throw .ruleWithoutStar(text) }
    self.parts = parts
  }

  /// Blanks around a part mean nothing: no repository has any.
  private static func trimmed(_ part: Substring) -> Substring {
    let start = part.drop(while: \.isWhitespace)
    guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return start }
    return start[...last]
  }

  private static func steps(of pattern: Substring) -> [Step] {
    var steps: [Step] = []
    var bytes = Array(pattern.utf8)[...]
    while let byte = bytes.popFirst() {
      guard byte == UInt8(ascii: "*") else {
        steps.append(.literal(byte))
        continue
      }
      guard bytes.first == UInt8(ascii: "*") else {
        steps.append(.component)
        continue
      }
      while bytes.first == UInt8(ascii: "*") { bytes.removeFirst() }
      steps.append(.path)
    }
    return steps
  }

  private static func parts(of replacement: Substring, stars: Int) -> [Part]? {
    var parts: [Part] = []
    var literal = ""
    var rest = replacement
    while let character = rest.popFirst() {
      guard character == "$" else {
        literal.append(character)
        continue
      }
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard let number = Int(digits), (1...max(stars, 1)).contains(number), stars > 0 else { return nil }
      rest = rest[digits.endIndex...]
      if !literal.isEmpty { parts.append(.literal(literal)) }
      literal = ""
      parts.append(.capture(number - 1))
    }
    if !literal.isEmpty { parts.append(.literal(literal)) }
    return parts
  }

  /// The new name of `repository`; nil when the pattern does not match all of it.
  public func apply(to repository: String) -> String? {
    let text = Array(repository.utf8)
    var dead: Set<[Int]> = []
    guard let captures = match(text, at: 0, step: 0, dead: &dead) else { return nil }
    return parts.map { part in
      switch part {
      case .literal(let literal): literal
      case .capture(let index): String(decoding: text[captures[index]], as: UTF8.self)
      }
    }.joined()
  }

  /// The runs the stars stand for, the longest first; `dead` keeps stars from making it exponential.
  private func match(_ text: [UInt8], at start: Int, step: Int, dead: inout Set<[Int]>) -> [Range<Int>]? {
    guard step < steps.count else { return start == text.count ? [] : nil }
    guard !dead.contains([start, step]) else { return nil }
    switch steps[step] {
    case .literal(let byte):
      if start < text.count, text[start] == byte {
        return match(text, at: start + 1, step: step + 1, dead: &dead)
      }
    case .component, .path:
      let isPath = steps[step] == .path
      var end = start
      while end < text.count, isPath || text[end] != UInt8(ascii: "/") { end += 1 }
      for end in stride(from: end, through: start, by: -1) {
        if let rest = match(text, at: end, step: step + 1, dead: &dead) { return [start..<end] + rest }
      }
    }
    dead.insert([start, step])
    return nil
  }
}
