import Digests

/// One of several deterministic parts of a set of images, for processes that share the work.
///
/// An image's part depends on its name alone: a tag that appears between two processes' starts moves no
/// other image into a part that has already run.
public struct Shard: Hashable, Sendable {
  /// From 1 to ``count``.
  public let index: Int
  public let count: Int

  /// Parses `I/N`; nil unless 1 ≤ I ≤ N ≤ 10,000.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let index = Int(parts[0]), let count = Int(parts[1]),
      (1...10_000).contains(count), (1...count).contains(index)
    else { return nil }
    self.index = index
    self.count = count
  }

  public func holds(_ name: String) -> Bool {
    let prefix = Digest(of: Array(name.utf8)).hex.prefix(15)
    return (Int(prefix, radix: 16) ?? 0) % count == index - 1
  }
}
