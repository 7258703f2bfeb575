private import CZlib

/// Compresses content with gzip (RFC 1952) piece by piece, always into the same bytes: one level, no name, no
/// time, no operating system.
@safe public final class GzipCompressor {
  // On the heap: zlib keeps pointers to both.
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private let header = UnsafeMutablePointer<gz_header>.allocate(capacity: 1)
  private let input = UnsafeMutableRawBufferPointer.allocate(
    byteCount: Decompressor.pieceSize, alignment: 16)
  private var isAtEnd = false
  private var isDone = false

  /// zlib's default.
  private static let level: Int32 = 6
  private static let unknownSystem: Int32 = 255

  public init() throws(TarError) {
    unsafe stream.initialize(to: z_stream())
    unsafe header.initialize(to: gz_header())
    unsafe header.pointee.os = Self.unknownSystem
    let gzip: Int32 = 16 + MAX_WBITS
    guard
      unsafe deflateInit2_(
        stream, Self.level, Z_DEFLATED, gzip, 8, Z_DEFAULT_STRATEGY, zlibVersion(),
        Int32(MemoryLayout<z_stream>.size)) == Z_OK,
      unsafe deflateSetHeader(stream, header) == Z_OK
    else { throw .library("deflateInit2") }
  }

  deinit {
    unsafe deflateEnd(stream)
    unsafe stream.deallocate()
    unsafe header.deallocate()
    unsafe input.deallocate()
  }

  /// Fills `output` with the next compressed bytes and returns how many; 0 at the end. `source` is asked for
  /// the content: it fills the buffer it is given as far as it can and returns 0 at its end. Throws
  /// ``TarError`` and whatever `source` throws.
  public func next(
    into output: UnsafeMutableRawBufferPointer, from source: (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws -> Int {
    guard output.count > 0, !isDone else { return 0 }
    let room = min(output.count, Int(UInt32.max))
    unsafe stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    unsafe stream.pointee.avail_out = UInt32(room)
    while unsafe stream.pointee.avail_out > 0, !isDone {
      if unsafe stream.pointee.avail_in == 0, !isAtEnd {
        let count = try unsafe min(source(input), input.count)
        isAtEnd = count == 0
        unsafe stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe stream.pointee.avail_in = UInt32(count)
      }
      switch unsafe deflate(stream, isAtEnd ? Z_FINISH : Z_NO_FLUSH) {
      case Z_OK, Z_BUF_ERROR: break
      case Z_STREAM_END: isDone = true
      case let status: throw TarError.library("deflate: status \(status)")
      }
    }
    return unsafe room - Int(stream.pointee.avail_out)
  }
}
