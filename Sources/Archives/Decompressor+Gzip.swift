private import CZlib

/// gzip (RFC 1952) through zlib.
extension Decompressor {
  func inflate(
    from source: (UnsafeMutableRawBufferPointer) throws -> Int, into sink: (RawSpan) throws -> Void
  ) throws -> Int64 {
    // On the heap: zlib keeps a pointer back to it and refuses one that has moved.
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    defer { unsafe stream.deallocate() }
    let gzipOnly: Int32 = 16 + MAX_WBITS
    guard
      unsafe inflateInit2_(stream, gzipOnly, zlibVersion(), Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw ArchiveError.library("inflateInit2") }
    defer { unsafe inflateEnd(stream) }
    let input = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 16)
    defer { unsafe input.deallocate() }
    let output = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 16)
    defer { unsafe output.deallocate() }

    var total: Int64 = 0
    var isInMember = true
    while true {
      let count = try unsafe min(source(input), input.count)
      guard count > 0 else { break }
      unsafe stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
      unsafe stream.pointee.avail_in = UInt32(count)
      var isFull = false
      // A full output may leave more inside zlib even when all input is taken.
      while unsafe stream.pointee.avail_in > 0 || isFull {
        if !isInMember {
          guard unsafe inflateReset(stream) == Z_OK else { throw ArchiveError.library("inflateReset") }
          isInMember = true
        }
        unsafe stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe stream.pointee.avail_out = UInt32(output.count)
        let status = unsafe CZlib.inflate(stream, Z_NO_FLUSH)
        let produced = unsafe output.count - Int(stream.pointee.avail_out)
        if produced > 0 {
          try sink(unsafe UnsafeRawBufferPointer(rebasing: output[..<produced]).bytes)
          total += Int64(produced)
        }
        isFull = unsafe stream.pointee.avail_out == 0
        switch status {
        case Z_OK: break
        case Z_STREAM_END:
          isInMember = false
          isFull = false
        case Z_BUF_ERROR where unsafe produced == 0 && stream.pointee.avail_in == 0:
          isFull = false  // all was out already
        default:
          let reason = unsafe stream.pointee.msg.map { unsafe String(cString: $0) }
          throw ArchiveError.corruptStream(.gzip, reason: reason ?? "status \(status)")
        }
      }
    }
    // The content's end must be a member's end; no member at all is none.
    guard !isInMember else { throw ArchiveError.cutStream(.gzip) }
    return total
  }
}
