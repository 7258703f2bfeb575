public import Digests

/// How a blob came to the registry.
public enum BlobPush: Hashable, Sendable {
  /// From another repository of the same registry; no byte was sent.
  case mounted
  /// Byte by byte, each hashed on the way.
  case uploaded(Proof)
}
