import Digests

/// Looks, in documents that come piece by piece, for the algorithms of the digests in them: by these the content that comes behind
/// is hashed, which cannot be had again.
struct AlgorithmSearch {
  private(set) var found: Set<Digest.Algorithm> = []
  /// The end of what came before, in which a name may begin.
  private var rest: [UInt8] = []

  private static let names = Digest.Algorithm.allCases.filter { $0 != .sha256 }.map {
    (algorithm: $0, name: Array("\($0.rawValue):".utf8))
  }
  private static let longest = names.map(\.name.count).max() ?? 0

  /// Looks at the next piece.
  mutating func look(at piece: [UInt8]) {
    let bytes = rest + piece
    for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: ":") {
      let before = bytes[...index]
      for (algorithm, name) in Self.names where before.suffix(name.count).elementsEqual(name) {
        found.insert(algorithm)
      }
    }
    rest = bytes.suffix(Self.longest - 1)
  }
}

extension PassedContent {
  /// Whether a JSON document may begin with `byte`.
  static func mayBeginDocument(_ byte: UInt8) -> Bool { "{[ \t\r\n".utf8.contains(byte) }
}
