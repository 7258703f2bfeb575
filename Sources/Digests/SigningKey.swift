import Crypto
import FoundationEssentials

/// A minisign secret key, open. It never prints itself.
public struct SigningKey: Sendable {
  public let id: KeyID
  private let key: Curve25519.Signing.PrivateKey

  /// Takes the 72 bytes of a secret key file that follow its head: the key's id, its seed and its public half.
  /// Throws ``SignatureError/malformedSecretKey``.
  init(secret: [UInt8]) throws(SignatureError) {
    guard secret.count == 72, let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: secret[8..<40]),
      // The halves of a damaged key do not belong together; with such a one signatures would give the seed away.
      Array(key.publicKey.rawRepresentation) == Array(secret[40...])
    else { throw .malformedSecretKey }
    id = KeyID(secret[..<8])
    self.key = key
  }

  /// What checks this key's signatures.
  public var verificationKey: VerificationKey {
    VerificationKey(id: id, point: Array(key.publicKey.rawRepresentation))
  }

  /// Signs `content` as minisign does, with a comment that is signed too and must be one line.
  public func sign(_ content: [UInt8], trustedComment: String) throws(SignatureError) -> DetachedSignature {
    let algorithm = DetachedSignature.Algorithm.hashed
    let comment = String(trustedComment.map { $0.isNewline ? " " : $0 })
    do {
      let signature = Array(try key.signature(for: algorithm.message(for: content)))
      let global = Array(try key.signature(for: DetachedSignature.globalMessage(signature, comment)))
      return DetachedSignature(
        algorithm: algorithm, keyID: id, signature: signature, trustedComment: comment,
        globalSignature: global)
    } catch {
      throw .malformedSecretKey
    }
  }
}

extension SigningKey: CustomStringConvertible, CustomReflectable {
  public var description: String { "secret key \(id)" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
