/// Where a credential was found: what a person is told instead of the secret.
public enum CredentialSource: Hashable, Sendable {
  /// A user's name on the command line, and the password on standard input.
  case flags
  /// A file with an API key that the command line names.
  case keyFile(String)
  /// Environment variables, by name.
  case environment([String])
  /// An entry of a docker/containers auth file.
  case authFile(path: String, entry: String)
  /// A `docker-credential-*` program that `path` names, asked for `server`.
  case helper(name: String, server: String, path: String)
  case anonymous
}

/// A credential and where it was found; nil for nobody in particular.
public struct FoundCredential: Sendable {
  public let credential: Credential?
  public let source: CredentialSource

  public init(credential: Credential?, source: CredentialSource) {
    self.credential = credential
    self.source = source
  }
}
