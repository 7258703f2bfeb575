import Crypto
import FoundationEssentials

/// A minisign public key: who must have signed.
public struct VerificationKey: Hashable, Sendable {
  public let id: KeyID
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
      let bytes = MinisignText.bytes(key, count: 42), Array(bytes[..<2]) == Array("Ed".utf8)
    else { throw .malformedPublicKey }
    self.init(id: KeyID(bytes[2..<10]), point: Array(bytes[10...]))
  }

  /// Demands that `signature` is this key's, over `content` and over its trusted comment. Throws
  /// ``SignatureError``: `otherKey`, `invalid`, `alteredComment`, `malformedPublicKey`.
  public func check(_ signature: DetachedSignature, of content: [UInt8]) throws(SignatureError) {
    guard signature.keyID == id else { throw .otherKey(expected: id, actual: signature.keyID) }
    let key: Curve25519.Signing.PublicKey
    do { key = try Curve25519.Signing.PublicKey(rawRepresentation: point) } catch {
      throw .malformedPublicKey
    }
    let message = signature.algorithm.message(for: content)
    guard key.isValidSignature(signature.signature, for: message) else { throw .invalid }
    let comment = DetachedSignature.globalMessage(signature.signature, signature.trustedComment)
    guard key.isValidSignature(signature.globalSignature, for: comment) else { throw .alteredComment }
  }
}
