private import CCrypto

/// The hash of some content, as OCI writes it: its algorithm, a colon, and lower-case hexadecimal digits
/// (image-spec `descriptor.md`). Digests of one content by two algorithms are two digests.
public struct Digest: Hashable, Sendable {
  /// The algorithms that Ferry computes. Others parsing refuses, those that are registered by name.
  public enum Algorithm: String, Hashable, Sendable, CaseIterable {
    case sha256, sha384, sha512

    /// How many bytes its hashes have.
    public var size: Int {
      switch self {
      case .sha256: 32
      case .sha384: 48
      case .sha512: 64
      }
    }

    fileprivate var rank: Int { size }
  }

  // sha256 takes four words and no array: digests are dictionary keys by the hundred thousand. The longer ones, which are
  // few, lie elsewhere.
  private enum Value: Sendable {
    case sha256(UInt64, UInt64, UInt64, UInt64)
    case long(LongValue)
  }

  private final class LongValue: Sendable {
    let algorithm: Algorithm
    /// What it does not fill is zero.
    let words: SIMD8<UInt64>

    init(_ algorithm: Algorithm, _ words: SIMD8<UInt64>) {
      self.algorithm = algorithm
      self.words = words
    }
  }

  private let value: Value

  /// The digest whose raw bytes are given; nil when there are not as many as the algorithm's hashes have.
  public init?(rawBytes: some Sequence<UInt8>, by algorithm: Algorithm = .sha256) {
    guard algorithm == .sha256 else {
      var words = SIMD8<UInt64>()
      var count = 0
      for byte in rawBytes {
        guard count < algorithm.size else { return nil }
        words[count >> 3] = words[count >> 3] << 8 | UInt64(byte)
        count += 1
      }
      guard count == algorithm.size else { return nil }
      value = .long(LongValue(algorithm, words))
      return
    }
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    var count = 0
    for byte in rawBytes {
      switch count >> 3 {
      case 0: words.0 = words.0 << 8 | UInt64(byte)
      case 1: words.1 = words.1 << 8 | UInt64(byte)
      case 2: words.2 = words.2 << 8 | UInt64(byte)
      case 3: words.3 = words.3 << 8 | UInt64(byte)
      default: return nil
      }
      count += 1
    }
    guard count == 32 else { return nil }
    value = .sha256(words.0, words.1, words.2, words.3)
  }

  /// The digest that no content is known to have.
  init(zero: Void) { value = .sha256(0, 0, 0, 0) }

  public var algorithm: Algorithm {
    switch value {
    case .sha256: .sha256
    case .long(let long): long.algorithm
    }
  }

