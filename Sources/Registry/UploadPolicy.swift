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
  /// Whether the closing PUT brings the last chunk, because the registry refused an empty one.
  private(set) var closesWithBytes = false
  /// Whether a blob in chunks has come to its end here.
  private(set) var hasClosedChunks = false
  private let sizes: UploadSizes
  private var refused: Mode?

  init(_ sizes: UploadSizes) {
    self.sizes = sizes
    chunk = ChunkSize(sizes)
  }

  /// What a request is made no smaller than because the line, or the registry for now, failed under it, in bytes.
  var smallestAfterFailure: Int64 { sizes.smallestChunk }
  /// What is refused as too large in one request, and has more bytes than that, goes in chunks of half of it at most: the rest
  /// is soon sent once more.
  static let largeRequest: Int64 = 5 << 20
  /// What a chunk may have where one is answered 416 for its size, in bytes: GHCR's limit.
  static let smallRange: Int64 = 4 << 20

  /// The mode for a blob of `size` bytes, of which so many as `reach` can be sent again; nil for all.
  func mode(forSize size: Int64, reach: Int64?) -> Mode {
    let wanted = size > min(sizes.wholeLimit, chunk.largest, reach ?? .max) ? Mode.chunked : .monolithic
    return refused == wanted ? wanted.other : wanted
  }

  /// Whether the registry is known to refuse `mode`.
  func refuses(_ mode: Mode) -> Bool { refused == mode }

  /// The registry refuses `mode`, and took a blob the other way.
  mutating func noteRefusal(of mode: Mode) { refused = mode }

  /// The registry has a blob that came in chunks, closed with the last of them or without.
  mutating func noteChunks(closedWithBytes: Bool) {
    hasClosedChunks = true
    if closedWithBytes { closesWithBytes = true }
  }

  /// Hears what one upload has found a chunk to be at best.
  mutating func learn(_ chunk: ChunkSize) { self.chunk.adopt(chunk) }

  /// A request of so many bytes passed where a larger one had not.
  mutating func learn(limit: Int64) { chunk.limit(to: limit) }
}

/// How large a piece of a blob goes in one request, in bytes.
public struct UploadSizes: Hashable, Sendable {
  /// Blobs up to this size go in one request: they are sent again sooner than asked about.
  public var wholeLimit: Int64 = 32 << 20
  /// A chunk is what the line moves in about a second, within these bounds. Some that keep the chunks as they came refuse
  /// the closing PUT where one, but for the last, has less than 5 MiB (Amazon's object storage, and ECR before it).
  public var firstChunk: Int64 = 16 << 20
  public var smallestChunk: Int64 = 5 << 20
  public var largestChunk: Int64 = 256 << 20
  /// What a chunk is at least, however little a registry says that it takes (413, 416): nginx's limit is 1 MiB unless set.
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
  private(set) var largest: Int64

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

  /// Makes no chunk larger than `count` bytes from now on.
  mutating func limit(to count: Int64) {
    largest = min(largest, max(count, 1))
    bytes = min(bytes, largest)
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

  /// The end of the chunk that begins at `offset` in a blob of `size` bytes, of `most` bytes, but for a registry that
  /// wants at least `least` bytes in all but the last.
  func end(from offset: Int64, of size: Int64, least: Int64, most: Int64 = .max) -> Int64 {
    let (end, overflow) = offset.addingReportingOverflow(max(min(bytes, most), least, 1))
    return overflow ? size : min(end, size)
  }
}
