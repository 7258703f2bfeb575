/// How large a piece of a blob goes in one request, in bytes.
public struct UploadSizes: Hashable, Sendable {
  /// Blobs up to this size go in one request: they are sent again sooner than asked about.
  public var wholeLimit: Int64 = 32 << 20
  /// A chunk is what the line moves in about a second, within these bounds.
  public var firstChunk: Int64 = 16 << 20
  public var smallestChunk: Int64 = 4 << 20
  public var largestChunk: Int64 = 256 << 20
  /// What a chunk is at least, however little a proxy lets through: nginx's limit is 1 MiB unless set.
  public var leastChunk: Int64 = 256 << 10

  public init() {}
}
