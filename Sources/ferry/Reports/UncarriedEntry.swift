import Digests
import Images
import Transfers

/// A signature, SBOM or attestation that an export does not carry, in a report.
struct UncarriedEntry: Codable {
  /// Absent where the registry does not say what there is.
  let digest: String?
  let mediaType: String?
  let artifactType: String?
  /// The digest of the manifest it is listed for.
  let subject: String
  /// `platform`, `subject`, `unknownType`, `absent`, `notAManifest`, `otherSubject`, `unreadable` or `notShown`.
  let reason: String
  /// The line that says so.
  let text: Wording

  init(_ referrer: UncarriedReferrer, of image: Reference) {
    digest = referrer.digest?.description
    mediaType = referrer.mediaType?.rawValue
    artifactType = referrer.artifactType
    subject = referrer.subject.description
    reason = UncarriedText.name(of: referrer.reason)
    text = UncarriedText.line(for: referrer, of: image)
  }
}

/// What an index lists and may be a manifest of a type that Ferry does not know, in a report: its bytes are carried, and
/// nothing that it may list.
struct UnknownManifestEntry: Codable {
  let digest: String
  let mediaType: String
  let bytes: Int64
  /// The line that says so.
  let text: Wording

  /// Entries for `descriptors`; nil for none, for this field came later than reports of its version.
  static func all(_ descriptors: [Descriptor]) -> [UnknownManifestEntry]? {
    descriptors.isEmpty ? nil : descriptors.map(Self.init)
  }

  private init(_ descriptor: Descriptor) {
    digest = descriptor.digest.description
    mediaType = descriptor.mediaType.rawValue
    bytes = descriptor.size
    text = UncarriedText.line(forUnknown: descriptor)
  }
}
