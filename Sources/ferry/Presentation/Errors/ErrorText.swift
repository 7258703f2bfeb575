import Transfers

/// An error in words for the person at the terminal: what happened, where, and what to do next, in one to
/// three lines; and the exit status that goes with it.
struct ErrorText: Equatable {
  /// What happened and where, one line.
  let summary: Wording
  /// What to do next; nil when the summary says it.
  let remedy: Wording?
  let status: ExitStatus

  init(_ summary: Wording, remedy: Wording? = nil, _ status: ExitStatus) {
    self.summary = summary
    self.remedy = remedy
    self.status = status
  }

  /// The words for any error.
  init(_ error: any Error) {
    switch error {
    case let error as any WordedError: self = error.text
    case is CancellationError: self = .interrupted
    default: self = .unforeseen(error)
    }
  }

  /// The last line is the command to type again; secrets never stand on a command line.
  static var interrupted: ErrorText {
    ErrorText(
      "interrupted; nothing unfinished has its final name. To go on:",
      remedy: .command(CommandLine.arguments), .interrupted)
  }

  /// What no input should bring about.
  static func unforeseen(_ error: any Error) -> ErrorText {
    ErrorText("something unforeseen went wrong: \(String(describing: error))", .unforeseen)
  }

  /// The lines to print.
  var lines: Wording { "ferry: \(summary)" + (remedy.map { "\n\($0)" } ?? "") }
}

/// An error that there are words for. Each enum of errors has a file of its own beside this one, with a `switch` over all
/// its cases and no `default`, so that a new case is not built without words.
protocol WordedError: Error {
  var text: ErrorText { get }
}

extension OneArchiveFault: WordedError {
  var text: ErrorText {
    let own = ErrorText(error)
    let words = own.remedy ?? ""
    guard !words.contains("--keep-going") else { return own }
    let way: Wording = "--keep-going imports the other archives."
    return ErrorText(own.summary, remedy: words.isEmpty ? way : words + " " + way, own.status)
  }
}

/// What is wrong with an archive, and has stopped an import before anything was pushed, or any image.
struct StoppedImport: WordedError {
  private let error: any Error
  private let pushed: Wording

  /// `error` itself where it is of something else.
  static func telling(_ error: any Error, _ pushed: Wording) -> any Error {
    let cause = (error as? OneArchiveFault)?.error ?? error
    return switch cause {
    case TransferError.damaged, TransferError.incompleteArchive: Self(error: error, pushed: pushed)
    default: error
    }
  }

  var text: ErrorText {
    let own = ErrorText(error)
    return ErrorText(
      own.summary, remedy: [pushed, own.remedy].compactMap(\.self).joined(separator: " "), own.status)
  }
}

extension ImageFailure: WordedError {
  var text: ErrorText { ErrorText(error) }
}
