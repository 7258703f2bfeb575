/// An Ed25519 signature beside what it signs, in minisign's format: the content's signature, a comment, and a
/// second signature over the first and the comment.
public struct DetachedSignature: Hashable, Sendable {
  /// What the key signed.
  enum Algorithm: String, Hashable {
    /// The content's BLAKE2b-512 (minisign's default).
    case hashed = "ED"
    /// The content itself (minisign's `-l`, and all of it before 0.8).
    case legacy = "Ed"

    /// The bytes that are signed for `content`.
    func message(for content: [UInt8]) -> [UInt8] {
      switch self {
      case .hashed: BLAKE2b.hash(content)
      case .legacy: content
      }
    }
  }

  let algorithm: Algorithm
  public let keyID: KeyID
  let signature: [UInt8]
  /// Signed like the content; minisign puts the time and the file's name there.
  public let trustedComment: String
  let globalSignature: [UInt8]

  private static let signatureSize = 64

  init(
    algorithm: Algorithm, keyID: KeyID, signature: [UInt8], trustedComment: String, globalSignature: [UInt8]
  ) {
    self.algorithm = algorithm
    self.keyID = keyID
    self.signature = signature
    self.trustedComment = trustedComment
    self.globalSignature = globalSignature
  }

  /// Reads a `.minisig` file. Throws ``SignatureError/malformedSignature(_:)``.
  public init(text: [UInt8]) throws(SignatureError) {
    guard let lines = MinisignText.lines(of: text), lines.count == 4 else {
      throw .malformedSignature(.lineCount)
    }
    guard lines[0].hasPrefix(MinisignText.untrusted) else {
      throw .malformedSignature(.noUntrustedComment)
    }
    guard let first = MinisignText.bytes(lines[1], count: 10 + Self.signatureSize),
      let global = MinisignText.bytes(lines[3], count: Self.signatureSize)
    else { throw .malformedSignature(.noSignature) }
    guard let algorithm = Algorithm(rawValue: String(decoding: first[..<2], as: UTF8.self)) else {
      throw .malformedSignature(.unknownAlgorithm)
    }
    guard lines[2].hasPrefix(MinisignText.trusted) else {
      throw .malformedSignature(.noTrustedComment)
    }
    self.init(
      algorithm: algorithm, keyID: KeyID(first[2..<10]), signature: Array(first[10...]),
      trustedComment: String(lines[2].dropFirst(MinisignText.trusted.count)), globalSignature: global)
  }

  /// What the second signature is over.
  static func globalMessage(_ signature: [UInt8], _ comment: String) -> [UInt8] {
    signature + Array(comment.utf8)
  }

  /// The `.minisig` file.
  public var text: [UInt8] {
    let first = MinisignText.base64(Array(algorithm.rawValue.utf8) + keyID.bytes + signature)
    let lines = [
      MinisignText.untrusted + "signature from ferry", first, MinisignText.trusted + trustedComment,
      MinisignText.base64(globalSignature),
    ]
    return Array((lines.joined(separator: "\n") + "\n").utf8)
  }
}

/// Content that comes piece by piece, to be signed or checked against its signature.
public struct SignedContent: Sendable {
  /// Content that was signed itself, and not by its hash, is checked up to here, in bytes: it has to be in memory.
  private static let wholeLimit = 16 << 20

  private var hasher = BLAKE2b()
  /// nil once it is too long.
  private var whole: [UInt8]? = []

  public init() {}

  /// Takes in what comes next.
  public mutating func update(_ bytes: [UInt8]) {
    hasher.update(bytes)
    if let count = whole?.count, count + bytes.count <= Self.wholeLimit {
      whole?.append(contentsOf: bytes)
    } else {
      whole = nil
    }
  }

  func message(of algorithm: DetachedSignature.Algorithm) throws(SignatureError) -> [UInt8] {
    switch algorithm {
    case .hashed: return hasher.finish()
    case .legacy:
      guard let whole else { throw .legacyTooLong(limit: Int64(Self.wholeLimit)) }
      return whole
    }
  }
}
