public import Registry

/// Why a phase's credentials could not be had. No case carries a secret.
public enum CredentialError: Error, Hashable, Sendable {
  case unreadable(path: String)
  /// An auth file that cannot be used.
  case authFile(path: String, AuthFileError)
  /// A key file with nothing in it, or more than one line.
  case notAKey(path: String)
  /// One of a pair of variables is set, the other is not.
  case halfSet(present: EnvironmentVariable, missing: EnvironmentVariable)
  case noPasswordOnStandardInput
  /// One login, and registries of several hosts to log in to.
  case oneLoginForSeveralHosts(CredentialSource, hosts: [String])
  /// A `docker-credential-<name>` program that gave no answer.
  case helperFailed(name: String, server: String, CredentialHelperFailure)
}
