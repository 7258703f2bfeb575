/// A shell pattern: `*` any run, `?` any one character, `[a-z]` and `[!a-z]` one of a set, `\` escapes. Characters are Unicode's
/// scalars, so that nothing that follows one makes it another: an accent behind a star, say.
public struct Glob: Hashable, Sendable {
  private enum Step: Hashable {
    case literal(Unicode.Scalar)
    case any
    case anyRun
    case set([ClosedRange<Unicode.Scalar>], negated: Bool)
  }

  public let pattern: String
  private let steps: [Step]

  /// Compiles `pattern`; nil when a bracket is not closed or a range runs backwards.
  public init?(_ pattern: String) {
    self.pattern = pattern
    var steps: [Step] = []
    var rest = Array(pattern.unicodeScalars)[...]
    while let character = rest.popFirst() {
      switch character {
      case "*": if steps.last != .anyRun { steps.append(.anyRun) }
      case "?": steps.append(.any)
      case "\\": steps.append(.literal(rest.popFirst() ?? "\\"))
      case "[":
        guard let set = Self.set(&rest) else { return nil }
        steps.append(set)
      default: steps.append(.literal(character))
      }
    }
    self.steps = steps
  }

  private static func set(_ rest: inout ArraySlice<Unicode.Scalar>) -> Step? {
    let negated = rest.first == "!" || rest.first == "^"
    if negated { rest.removeFirst() }
    var ranges: [ClosedRange<Unicode.Scalar>] = []
    while let low = rest.popFirst() {
      if low == "]" && !ranges.isEmpty { return .set(ranges, negated: negated) }
      var high = low
      if rest.first == "-", let next = rest.dropFirst().first, next != "]" {
        rest.removeFirst(2)
        high = next
      }
      guard low <= high else { return nil }
      ranges.append(low...high)
    }
    return nil
  }

  /// Whether the whole of `text` matches. Takes time in pattern × text at the most, whatever the stars.
  public func matches(_ text: String) -> Bool {
    let text = Array(text.unicodeScalars)
    var at = 0
    var step = 0
    var retry: (step: Int, at: Int)?
    while at < text.count {
      if step < steps.count, case .anyRun = steps[step] {
        retry = (step, at)
        step += 1
      } else if step < steps.count, Self.accepts(steps[step], text[at]) {
        step += 1
        at += 1
      } else if let back = retry {
        retry = (back.step, back.at + 1)
        step = back.step + 1
        at = back.at + 1
      } else {
        return false
      }
    }
    return steps[step...].allSatisfy { $0 == .anyRun }
  }

  private static func accepts(_ step: Step, _ character: Unicode.Scalar) -> Bool {
    switch step {
    case .literal(let literal): literal == character
    case .any, .anyRun: true
    case .set(let ranges, let negated): ranges.contains { $0.contains(character) } != negated
    }
  }
}

/// Which tags of a repository are wanted: globs, and globs after `!` that take away again.
public struct TagSelector: Hashable, Sendable {
  private let included: [Glob]
  private let excluded: [Glob]

  /// Compiles the patterns of repeated `--tags`. With only `!` patterns, all other tags are wanted.
  /// Throws ``MalformedGlob``.
  public init(_ patterns: [String]) throws(MalformedGlob) {
    var included: [Glob] = []
    var excluded: [Glob] = []
    for pattern in patterns {
      let isExclusion = pattern.unicodeScalars.first == "!"
      let text = isExclusion ? String(pattern.unicodeScalars.dropFirst()) : pattern
      guard !text.isEmpty, let glob = Glob(text) else { throw MalformedGlob(pattern: pattern) }
      if isExclusion { excluded.append(glob) } else { included.append(glob) }
    }
    self.included = included
    self.excluded = excluded
  }

  public func selects(_ tag: String) -> Bool {
    (included.isEmpty || included.contains { $0.matches(tag) }) && !excluded.contains { $0.matches(tag) }
  }
}

/// A pattern with an unclosed bracket, a backward range, or nothing in it.
public struct MalformedGlob: Error, Hashable, Sendable {
  public let pattern: String

  public init(pattern: String) {
    self.pattern = pattern
  }
}
