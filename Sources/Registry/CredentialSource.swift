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
  /// The helper programs that were asked before, in vain.
  public let missed: [MissedCredential]

  public init(credential: Credential?, source: CredentialSource, missed: [MissedCredential] = []) {
    self.credential = credential
    self.source = source
    self.missed = missed
  }
}

/// A credential that a `docker-credential-*` program was to give and did not.
public struct MissedCredential: Hashable, Sendable {
  /// The program's name, behind `docker-credential-`.
  public let name: String
  /// What it was asked for.
  public let server: String
  /// The auth file that names the program.
  public let path: String
  /// What went wrong; nil when the program has nothing for this server.
  public let failure: CredentialHelperFailure?

  public init(name: String, server: String, path: String, failure: CredentialHelperFailure?) {
    self.name = name
    self.server = server
    self.path = path
    self.failure = failure
  }
}

/// Why a credential helper gave no answer.
public enum CredentialHelperFailure: Error, Hashable, Sendable {
  /// The name would not be a program's in `PATH`.
  case invalidName
  /// No directory of `PATH` has the program.
  case notFound
  /// It could not be started, or its pipes failed.
  case notStarted(errno: Int32)
  case timedOut(Duration)
  /// It ended with a status other than 0; a negative one is the signal that ended it.
  case failed(status: Int32, message: String)
  /// It wrote more than a reply can have.
  case tooLong(limit: Int)
  /// Not the JSON the protocol wants.
  case malformedReply
  case cancelled
}

/// Whether a credential was in hand.
public enum CredentialInHand: Hashable, Sendable, ExpressibleByBooleanLiteral {
  case yes
  /// None was; the helper programs that were to give one.
  case no(missed: [MissedCredential])

  public init(booleanLiteral isInHand: Bool) { self = isInHand ? .yes : .no(missed: []) }
}
