import Digests
import Layouts
import Transfers

/// An archive or receipt by which content was known to be on the other side, in a report.
struct KnownSourceEntry: Codable {
  /// `archive` or `receipt`.
  let kind: String
  let name: String
  let digest: String
  /// In an export's report: `vouched` (by `--known-expect` or a signature), `hashed` (what is left out was read in it) or
  /// `claimed` (nobody looked).
  let proof: String?

  init(_ source: KnownSource) { self.init(source, proof: nil) }

  init(_ source: KnownSource, proof: KnownProof?) {
    kind = source.kind.rawValue
    name = source.name
    digest = source.digest.description
    self.proof = proof.map { "\($0)" }
  }
}
