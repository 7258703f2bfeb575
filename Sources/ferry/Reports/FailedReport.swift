import Transfers

/// What is reported when a command ends in an error before it could report more.
struct FailedReport: Codable {
  private(set) var schema = ReportSchema.failed
  private(set) var ferry = Ferry.version
  let error: Wording
  let remedy: Wording?
  let status: Int32
  /// The images that failed, where the error speaks of several.
  let failures: DocumentList<FailureEntry>
  /// What registries warn of, in words; nil: nothing.
  let warnings: DocumentList<Wording>?

  init(_ error: any Error, _ text: ErrorText, warnings: [Wording]?) {
    self.warnings = warnings.map { DocumentList($0) }
    self.error = text.summary
    remedy = text.remedy
    status = text.status.rawValue
    let failed =
      if case TransferError.imagesFailed(let failures, _) = error { failures } else { [ImageFailure]() }
    failures = DocumentList(failed, FailureEntry.init)
  }
}

/// An image that failed, in a report.
struct FailureEntry: Codable {
  let image: String
  let error: Wording
  let remedy: Wording?
  let status: Int32

  init(_ failure: ImageFailure) {
    let text = ErrorText(failure.error)
    image = failure.image
    error = text.summary
    remedy = text.remedy
    status = text.status.rawValue
  }
}

/// Something that stands in the way of everything, in a plan.
struct BlockerEntry: Codable {
  let error: Wording
  let remedy: Wording?
  let status: Int32

  init(_ error: any Error) {
    let text = ErrorText(error)
    self.error = text.summary
    remedy = text.remedy
    status = text.status.rawValue
  }
}
