import Transfers

/// What is reported when a command ends in an error before it could report more.
struct FailedReport: Codable {
  private(set) var schema = ReportSchema.failed
  private(set) var ferry = Ferry.version
  let error: Wording
  let remedy: Wording?
  let status: Int32
  /// The images that failed, where the error speaks of several.
  let failures: [FailureEntry]

  init(_ error: any Error, _ text: ErrorText) {
    self.error = text.summary
    remedy = text.remedy
    status = text.status.rawValue
    failures =
      if case TransferError.imagesFailed(let failures, _) = error { failures.map(FailureEntry.init) } else {
        []
      }
  }
}
