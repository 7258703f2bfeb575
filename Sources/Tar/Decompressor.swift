import Files
import Synchronization

/// How content is compressed.
public enum Compression: String, Hashable, Sendable {
  case none, gzip, zstd, xz, bzip2

  /// How many of the first bytes tell.
  public static let magicSize = 6

  /// What the first ``magicSize`` bytes tell.
  public init(magic bytes: some Sequence<UInt8>) {
    let start = Array(bytes.prefix(Self.magicSize))
    if start.starts(with: [0x1f, 0x8b]) {
      self = .gzip
    } else if start.starts(with: [0x28, 0xb5, 0x2f, 0xfd])
      || (start.count >= 4 && start[0] & 0xf0 == 0x50 && start[1...3] == [0x2a, 0x4d, 0x18])
    {
      // The second is a skippable frame, which some writers put first (RFC 8878).
      self = .zstd
    } else if start.starts(with: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]) {
      self = .xz
    } else if start.count == Self.magicSize, start.starts(with: Array("BZh".utf8)),
      (0x31...0x39).contains(start[3]),
      [[0x31, 0x41], [0x17, 0x72]].contains(Array(start[4...]))
    {
      // Of the second kind nothing comes but the end.
      self = .bzip2
    } else {
      self = .none
    }
  }
}

extension Compression {
  /// The largest window that is read whatever memory is allowed, in bytes: libzstd's limit, and libarchive's for xz.
  public var largestWindow: Int64 { self == .zstd ? 128 << 20 : 1 << 30 }
}

/// Streams content out of its compressed form, with memory bounded whatever the content.
///
/// Concatenated gzip members, zstd frames, xz and bzip2 streams are one content, as readers of layers take them.
/// Anything after the last that is none is an error, and so is an early end.
public struct Decompressor: Sendable {
  /// How much is asked for and handed on at a time, in bytes.
  static let pieceSize = Pieces.size

  /// How much memory a decoder may take where nothing else is said, in bytes: as much as the content of `xz -9` asks for, and
  /// more than that of any level of zstd without `--ultra` or `--long`.
  public static let usualMemory: Int64 = 64 << 20

  public let compression: Compression
  private let memoryLimit: Int64
  private let isOneOfMany: Bool
  private let allowance: UnpackingAllowance?

  /// Content that asks for more than `memoryLimit` bytes of memory is refused, ``TarError/needsMemory(_:path:need:limit:)``:
  /// each frame of zstd and each block of xz as it comes.
  /// Where it `isOneOfMany` that work at the same time, all of these together take no more, or one of them works at a time.
  /// All that share an `allowance` unpack no more than that together.
  public init(
    _ compression: Compression, memoryLimit: Int64 = usualMemory, isOneOfMany: Bool = false,
    within allowance: UnpackingAllowance? = nil
  ) {
    self.compression = compression
    self.memoryLimit = memoryLimit
    self.isOneOfMany = isOneOfMany
    self.allowance = allowance
  }

  /// Whether compressed content of so many bytes may become so many: a thousand times as many and 1 GiB. gzip makes no more of
  /// anything, but for the smallest part; zstd, xz and bzip2 make a disk full of a few kilobytes.
  static func mayBecome(_ produced: Int64, of taken: Int64) -> Bool { (produced - 1 << 30) / 1000 <= taken }

  /// Reads with `source`, which fills the buffer it is given as far as it can and returns 0 at the end, and
  /// hands the decompressed bytes to `sink`. Returns how many those were. Throws ``TarError`` and
  /// whatever the closures throw.
  @discardableResult
  public func decompress(
    from source: (UnsafeMutableRawBufferPointer) throws -> Int, into sink: (RawSpan) throws -> Void
  ) throws -> Int64 {
    try unsafe reading(from: source) { content in
      try unsafe Pieces.forEach(of: Self.pieceSize, from: content, sink)
    }
  }

