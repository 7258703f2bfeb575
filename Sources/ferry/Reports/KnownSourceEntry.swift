import Digests
import Layouts

/// An archive or receipt by which content was known to be on the other side, in a report.
struct KnownSourceEntry: Encodable {
  /// `archive` or `receipt`.
  let kind: String
  let name: String
  let digest: String

  init(_ source: KnownSource) {
    kind = source.kind.rawValue
    name = source.name
    digest = source.digest.description
  }
}
