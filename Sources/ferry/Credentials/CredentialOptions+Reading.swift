extension CredentialOptions {
  /// Reads the secrets that the flags point to. Throws ``CredentialError``.
  func read() throws -> PhaseCredentials.Explicit {
    if let username {
      guard let password = Self.trimmed(InputFile.bytes(of: "-", limit: Self.longestSecret) ?? []) else {
        throw CredentialError.noPasswordOnStandardInput
      }
      return .login(username: username, password: password)
    }
    guard let apiKeyFile else { return .none }
    guard let bytes = InputFile.bytes(of: apiKeyFile, limit: Self.longestSecret) else {
      throw CredentialError.unreadable(path: apiKeyFile)
    }
    guard bytes.count <= Self.longestSecret, let key = Self.trimmed(bytes), !key.contains(where: \.isNewline)
    else {
      throw CredentialError.notAKey(path: apiKeyFile)
    }
    return .apiKey(key, path: apiKeyFile)
  }

  private static let longestSecret = 64 << 10

  /// The text without the white space around it; nil when nothing or no text is left.
  private static func trimmed(_ bytes: [UInt8]) -> String? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    var rest = text[...]
    while rest.first?.isWhitespace == true { rest.removeFirst() }
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return rest.isEmpty ? nil : String(rest)
  }
}
