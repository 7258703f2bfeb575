import Digests
import Files

/// What the program itself finds wrong with the files that it is given, and with those that it writes besides its work.
/// No case carries a secret.
enum FerryError: Error {
  /// A list of lines, a key or an auth file that the user points at; the errno.
  case unreadable(path: String, code: Int32)
  /// Not a text of lines, or one beyond all measure.
  case notAList(path: String)
  case keyRefused(path: String, SignatureError)
  /// The key has a password, and nobody can be asked for it.
  case noKeyPassword(path: String)

  /// The system lets this program open too few files; the errno.
  case tooFewFiles(code: Int32)

  // What is told at the end.
  /// The report cannot be written where it is to go.
  case unwritableReport(path: String, FileError)
  /// The work is done, and not all of its files are written; why, of each.
  case unwrittenFiles([any Error])

  /// Whether a report of this error could not be written either, or is written already.
  var isOfReports: Bool {
    switch self {
    case .unwritableReport, .unwrittenFiles: true
    case .unreadable, .notAList, .keyRefused, .noKeyPassword, .tooFewFiles: false
    }
  }
}
