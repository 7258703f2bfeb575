import ArgumentParser
import Credentials
import Transport

/// Explicit credentials, the first place a phase looks in.
struct CredentialOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The user to log in as; the password comes by --password-stdin. Without it, \(EnvironmentVariable.exportUsername) "
        + "and \(EnvironmentVariable.exportPassword) are taken to list, export and check against a source, "
        + "\(EnvironmentVariable.importUsername) and \(EnvironmentVariable.importPassword) to import and check --to.",
      valueName: "user"))
  var username: String?

  @Flag(help: "Read the password from standard input.")
  var passwordStdin = false

  @Option(
    help: ArgumentHelp(
      "Read an API key from this file; the user is then $oauthtoken. Without it, \(EnvironmentVariable.exportAPIKey) is "
        + "taken to list and export, \(EnvironmentVariable.importAPIKey) to import, \(EnvironmentVariable.ngcAPIKey) to "
        + "import to nvcr.io.", valueName: "file"),
    completion: .file())
  var apiKeyFile: String?

  @Option(
    help: ArgumentHelp(
      "Look for credentials in this docker or containers auth file instead of the usual ones "
        + "(\(EnvironmentVariable.registryAuthFile), \(EnvironmentVariable.dockerConfig)).",
      valueName: "file"),
    completion: .file())
  var authFile: String?

  @Option(
    help: ArgumentHelp(
      "Show this certificate, in PEM form, to the registries named if they ask for one.", valueName: "file"),
    completion: .file())
  var clientCert: String?

  @Option(
    help: ArgumentHelp(
      "The private key of --client-cert, without a passphrase; left out where that file holds it too.",
      valueName: "file"),
    completion: .file())
  var clientKey: String?

  /// The files that are read.
  var files: [String?] { [apiKeyFile, authFile, clientCert, clientKey] }

  func validate() throws {
    if (username != nil) != passwordStdin {
      throw ValidationError(
        username == nil
          ? "--password-stdin needs --username." : "--username needs --password-stdin.")
    }
    if clientKey != nil && clientCert == nil {
      throw ValidationError("--client-key needs --client-cert.")
    }
    if apiKeyFile != nil && username != nil {
      throw ValidationError("--api-key-file and --username exclude each other.")
    }
  }

  /// The certificate to be shown to the registries; nil where none was given.
  var clientCertificate: ClientCertificate? {
    clientCert.map { ClientCertificate(certificate: $0, key: clientKey ?? $0) }
  }

  /// Reads the secrets that the flags point to. Throws ``CredentialError``, ``FerryError``, and
  /// `CancellationError` when the task is cancelled meanwhile.
  func read() throws -> ExplicitCredential {
    if let username {
      let input = try InputFile.bytes(of: "-", limit: ExplicitCredential.longestSecret)
      return try .login(username: username, input: input)
    }
    guard let apiKeyFile else { return .none }
    return try .apiKey(
      path: apiKeyFile, content: InputFile.bytes(of: apiKeyFile, limit: ExplicitCredential.longestSecret))
  }
}
