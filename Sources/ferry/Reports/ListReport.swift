import Digests
import Images
import Transfers

/// What `ferry list` reports.
struct ListReport: Codable {
  struct Image: Codable {
    let reference: String
    let host: String
    let repository: String
    let tag: String?
    /// Of what has no tag.
    let digest: String?
    let bytes: Int64?
    /// ISO 8601.
    let updated: String?
    let imageID: String?
    let description: String?
    let isPublic: Bool?
    let isReadOnly: Bool?
    /// Whether it is of Docker's schema 1; nil where that was not looked at.
    let isSchema1: Bool?
    /// The media type of its manifest, where that was looked at and Ferry does not know it.
    let unknownType: String?
  }

  private(set) var schema = ReportSchema.list
  private(set) var ferry = Ferry.version
  let images: DocumentList<Image>
  let failures: DocumentList<FailureEntry>
  /// With `--untagged`: the registries that do not list what has no tag; nil without.
  let untaggedUnlisted: DocumentList<String>?
  /// What registries warn of, in words; nil: nothing.
  let warnings: DocumentList<Wording>?

  init(_ found: Listing.Result, warnings: [Wording]?) {
    self.warnings = warnings.map { DocumentList($0) }
    untaggedUnlisted = found.untaggedUnlisted.map { DocumentList($0) }
    images = DocumentList(found.images) {
      Image(
        reference: $0.reference.description, host: $0.reference.host, repository: $0.reference.repository,
        tag: $0.reference.tag, digest: $0.reference.digest?.description, bytes: $0.size, updated: $0.updated,
        imageID: $0.imageID,
        description: $0.description, isPublic: $0.isPublic, isReadOnly: $0.isReadOnly,
        isSchema1: $0.isSchema1,
        unknownType: $0.unknownType?.rawValue)
    }
    failures = DocumentList(found.failures, FailureEntry.init)
  }
}
