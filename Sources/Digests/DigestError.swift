/// Why content is not what its digest says, or why a digest is none.
public enum DigestError: Error, Hashable, Sendable {
  /// Not of the form `algorithm:hex`.
  case malformed(String)
  /// A registered algorithm that Ferry does not compute.
  case unsupportedAlgorithm(String)
  /// The content ended after `received` of `expected` bytes.
  case short(expected: Int64, received: Int64)
  /// The content went on after its `expected` bytes.
  case long(expected: Int64)
  /// Content of the right size hashed to something else.
  case mismatch(expected: Digest, actual: Digest)
}
