import Digests
import Images

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
