import Files
import Credentials
import Digests
import Glibc

/// The words for what the program itself finds wrong, with the files that it is given and those that it writes.
extension FerryError: WordedError {
  var text: ErrorText {
    switch self {
    case .unreadable(let path, let code):
      return ErrorText("cannot read \(path): \(unsafe String(cString: strerror(code)))", .notFound)
    case .notAList(let path): return ErrorText("\(path) is not a text of one entry a line", .usage)
    case .keyRefused(let path, .wrongPassword):
      return ErrorText("the password does not open the secret key \(path)", .credentialsRefused)
    case .keyRefused(let path, let error): return ErrorText("\(path): \(error.words)", .usage)
    case .noKeyPassword(let path):
      return ErrorText(
        "the secret key \(path) is locked, and there is no terminal to ask for its password",
        remedy: "Set \(EnvironmentVariable.signPassphrase), or use a key without password (minisign -G -W).",
        .credentialsRefused)
    case .tooFewFiles(let code):
      return ErrorText(
        "the system lets ferry open too few files: \(unsafe String(cString: strerror(code)))",
        remedy: "A limit of open files is reached: see ulimit -n, and allow 64 at least.", .cannotWrite)
    case .unwritableReport(let path, .file(_, _, let code)):
      return ErrorText(
        "cannot write the report to \(path): \(unsafe String(cString: strerror(code)))", .cannotWrite)
    case .unwritableReport(_, let cause): return cause.text
    case .unwrittenFiles(let errors):
      return ErrorText(
        (["the work itself is done, as told above, but not all is written:"]
          + errors.map { "  \(ErrorText($0).summary)" }).joined(separator: "\n"),
        remedy: "Run the same command again, where it can be written: what is done is not done twice.",
        .cannotWrite)
    }
  }
}
