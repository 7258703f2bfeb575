import Archives
import Glibc

/// What a command writes when its work is done: each file is tried, whatever became of the others, and none that cannot be
/// written hides what was done.
struct ClosingFiles {
  /// The work is done, and not all of its files are written.
  struct Unwritten: Error {
    let errors: [any Error]
  }

  private var errors: [any Error] = []

  mutating func write(_ work: () throws -> Void) {
    do { try work() } catch { errors.append(error) }
  }

  /// Throws ``Unwritten`` when something was not written.
  func check() throws {
    guard errors.isEmpty else { throw Unwritten(errors: errors) }
  }
}

extension ErrorText {
  /// A report that cannot be written where it is to go.
  init(report failure: Reports.Unwritable) {
    guard case .file(_, _, let code) = failure.cause else {
      self.init(archive: failure.cause)
      return
    }
    self.init(
      "cannot write the report to \(failure.path): \(unsafe String(cString: strerror(code)))", .cannotWrite)
  }

  /// Files that could not be written when all else was done.
  init(unwritten errors: [any Error]) {
    self.init(
      (["the work itself is done, as told above, but not all is written:"]
        + errors.map { "  \(ErrorText($0).summary)" }).joined(separator: "\n"),
      remedy: "Run the same command again, where it can be written: what is done is not done twice.",
      .cannotWrite)
  }
}
