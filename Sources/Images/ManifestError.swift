public import Digests

/// Why bytes are not a manifest that Ferry can carry.
public enum ManifestError: Error, Hashable, Sendable {
  /// Not JSON, JSON of another shape, or JSON that readers read differently; the detail names the field.
  case malformed(String)
  /// Holds the fields of two kinds of manifest, `manifests` and `layers` or `config`, or one of those and schema 1's:
  /// readers would disagree on what it is (CVE-2021-41190).
  case ambiguous
  /// Docker image manifest version 1, which has no config and unstable digests.
  case schema1
  /// A media type that is no manifest's.
  case unknownType(String)
  /// Larger than ``Manifest/sizeLimit``.
  case tooLarge(Int64)
  /// The bytes are not the ones the digest or the descriptor promised.
  case wrongContent(DigestError)
}
