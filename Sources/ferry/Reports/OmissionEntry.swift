import Digests
import Images
import Layouts
import Transfers

/// A blob or manifest left out of an archive on purpose, in a report.
struct OmissionEntry: Codable {
  let digest: String
  let mediaType: String
  let bytes: Int64
  let reason: String
  /// For what is left out as known: the digest of the archive or receipt that says so, and a repository that it
  /// came from.
  let source: String?
  let repository: String?
  /// For what another tool left out: what its index lists it for.
  let platform: String?

  init(_ omission: Omission) {
    digest = omission.descriptor.digest.description
    mediaType = omission.descriptor.mediaType.rawValue
    bytes = omission.descriptor.size
    reason = omission.reason.rawValue
    source = omission.source?.description
    repository = omission.repository
    platform = omission.platform?.description
  }
}

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

/// An image that an archive was to hold and does not, in a report.
struct MissingImageEntry: Codable {
  let image: String
  let reason: String

  init(_ lack: MissingImage) {
    image = lack.image
    reason = lack.reason.rawValue
  }
}

/// A signature, SBOM or attestation that an export does not carry, or an import of converted images, in a report.
struct UncarriedEntry: Codable {
  /// Absent where the registry does not say what there is.
  let digest: String?
  let mediaType: String?
  let artifactType: String?
  /// The digest of the manifest it is listed for.
  let subject: String
  /// `platform`, `converted`, `subject`, `unknownType`, `absent`, `notAManifest`, `otherSubject`, `unreadable` or `notShown`.
  let reason: String
  /// The line that says so.
  let text: Wording

  init(_ referrer: UncarriedReferrer, of image: String) {
    digest = referrer.digest?.description
    mediaType = referrer.mediaType?.rawValue
    artifactType = referrer.kind.map(UncarriedText.kind)
    subject = referrer.subject.description
    reason = UncarriedText.name(of: referrer.reason)
    text = UncarriedText.line(for: referrer, of: image)
  }

  /// Entries for what refers to `image`; nil for none, for this field came later than reports of its version.
  static func all(_ referrers: [UncarriedReferrer], of image: String) -> DocumentList<UncarriedEntry>? {
    referrers.isEmpty ? nil : DocumentList(referrers) { UncarriedEntry($0, of: image) }
  }
}

/// A manifest of a type that Ferry does not know, in a report: its bytes are carried, and of what it names what its registry has.
struct UnknownManifestEntry: Codable {
  let digest: String
  let mediaType: String
  let bytes: Int64
  /// How much of what it names is carried.
  let carried: Int
  /// What it names and its registry does not have.
  let notFound: DocumentList<String>
  /// The line that says so.
  let text: Wording

  /// Entries for `manifests`; nil for none, for this field came later than reports of its version.
  static func all(_ manifests: [UnknownManifest]) -> DocumentList<UnknownManifestEntry>? {
    manifests.isEmpty ? nil : DocumentList(manifests, Self.init)
  }

  private init(_ manifest: UnknownManifest) {
    digest = manifest.descriptor.digest.description
    mediaType = manifest.descriptor.mediaType.rawValue
    bytes = manifest.descriptor.size
    carried = manifest.carried
    notFound = DocumentList(manifest.notFound) { $0.description }
    text = UncarriedText.line(forUnknown: manifest)
  }
}
