import Images
import Transfers

/// What `ferry list` reports.
struct ListReport: Encodable {
  struct Image: Encodable {
    let reference: String
    let host: String
    let repository: String
    let tag: String?
  }

  let schema = "ferry/list-report/v1"
  let ferry = Ferry.version
  let images: [Image]
  let failures: [FailureEntry]

  init(_ found: Listing.Result) {
    images = found.images.map {
      Image(reference: $0.description, host: $0.host, repository: $0.repository, tag: $0.tag)
    }
    failures = found.failures.map(FailureEntry.init)
  }
}
