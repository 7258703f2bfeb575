/// An error in words for the person at the terminal: what happened, where, and what to do next, in one to
/// three lines; and the exit status that goes with it.
struct ErrorText: Equatable {
  /// What happened and where, one line.
  let summary: String
  /// What to do next; nil when the summary says it.
  let remedy: String?
  let status: ExitStatus

  init(_ summary: String, remedy: String? = nil, _ status: ExitStatus) {
    self.summary = summary
    self.remedy = remedy
    self.status = status
  }

  /// The lines to print.
  var lines: String { "ferry: \(summary)" + (remedy.map { "\n\($0)" } ?? "") }
}
