public import Digests

/// From what an export knew that the other side has content which it left out: what to bring when that turns
/// out to be wrong.
public struct KnownSource: Hashable, Sendable, Codable {
  public enum Kind: String, Hashable, Sendable, Codable {
    /// An archive that was carried before.
    case archive
    /// An import's receipt.
    case receipt
  }

  public let kind: Kind
  /// The file's name without its directory: for people to find it by.
  public let name: String
  /// The archive digest, or the sha256 of the receipt.
  public let digest: Digest

  public init(kind: Kind, name: String, digest: Digest) {
    self.kind = kind
    self.name = name
    self.digest = digest
  }

  static func precedes(_ left: Self, _ right: Self) -> Bool {
    left.digest != right.digest
      ? left.digest < right.digest : left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
  }
}
