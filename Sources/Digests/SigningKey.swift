/// A minisign secret key, open. It never prints itself.
public struct SigningKey: Sendable {
  let id: KeyID
  private let key: EdwardsKey

  /// Takes the 72 bytes of a secret key file that follow its head: the key's id, its seed and its public half.
  /// Throws ``SignatureError/malformedSecretKey``.
  init(secret: [UInt8]) throws(SignatureError) {
    guard secret.count == 72, let key = EdwardsKey(seed: Array(secret[8..<40])),
      // The halves of a damaged key do not belong together; with such a one signatures would give the seed away.
      key.point == Array(secret[40...])
    else { throw .malformedSecretKey }
    id = KeyID(secret[..<8])
    self.key = key
  }

  /// What checks this key's signatures.
  public var verificationKey: VerificationKey {
    VerificationKey(id: id, point: key.point)
  }

  /// Signs `content` as minisign does, with a comment that is signed too and must be one line.
  public func sign(_ content: [UInt8], trustedComment: String) throws(SignatureError) -> DetachedSignature {
    var signed = SignedContent()
    signed.update(content)
    return try sign(signed, trustedComment: trustedComment)
  }

  /// The same for content that came piece by piece.
  public func sign(
    _ content: SignedContent, trustedComment: String
  ) throws(SignatureError) -> DetachedSignature {
    let algorithm = DetachedSignature.Algorithm.hashed
    let comment = String(trustedComment.map { $0.isNewline ? " " : $0 })
    guard let signature = key.signature(of: try content.message(of: algorithm)),
      let global = key.signature(of: DetachedSignature.globalMessage(signature, comment))
    else { throw .malformedSecretKey }
    return DetachedSignature(
      algorithm: algorithm, keyID: id, signature: signature, trustedComment: comment, globalSignature: global)
  }
}

extension SigningKey: CustomStringConvertible, CustomReflectable {
  public var description: String { "secret key \(id)" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// A minisign public key: who must have signed.
public struct VerificationKey: Hashable, Sendable {
  let id: KeyID
  let point: [UInt8]

  /// What a bare key's base64 always begins with: `Ed`, its algorithm.
  public static let textPrefix = "RW"

  init(id: KeyID, point: [UInt8]) {
    self.id = id
    self.point = point
  }

  /// Reads a public key: minisign's file of two lines, or the second line alone (`RW…`). Throws
  /// ``SignatureError/malformedPublicKey``.
  public init(text: [UInt8]) throws(SignatureError) {
    guard let lines = MinisignText.lines(of: text), (1...2).contains(lines.count),
      lines.count == 1 || lines[0].hasPrefix(MinisignText.untrusted), let key = lines.last,
      let bytes = MinisignText.bytes(key, count: 42), Array(bytes[..<2]) == Array("Ed".utf8),
      !CurvePoint.isWeak(bytes[10...])
    else { throw .malformedPublicKey }
    self.init(id: KeyID(bytes[2..<10]), point: Array(bytes[10...]))
  }

  /// Demands that `signature` is this key's, over `content` and over its trusted comment. Throws
  /// ``SignatureError``: `otherKey`, `invalid`, `alteredComment`, `malformedPublicKey`.
  public func check(_ signature: DetachedSignature, of content: [UInt8]) throws(SignatureError) {
    try check(signature) { signature.algorithm.message(for: content) }
  }

  /// The same for content that came piece by piece. Throws also ``SignatureError/legacyTooLong(limit:)``.
  public func check(_ signature: DetachedSignature, of content: SignedContent) throws(SignatureError) {
    try check(signature) { () throws(SignatureError) in try content.message(of: signature.algorithm) }
  }

  private func check(
    _ signature: DetachedSignature, of message: () throws(SignatureError) -> [UInt8]
  ) throws(SignatureError) {
    guard signature.keyID == id else { throw .otherKey(expected: id, actual: signature.keyID) }
    guard !CurvePoint.isWeak(point) else { throw .malformedPublicKey }
    guard EdwardsKey.isValid(signature.signature, of: try message(), by: point) else { throw .invalid }
    let comment = DetachedSignature.globalMessage(signature.signature, signature.trustedComment)
    guard EdwardsKey.isValid(signature.globalSignature, of: comment, by: point) else {
      throw .alteredComment
    }
  }
}
