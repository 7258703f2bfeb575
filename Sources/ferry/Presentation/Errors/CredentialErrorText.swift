import Credentials
import Registry

/// The words for credentials that cannot be had.
extension CredentialError: WordedError {
  var text: ErrorText {
    switch self {
    case .unreadable(let path): return ErrorText("cannot read \(path)", .notFound)
    case .authFile(let path, let error):
      return ErrorText(
        "\(path) is not a docker or containers auth file that can be used\(error.words)",
        remedy: "Mend it, or name another with --auth-file.",
        .usage)
    case .notAKey(let path):
      return ErrorText("\(path) does not hold one line with an API key", .usage)
    case .halfSet(let present, let missing):
      return ErrorText("\(present) is set, \(missing) is not", remedy: "Set both, or neither.", .usage)
    case .noPasswordOnStandardInput:
      return ErrorText(
        "no password came on standard input", remedy: "Pipe it in: ferry … --password-stdin < password.txt",
        .usage)
    case .oneLoginForSeveralHosts(let source, let hosts):
      return ErrorText(
        "\(CredentialText.words(for: source)) can be of one registry only, and \(hosts.count) are named: "
          + hosts.map(Wording.value).joined(separator: ", "),
        remedy: "Take one registry at a time, or let --auth-file name a login for each.", .usage)
    case .helperFailed(let name, let server, let failure):
      return ErrorText(
        "docker-credential-\(name) gave no credentials for \(server): \(failure.words)",
        remedy: "Run it by hand, or give the key by a flag or an environment variable.",
        .credentialsRefused)
    }
  }
}

extension AuthFileError {
  /// Why, after a colon, where that helps.
  fileprivate var words: Wording {
    switch self {
    case .malformed(let fault): ": \(fault.words)"
    case .tooLarge: ""
    case .noLogin(let key): ": its entry '\(key)' holds no user and password"
    case .registryTokenAlone(let key):
      ": its entry '\(key)' holds nothing but a 'registrytoken', which ferry does not use"
    }
  }
}

extension CredentialHelperFailure {
  var words: Wording {
    switch self {
    case .invalidName: "its name is none of a program"
    case .notFound: "it is not in PATH"
    case .notStarted(let code): "it did not start (errno \(code))"
    case .timedOut(let limit): "it did not answer within \(limit.components.seconds) s"
    case .failed(let status, let message): "it exited with \(status)\(message.isEmpty ? "" : ", \(message)")"
    case .tooLong(let limit): "its answer is longer than \(limit) bytes"
    case .malformedReply: "its answer is not what the protocol asks for"
    case .cancelled: "it was interrupted"
    }
  }
}
