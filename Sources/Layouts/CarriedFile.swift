public import Digests

/// A file beside the images, under `ferry/`: a repository's description, say.
public struct CarriedFile: Hashable, Sendable, Codable {
  public let path: String
  public let digest: Digest
  /// In bytes.
  public let size: Int64

  static let folder = "ferry/"
  /// The largest such file, in bytes.
  public static let sizeLimit: Int64 = 16 << 20
  /// What all such files may add up to, in bytes: they are kept in memory.
  static let sumLimit: Int64 = 64 << 20

  init(path: String, bytes: [UInt8]) {
    self.path = path
    self.digest = Digest(of: bytes)
    self.size = Int64(bytes.count)
  }

  /// Whether a file may have that path: below `ferry/`, each component of letters, digits, `.`, `_` and `-`,
  /// none starting with a dot.
  public static func isValid(path: String) -> Bool {
    guard path.utf8.starts(with: folder.utf8), path.utf8.count <= 512 else { return false }
    return path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { component in
      component.utf8.first.map { $0 != UInt8(ascii: ".") } ?? false
        && component.utf8.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
          default: false
          }
        }
    }
  }
}
