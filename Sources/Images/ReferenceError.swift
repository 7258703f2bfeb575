/// Why a text is no image reference. Each case carries the text as it was given.
public enum ReferenceError: Error, Hashable, Sendable {
  case empty
  /// The first component is no host: Ferry has no default registry.
  case missingHost(String)
  case invalidHost(String, host: String)
  /// A host stands alone.
  case missingRepository(String)
  case invalidRepository(String, repository: String)
  case invalidTag(String, tag: String)
  case invalidDigest(String, digest: String)
}
