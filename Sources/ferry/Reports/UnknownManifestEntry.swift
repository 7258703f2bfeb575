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

  init(_ descriptor: Descriptor) {
    digest = descriptor.digest.description
    mediaType = descriptor.mediaType.rawValue
    bytes = descriptor.size
    text = UncarriedText.line(forUnknown: descriptor)
  }
}
