import Transfers

/// Why a phase's credentials could not be read. No case carries a secret.
enum CredentialError: Error, Hashable {
  case unreadable(path: String)
  /// `why` is in words for a person, where it is known.
  case malformed(path: String, why: String? = nil)
  /// A key file with nothing in it, or more than one line.
  case notAKey(path: String)
  /// One of a pair of variables is set, the other is not.
  case halfSet(present: String, missing: String)
  case noPasswordOnStandardInput
  /// One login, and registries of several hosts to log in to.
  case oneLoginForSeveralHosts(CredentialSource, hosts: [String])
}
