import Transfers

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
