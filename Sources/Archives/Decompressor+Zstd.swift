private import CArchive

/// zstd (RFC 8878) through libarchive's raw format. libzstd refuses windows beyond 128 MiB, which bounds the
/// memory that hostile content can ask for.
extension Decompressor {
  func decompressZstd(
    from source: (UnsafeMutableRawBufferPointer) throws -> Int, into sink: (RawSpan) throws -> Void
  ) throws -> Int64 {
    try unsafe withoutActuallyEscaping(source) { source in
      try readZstd(unsafe CompressedInput(source: source), into: sink)
    }
  }

  private func readZstd(_ input: CompressedInput, into sink: (RawSpan) throws -> Void) throws -> Int64 {
    guard let reader = unsafe archive_read_new() else { throw ArchiveError.library("archive_read_new") }
    defer { unsafe archive_read_free(reader) }
    let context = unsafe Unmanaged.passUnretained(input).toOpaque()
    // The filter is set, not looked for: looking would pass on content that is not zstd as it is, and undo a
    // second layer of zstd that belongs to the content.
    guard unsafe archive_read_append_filter(reader, ARCHIVE_FILTER_ZSTD) == ARCHIVE_OK,
      unsafe archive_read_support_format_raw(reader) == ARCHIVE_OK,
      // Frames that hold nothing.
      unsafe archive_read_support_format_empty(reader) == ARCHIVE_OK
    else { throw ArchiveError.library("archive_read_append_filter") }
    var entry: OpaquePointer?
    // The formats' first look at the content swallows the filter's errors: damage would pass for nothing.
    guard unsafe archive_read_open(reader, context, nil, readCompressed, nil) == ARCHIVE_OK,
      unsafe archive_errno(reader) == 0
    else { throw unsafe failure(input, reader) }
    switch unsafe archive_read_next_header(reader, &entry) {
    case ARCHIVE_OK, ARCHIVE_WARN: break
    case ARCHIVE_EOF:
      if let error = input.error { throw error }
      guard input.received > 0 else { throw ArchiveError.cutStream(.zstd) }
      return 0
    default: throw unsafe failure(input, reader)
    }
    var total: Int64 = 0
    while true {
      var bytes: UnsafeRawPointer?
      var count = 0
      var offset: Int64 = 0
      let status = unsafe archive_read_data_block(reader, &bytes, &count, &offset)
      guard status == ARCHIVE_OK || status == ARCHIVE_WARN || status == ARCHIVE_EOF else {
        throw unsafe failure(input, reader)
      }
      if count > 0 {
        try sink(unsafe UnsafeRawBufferPointer(start: bytes, count: count).bytes)
        total += Int64(count)
      }
      if status == ARCHIVE_EOF {
        if let error = input.error { throw error }
        return total
      }
    }
  }

  private func failure(_ input: CompressedInput, _ reader: OpaquePointer) -> any Error {
    if let error = input.error { return error }
    let reason = unsafe archive_error_string(reader).map { unsafe String(cString: $0) } ?? "no reason given"
    return input.isAtEnd && reason.contains("Truncated")
      ? ArchiveError.cutStream(.zstd) : ArchiveError.corruptStream(.zstd, reason: reason)
  }
}

@safe private final class CompressedInput {
  let source: (UnsafeMutableRawBufferPointer) throws -> Int
  let buffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: Decompressor.pieceSize, alignment: 16)
  var received: Int64 = 0
  var isAtEnd = false
  var error: (any Error)?

  init(source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int) {
    unsafe self.source = source
  }

  deinit { unsafe buffer.deallocate() }
}

private func readCompressed(
  _ archive: OpaquePointer?, _ context: UnsafeMutableRawPointer?,
  _ bytes: UnsafeMutablePointer<UnsafeRawPointer?>?
) -> Int {
  guard let context = unsafe context else { return -1 }
  let input = unsafe Unmanaged<CompressedInput>.fromOpaque(context).takeUnretainedValue()
  do {
    let count = try unsafe min(input.source(input.buffer), input.buffer.count)
    input.received += Int64(count)
    input.isAtEnd = count == 0
    unsafe bytes?.pointee = UnsafeRawPointer(input.buffer.baseAddress)
    return count
  } catch {
    input.error = error
    return -1
  }
}
