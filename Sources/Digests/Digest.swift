import Crypto

/// The sha256 of some content, as OCI writes it: `sha256:` and 64 lower-case hexadecimal digits.
///
/// sha256 is the only algorithm Ferry trusts; image-spec's `descriptor.md` registers others, which
/// parsing refuses by name.
public struct Digest: Hashable, Sendable {
  // Four words, not an array: digests are dictionary keys by the hundred thousand.
  private let words: (UInt64, UInt64, UInt64, UInt64)

  /// The digest whose 32 raw bytes are given; nil when there are not 32.
  public init?(rawBytes: some Sequence<UInt8>) {
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
    self.words = words
  }

  /// The digest that no content is known to have.
  init(zero: Void) { words = (0, 0, 0, 0) }

  /// Parses `sha256:<64 hex digits>`.
  public init(_ text: some StringProtocol) throws(DigestError) {
    guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
      throw .malformed(String(text.prefix(100)))
    }
    let algorithm = text[..<colon]
    guard algorithm == "sha256" else {
      throw algorithm == "sha512" ? .unsupportedAlgorithm("sha512") : .malformed(String(text.prefix(100)))
    }
    guard let digest = Self(hex: text[text.utf8.index(after: colon)...]) else {
      throw .malformed(String(text.prefix(100)))
    }
    self = digest
  }

  /// Parses the 64 hexadecimal digits alone, as they stand in a blob's file name.
  public init?(hex: some StringProtocol) {
    guard hex.utf8.count == 64 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32)
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
    self.init(rawBytes: bytes)
  }

  /// The 64 hexadecimal digits without the algorithm.
  public var hex: String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for word in [words.0, words.1, words.2, words.3] {
      for shift in stride(from: 60, through: 0, by: -4) {
        text.append(digits[Int(word >> UInt64(shift) & 15)])
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The first twelve hexadecimal digits, for people.
  public var short: String { String(hex.prefix(12)) }

  public static func == (left: Self, right: Self) -> Bool { left.words == right.words }

  public func hash(into hasher: inout Hasher) {
    // All of it: digests come from outside, and many that agree in a part are quickly made.
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
  }
}

extension Digest: CustomStringConvertible {
  public var description: String { "sha256:\(hex)" }
}

extension Digest: Comparable {
  /// The order of the hexadecimal forms.
  public static func < (left: Self, right: Self) -> Bool { left.words < right.words }
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
  private var state = SHA256()

  public init() {}

  public mutating func update(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { unsafe state.update(bufferPointer: $0) }
  }

  /// The digest of all bytes so far; more may follow.
  public func digest() -> Digest {
    // SHA-256 has 32 bytes by definition; an all-zero digest would match nothing.
    Digest(rawBytes: state.finalize()) ?? Digest(zero: ())
  }
}

extension Digest {
  /// The digest of `bytes`.
  public init(of bytes: [UInt8]) {
    var hasher = ContentHasher()
    unsafe hasher.update(bytes.span.bytes)
    self = hasher.digest()
  }
}
