private import CZlib

/// gzip (RFC 1952) through zlib, which checks each member's sum; libarchive does not.
@safe final class GzipReader {
  private let source: (UnsafeMutableRawBufferPointer) throws -> Int
  // On the heap: zlib keeps a pointer back to it and refuses one that has moved.
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private let input = UnsafeMutableRawBufferPointer.allocate(
    byteCount: Decompressor.pieceSize, alignment: 16)
  private var isInMember = true
  /// Whether zeros have begun that fill up a block or a record behind the last member.
  private var isPadding = false
  /// A full output may leave more inside zlib even when all input is taken.
  private var mayHoldMore = false

  init(_ source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int) throws(TarError) {
    unsafe self.source = source
    unsafe stream.initialize(to: z_stream())
    let gzipOnly: Int32 = 16 + MAX_WBITS
    guard
      unsafe inflateInit2_(stream, gzipOnly, zlibVersion(), Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw .library("inflateInit2") }
  }

  deinit {
    unsafe inflateEnd(stream)
    unsafe stream.deallocate()
    unsafe input.deallocate()
  }

  /// Fills `output`; fewer bytes only at the end, or before it is told that there is none.
  func read(into output: UnsafeMutableRawBufferPointer) throws -> Int {
    var done = 0
    while done < output.count {
      if unsafe stream.pointee.avail_in == 0, !mayHoldMore {
        guard try refill() else {
          // The content's end must be a member's end; no member at all is none.
          guard !isInMember || done > 0 else { throw TarError.cutStream(.gzip) }
          break
        }
      }
      done += try unsafe inflate(into: UnsafeMutableRawBufferPointer(rebasing: output[done...]))
    }
    return done
  }

  private func refill() throws -> Bool {
    let count = try unsafe min(source(input), input.count)
    unsafe stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
    unsafe stream.pointee.avail_in = UInt32(count)
    return count > 0
  }

  /// Passes over zeros behind a member, behind which nothing else may come: gzip itself does. False where another
  /// member begins.
  private func skipZeros() throws(TarError) -> Bool {
    while unsafe stream.pointee.avail_in > 0, let next = unsafe stream.pointee.next_in {
      guard unsafe next.pointee == 0 else {
        guard !isPadding else {
          throw .corruptStream(.gzip, reason: "something follows the zeros at its end")
        }
        return false
      }
      isPadding = true
      unsafe stream.pointee.next_in = next + 1
      unsafe stream.pointee.avail_in -= 1
    }
    return true
  }

  private func inflate(into output: UnsafeMutableRawBufferPointer) throws(TarError) -> Int {
    if !isInMember {
      if try skipZeros() { return 0 }
      guard unsafe inflateReset(stream) == Z_OK else { throw .library("inflateReset") }
      isInMember = true
    }
    let room = UInt32(clamping: output.count)
    unsafe stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    unsafe stream.pointee.avail_out = room
    let status = unsafe CZlib.inflate(stream, Z_NO_FLUSH)
    let produced = unsafe Int(room - stream.pointee.avail_out)
    mayHoldMore = unsafe stream.pointee.avail_out == 0
    switch status {
    case Z_OK: break
    case Z_STREAM_END:
      isInMember = false
      mayHoldMore = false
    case Z_BUF_ERROR where unsafe produced == 0 && stream.pointee.avail_in == 0:
      mayHoldMore = false  // all was out already
    default:
      let reason = unsafe stream.pointee.msg.map { unsafe String(cString: $0) }
      throw .corruptStream(.gzip, reason: reason ?? "status \(status)")
    }
    return produced
  }
}
