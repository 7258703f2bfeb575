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
  /// A `docker-credential-*` program that `path` names, asked for `server`.
  case helper(name: String, server: String, path: String)
  case anonymous
}
