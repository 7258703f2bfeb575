import Transfers

extension ReportPage {
  /// The page of a command that ended before it could report more.
  init(_ text: ErrorText) {
    self.init(
      title: "ferry stopped",
      verdict: "It ended with status \(text.status.rawValue) before there was a result.",
      tone: .bad, facts: [],
      remarks: [
        Remark(text: [text.summary, text.remedy].compactMap(\.self).joined(separator: "\n"), tone: .bad)
      ], rows: [], repositories: [])
  }
}
