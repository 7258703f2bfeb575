import Digests

/// minisign's keys, as the user points at them.
enum KeyFiles {
  /// Far beyond any key file, in bytes.
  private static let longest = 64 << 10

  static let passphraseVariable = "FERRY_SIGN_PASSPHRASE"

  /// The public key in a file, or written out as `RW…`. Throws ``SigningKeyFailure``.
  static func publicKey(_ text: String) throws(SigningKeyFailure) -> VerificationKey {
    if text.hasPrefix(VerificationKey.textPrefix), let key = try? VerificationKey(text: Array(text.utf8)) {
      return key
    }
    let bytes = try bytes(of: text)
    do { return try VerificationKey(text: bytes) } catch { throw .refused(path: text, error) }
  }

  /// The secret key in the file at `path`, opened with the password in `environment` or one typed at the
  /// terminal. Throws ``SigningKeyFailure``, and `CancellationError` when the user gives up.
  static func signingKey(_ path: String, environment: [String: String], _ console: Console) throws
    -> SigningKey
  {
    let bytes = try bytes(of: path)
    if Paths.isReadableByOthers(path) { console.complain(CredentialWarning.keyFileReadable(path: path).line) }
    do {
      let file = try SigningKeyFile(text: bytes)
      guard file.isLocked else { return try file.open() }
      if let password = environment[passphraseVariable] {
        return try file.open(password: Array(password.utf8))
      }
      guard let password = try PasswordPrompt.ask("Password of \(path): ") else {
        throw SigningKeyFailure.noPassword(path: path)
      }
      return try file.open(password: password)
    } catch let error as SignatureError {
      throw SigningKeyFailure.refused(path: path, error)
    }
  }

  private static func bytes(of path: String) throws(SigningKeyFailure) -> [UInt8] {
    guard let bytes = InputFile.bytes(of: path, limit: longest) else { throw .unreadable(path: path) }
    return bytes
  }
}