  /// Reads with `source` as far as `body` asks for it, which is given what puts the next decompressed bytes into a buffer, at
  /// least one, and returns how many; 0 only at the end, which is checked. Throws ``TarError`` and whatever the closures throw.
  public func reading<Value>(
    from source: (UnsafeMutableRawBufferPointer) throws -> Int,
    _ body: ((UnsafeMutableRawBufferPointer) throws -> Int) throws -> Value
  ) throws -> Value {
    try unsafe withoutActuallyEscaping(source) { source in
      let input = try unsafe DecompressedInput(
        compression, memoryLimit: memoryLimit, isOneOfMany: isOneOfMany, within: allowance, from: source)
      return try unsafe body { try unsafe input.read(into: $0) }
    }
  }
}

/// How much of an archive is unpacked, all of its layers together: what one may become is bounded, and there may be any number.
public final class UnpackingAllowance: Sendable {
  /// So many times what the archive takes up, and so many bytes.
  private static let (times, base): (Int64, Int64) = (256, 4 << 30)

  private let stored: @Sendable () -> Int64
  private let unpacked = Atomic<Int64>(0)

  /// `stored` is how many bytes the archive takes up as it lies there, as far as it has come.
  public init(of stored: @escaping @Sendable () -> Int64) { self.stored = stored }

  /// Counts what was unpacked; false where that is too much.
  func take(_ count: Int64) -> Bool {
    let more = unpacked.wrappingAdd(count, ordering: .relaxed).newValue - Self.base
    return more <= 0 || more / Self.times <= stored()
  }
}

/// Decompresses as it is read: the other way round than ``Decompressor``, for whoever asks for bytes.
///
/// `@unchecked Sendable`: it may go from thread to thread, and is used by one at a time.
final class DecompressedInput: @unchecked Sendable {
  @safe private enum Engine {
    case plain((UnsafeMutableRawBufferPointer) throws -> Int)
    case gzip(GzipReader)
    case filter(FilterReader)
  }

  /// How much of the compressed content was taken, in bytes.
  private final class Meter {
    var taken: Int64 = 0
  }

  private let engine: Engine
  private let compression: Compression
  private let meter = Meter()
  private var produced: Int64 = 0
  private let allowance: UnpackingAllowance?

  /// How much of the content was taken as it lies there, in bytes.
  var taken: Int64 { compression == .none ? produced : meter.taken }

  /// Reads with `source`, which fills the buffer it is given as far as it can and returns 0 at the end.
  init(
    _ compression: Compression, memoryLimit: Int64, isOneOfMany: Bool = false,
    within allowance: UnpackingAllowance? = nil,
    from source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws {
    self.compression = compression
    self.allowance = allowance
    let meter = meter
    let metered: (UnsafeMutableRawBufferPointer) throws -> Int = { buffer in
      let count = try unsafe source(buffer)
      meter.taken += Int64(count)
      return count
    }
    engine =
      switch compression {
      case .none: unsafe .plain(source)
      case .gzip: .gzip(try unsafe GzipReader(metered))
      case .zstd, .xz, .bzip2:
        .filter(
          unsafe FilterReader(
            compression, memoryLimit: memoryLimit, sharing: isOneOfMany ? .all : nil, metered))
      }
  }

  /// Puts the next bytes into `buffer`; 0 only at the end, which is checked. Throws ``TarError`` and what
  /// the source throws.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let count: Int
    switch engine {
    case .plain(let source):
      count = try unsafe min(source(buffer), buffer.count)
      produced += Int64(count)
      return count
    case .gzip(let reader): count = try unsafe reader.read(into: buffer)
    case .filter(let reader): count = try unsafe reader.read(into: buffer)
    }
    produced += Int64(count)
    guard Decompressor.mayBecome(produced, of: meter.taken), allowance?.take(Int64(count)) ?? true else {
      throw TarError.expands(compression, path: nil)
    }
    return count
  }
}
