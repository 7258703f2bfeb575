/// Which tags of a repository are wanted: globs, and globs after `!` that take away again.
public struct TagSelector: Hashable, Sendable {
  private let included: [Glob]
  private let excluded: [Glob]

  /// Every tag.
  public static let all = Self(included: [], excluded: [])

  private init(included: [Glob], excluded: [Glob]) {
    self.included = included
    self.excluded = excluded
  }

  /// Compiles the patterns of repeated `--tags`. With only `!` patterns, all other tags are wanted.
  /// Throws ``MalformedGlob``.
  public init(_ patterns: [String]) throws(MalformedGlob) {
    var included: [Glob] = []
    var excluded: [Glob] = []
    for pattern in patterns {
      let isExclusion = pattern.hasPrefix("!")
      let text = isExclusion ? String(pattern.dropFirst()) : pattern
      guard !text.isEmpty, let glob = Glob(text) else { throw MalformedGlob(pattern: pattern) }
      if isExclusion { excluded.append(glob) } else { included.append(glob) }
    }
    self.init(included: included, excluded: excluded)
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
