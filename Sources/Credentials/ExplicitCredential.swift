/// What was given for this run alone, the first place a phase looks in; secrets already read.
public enum ExplicitCredential: Sendable {
  case login(username: String, password: String)
  case apiKey(String, path: String)
  case none

  /// Far beyond any password or key, in bytes. What is read of one is this and a byte, so that more is noticed.
  public static let longestSecret = 64 << 10

  /// A login whose password came on standard input. Throws ``CredentialError/noPasswordOnStandardInput``.
  public static func login(username: String, input: [UInt8]) throws(CredentialError) -> Self {
    guard let password = trimmed(input) else { throw .noPasswordOnStandardInput }
    return .login(username: username, password: password)
  }

  /// The API key that is all of a file; `content` is nil where that could not be read. Throws
  /// ``CredentialError/unreadable(path:)`` and ``CredentialError/notAKey(path:)``.
  public static func apiKey(path: String, content: [UInt8]?) throws(CredentialError) -> Self {
    guard let content else { throw .unreadable(path: path) }
    guard content.count <= longestSecret, let key = trimmed(content), !key.contains(where: \.isNewline) else {
      throw .notAKey(path: path)
    }
    return .apiKey(key, path: path)
  }

  /// The text without the white space around it; nil when nothing or no text is left.
  private static func trimmed(_ bytes: [UInt8]) -> String? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    var rest = text[...]
    while rest.first?.isWhitespace == true { rest.removeFirst() }
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return rest.isEmpty ? nil : String(rest)
  }
}
