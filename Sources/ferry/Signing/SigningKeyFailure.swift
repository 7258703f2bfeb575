import Digests

/// Why a key could not be had. No case carries a secret.
enum SigningKeyFailure: Error, Hashable {
  case unreadable(path: String)
  case refused(path: String, SignatureError)
  /// The key has a password, and nobody can be asked for it.
  case noPassword(path: String)
}
