/// What uploads have taught about a registry, and how the next are sent: a value.
struct UploadPolicy: Sendable {
  /// Ways to send a blob's bytes (distribution-spec, "Pushing blobs").
  enum Mode: Hashable, Sendable {
    /// All of them in the closing PUT.
    case monolithic
    /// By PATCH, in one or more chunks; the closing PUT is empty.
    case chunked

    var other: Self { self == .monolithic ? .chunked : .monolithic }
  }

  /// What a chunk is now.
  private(set) var chunk: ChunkSize
  private let wholeLimit: Int64
  private var refused: Mode?

  init(_ sizes: UploadSizes) {
    wholeLimit = sizes.wholeLimit
    chunk = ChunkSize(sizes)
  }

  /// The mode for a blob of `size` bytes, of which so many as `reach` can be sent again; nil for all.
  func mode(forSize size: Int64, reach: Int64?) -> Mode {
    let wanted = size > min(wholeLimit, reach ?? .max) ? Mode.chunked : .monolithic
    return refused == wanted ? wanted.other : wanted
  }

  /// The registry refuses `mode`, and took a blob the other way.
  mutating func noteRefusal(of mode: Mode) { refused = mode }

  /// Hears what one upload has found a chunk to be at best.
  mutating func learn(_ chunk: ChunkSize) { self.chunk.adopt(chunk) }
}

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

/// How much of a blob goes in one request: what the line moves in about a second. What is lost with a
/// request, and what a run that is told to end has still to send, is then as much, and asking so often
/// costs little.
struct ChunkSize: Hashable, Sendable {
  private let sizes: UploadSizes
  /// In bytes.
  private(set) var bytes: Int64
  /// What no chunk is larger than: less once a request was found too large.
  private var largest: Int64

  init(_ sizes: UploadSizes) {
    self.sizes = sizes
    bytes = sizes.firstChunk
    largest = sizes.largestChunk
  }

  /// Makes chunks smaller for good after the registry, or a proxy before it, found one of `count` bytes too
  /// large (413). False when a smaller one is not worth trying.
  mutating func shrink(below count: Int64) -> Bool {
    guard count > sizes.leastChunk else { return false }
    largest = min(largest, max(count / 2, sizes.leastChunk))
    bytes = min(bytes, largest)
    return true
  }

  /// Takes on what another upload has learned, but no size that was too large for one of the two.
  mutating func adopt(_ other: ChunkSize) {
    largest = min(largest, other.largest)
    bytes = min(other.bytes, largest)
  }

  /// Learns from a whole chunk of this size that took `duration`.
  mutating func learn(from duration: Duration) {
    if duration < .milliseconds(500) {
      bytes = min(bytes * 2, largest)
    } else if duration > .milliseconds(1500) {
      bytes = min(max(bytes / 2, sizes.smallestChunk), largest)
    }
  }

  /// The end of the chunk that begins at `offset` in a blob of `size` bytes, for a registry that wants at
  /// least `least` bytes in all but the last.
  func end(from offset: Int64, of size: Int64, least: Int64) -> Int64 {
    let (end, overflow) = offset.addingReportingOverflow(max(bytes, least, 1))
    return overflow ? size : min(end, size)
  }
}
