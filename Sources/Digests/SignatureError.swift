/// Why a signature, or a key, is not what it should be. No case ever holds part of a secret.
public enum SignatureError: Error, Hashable, Sendable {
  /// No minisign signature; what is wrong, in words for a person.
  case malformedSignature(String)
  /// No minisign public key.
  case malformedPublicKey
  /// No minisign secret key.
  case malformedSecretKey
  /// A secret key whose password costs more memory than Ferry gives it, in bytes.
  case costlyPassword(memory: UInt64)
  /// Its password is to cost many times the work that minisign asks for.
  case slowPassword
  /// The password does not open the secret key, or the key is damaged.
  case wrongPassword
  /// Made with another key than the one demanded.
  case otherKey(expected: KeyID, actual: KeyID)
  /// Not a signature of this content by this key.
  case invalid
  /// The content's signature is right; the trusted comment is not the one that was signed.
  case alteredComment
}