  /// Parses `sha256:<64 hex digits>`, and the same of the other algorithms.
  public init(_ text: some StringProtocol) throws(DigestError) {
    guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
      throw .malformed(Self.shown(text))
    }
    let name = text[..<colon]
    let hex = text[text.utf8.index(after: colon)...]
    guard let algorithm = Algorithm(named: name) else {
      throw name == Self.registered && Self(hex: hex) != nil
        ? .unsupportedAlgorithm(Self.registered) : .malformed(Self.shown(text))
    }
    guard let digest = Self(hex: hex, by: algorithm) else {
      throw .malformed(Self.shown(text))
    }
    self = digest
  }

  /// What is kept of a text that is no digest. That it is cut is to be seen: by that it is known what a cut has left of a secret.
  private static func shown(_ text: some StringProtocol) -> String {
    let kept = text.unicodeScalars.prefix(100)
    return String(String.UnicodeScalarView(kept)) + (kept.endIndex < text.endIndex ? "…" : "")
  }

  /// The algorithm that image-spec registers and Ferry does not compute.
  private static let registered = "blake3"

  /// Parses the hexadecimal digits alone, as they stand in a blob's file name.
  public init?(hex: some StringProtocol, by algorithm: Algorithm = .sha256) {
    guard hex.utf8.count == 2 * algorithm.size else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(algorithm.size)
    var high: UInt8?
    for character in hex.utf8 {
      let nibble: UInt8
      switch character {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): nibble = character - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): nibble = character - UInt8(ascii: "a") + 10
      default: return nil
      }
      if let first = high {
        bytes.append(first << 4 | nibble)
        high = nil
      } else {
        high = nibble
      }
    }
    self.init(rawBytes: bytes, by: algorithm)
  }

  /// Parses what tools name files by: the hexadecimal digits alone, of which there are as many as their algorithm has, or behind
  /// its name and a colon or a hyphen.
  public init?(fileName name: some StringProtocol) {
    if let separator = name.utf8.firstIndex(where: { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "-") }) {
      guard let algorithm = Algorithm(named: name[..<separator]) else { return nil }
      self.init(hex: name[name.utf8.index(after: separator)...], by: algorithm)
    } else {
      guard let algorithm = Algorithm.allCases.first(where: { name.utf8.count == 2 * $0.size }) else {
        return nil
      }
      self.init(hex: name, by: algorithm)
    }
  }

  /// The hexadecimal digits without the algorithm.
  public var hex: String {
    var text: [UInt8] = []
    text.reserveCapacity(2 * algorithm.size)
    switch value {
    case .sha256(let first, let second, let third, let fourth):
      for word in [first, second, third, fourth] { Self.append(word, to: &text) }
    case .long(let long):
      for index in 0..<long.algorithm.size / 8 { Self.append(long.words[index], to: &text) }
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static let digits = Array("0123456789abcdef".utf8)

  private static func append(_ word: UInt64, to text: inout [UInt8]) {
    for shift in stride(from: 60, through: 0, by: -4) {
      text.append(digits[Int(word >> UInt64(shift) & 15)])
    }
  }

  /// The first twelve hexadecimal digits, for people.
  public var short: String { String(hex.prefix(12)) }

  public static func == (left: Self, right: Self) -> Bool {
    switch (left.value, right.value) {
    case (.sha256(let a, let b, let c, let d), .sha256(let e, let f, let g, let h)):
      a == e && b == f && c == g && d == h
    case (.long(let left), .long(let right)):
      left === right || left.algorithm == right.algorithm && left.words == right.words
    case (.sha256, .long), (.long, .sha256): false
    }
  }

  public func hash(into hasher: inout Hasher) {
    // All of it: digests come from outside, and many that agree in a part are quickly made.
    switch value {
    case .sha256(let first, let second, let third, let fourth):
      hasher.combine(first)
      hasher.combine(second)
      hasher.combine(third)
      hasher.combine(fourth)
    case .long(let long): hasher.combine(long.words)
    }
  }
}

extension Digest.Algorithm {
  /// The algorithm that OCI calls so. The usual one is compared first.
  init?(named name: some StringProtocol) {
    if name == "sha256" {
      self = .sha256
    } else {
      self.init(rawValue: String(name))
    }
  }
}

extension Digest: CustomStringConvertible {
  public var description: String { "\(algorithm.rawValue):\(hex)" }
}

extension Digest: Comparable {
  /// The order of the texts.
  public static func < (left: Self, right: Self) -> Bool {
    switch (left.value, right.value) {
    case (.sha256(let a, let b, let c, let d), .sha256(let e, let f, let g, let h)):
      return (a, b, c, d) < (e, f, g, h)
    case (.long(let left), .long(let right)):
      guard left.algorithm == right.algorithm else { return left.algorithm.rank < right.algorithm.rank }
      guard let index = left.words.indices.first(where: { left.words[$0] != right.words[$0] }) else {
        return false
      }
      return left.words[index] < right.words[index]
    case (.sha256, .long): return true
    case (.long, .sha256): return false
    }
  }
}

extension Digest: Codable {
  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    do { self = try Digest(text) } catch {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: decoder.codingPath, debugDescription: "no digest", underlyingError: error))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// Why content is not what its digest says, or why a digest is none.
public enum DigestError: Error, Hashable, Sendable {
  /// Not of the form `algorithm:hex`.
  case malformed(String)
  /// A registered algorithm that Ferry does not compute.
  case unsupportedAlgorithm(String)
  /// The content ended after `received` of `expected` bytes.
  case short(expected: Int64, received: Int64)
  /// The content went on after its `expected` bytes.
  case long(expected: Int64)
  /// Content of the right size hashed to something else.
  case mismatch(expected: Digest, actual: Digest)
}

/// Computes a ``Digest`` over bytes that arrive in pieces.
public struct ContentHasher: Sendable {
  // One of them is in use. What lies in an enum is not changed in place: each piece would copy what was hashed before it.
  private var short = SHA256_CTX()
  private var long = SHA512_CTX()

  public let algorithm: Digest.Algorithm

  public init(_ algorithm: Digest.Algorithm = .sha256) {
    self.algorithm = algorithm
    switch algorithm {
    case .sha256: unsafe SHA256_Init(&short)
    case .sha384: unsafe SHA384_Init(&long)
    case .sha512: unsafe SHA512_Init(&long)
    }
  }

  public mutating func update(_ bytes: RawSpan) {
    // What these return says nothing: they cannot fail.
    _ = unsafe bytes.withUnsafeBytes { bytes in
      switch algorithm {
      case .sha256: unsafe SHA256_Update(&short, bytes.baseAddress, bytes.count)
      case .sha384: unsafe SHA384_Update(&long, bytes.baseAddress, bytes.count)
      case .sha512: unsafe SHA512_Update(&long, bytes.baseAddress, bytes.count)
      }
    }
  }

  /// The digest of all bytes so far; more may follow.
  public func digest() -> Digest {
    var short = short
    var long = long
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: algorithm.size) { bytes, count in
      switch algorithm {
      case .sha256: unsafe SHA256_Final(bytes.baseAddress, &short)
      case .sha384: unsafe SHA384_Final(bytes.baseAddress, &long)
      case .sha512: unsafe SHA512_Final(bytes.baseAddress, &long)
      }
      count = algorithm.size
    }
    // There are as many bytes as there should be; an all-zero digest would match nothing.
    return Digest(rawBytes: bytes, by: algorithm) ?? Digest(zero: ())
  }
}

extension Digest {
  /// The digest of `bytes`.
  public init(of bytes: [UInt8], by algorithm: Algorithm = .sha256) {
    var hasher = ContentHasher(algorithm)
    unsafe hasher.update(bytes.span.bytes)
    self = hasher.digest()
  }

  /// Whether it is the digest of `bytes`, by its own algorithm.
  public func matches(_ bytes: [UInt8]) -> Bool { Digest(of: bytes, by: algorithm) == self }
}
