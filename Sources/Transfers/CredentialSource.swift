/// Where a credential was found: what a person is told instead of the secret.
public enum CredentialSource: Hashable, Sendable {
  /// `--username` and `--password-stdin`.
  case flags
  /// `--api-key-file`.
  case keyFile(String)
  /// Environment variables, by name.
  case environment([String])
  /// An entry of a docker/containers auth file.
  case authFile(path: String, entry: String)
  /// A `docker-credential-*` program.
  case helper(name: String, path: String)
  case anonymous
}
