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

  /// The lines to print.
  var lines: Wording { "ferry: \(summary)" + (remedy.map { "\n\($0)" } ?? "") }
}
