private import CArchive

/// zstd (RFC 8878), xz and bzip2 through libarchive's raw format. Content that asks for more memory than `memoryLimit` is refused
/// before the decoder sees it, and so is what the decoder would call damaged whatever is allowed: libzstd windows beyond 128
/// MiB, libarchive dictionaries of xz beyond 1 GiB.
@safe final class FilterReader {
  private let compression: Compression
  private let input: CompressedInput
  private var reader: OpaquePointer?
  private var isAtEnd = false

  init(
    _ compression: Compression, memoryLimit: Int64, sharing memory: DecoderMemory? = nil,
    _ source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int
  ) {
    self.compression = compression
    input = unsafe CompressedInput(compression, memoryLimit: memoryLimit, sharing: memory, source: source)
  }

  deinit { if let reader = unsafe reader { unsafe archive_read_free(reader) } }

  /// Fills `buffer`; fewer bytes only at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    if unsafe reader == nil { try open() }
    guard !isAtEnd, let reader = unsafe reader else { return 0 }
    var done = 0
    while done < buffer.count {
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = unsafe archive_read_data(reader, rest.baseAddress, rest.count)
      guard count >= 0 else { throw unsafe failure(reader) }
      if let error = input.error { throw error }
      if count == 0 {
        isAtEnd = true
        try unsafe checkEnd(of: reader)
        break
      }
      done += count
    }
    return done
  }

  private func open() throws {
    guard let reader = unsafe archive_read_new() else { throw TarError.library("archive_read_new") }
    unsafe self.reader = reader
    let context = unsafe Unmanaged.passUnretained(input).toOpaque()
    // The filter is set, not looked for: looking would pass on content that is not compressed as it is, and
    // undo a second layer that belongs to the content.
    let filter =
      switch compression {
      case .xz: ARCHIVE_FILTER_XZ
      case .bzip2: ARCHIVE_FILTER_BZIP2
      case .none, .gzip, .zstd: ARCHIVE_FILTER_ZSTD
      }
    guard unsafe archive_read_append_filter(reader, filter) == ARCHIVE_OK,
      unsafe archive_read_support_format_raw(reader) == ARCHIVE_OK,
      // Frames that hold nothing.
      unsafe archive_read_support_format_empty(reader) == ARCHIVE_OK
    else { throw TarError.library("archive_read_append_filter") }
    // The formats' first look at the content swallows the filter's errors: damage would pass for nothing.
    guard unsafe archive_read_open(reader, context, nil, readCompressed, nil) == ARCHIVE_OK,
      unsafe archive_errno(reader) == 0
    else { throw unsafe failure(reader) }
    var entry: OpaquePointer?
    switch unsafe archive_read_next_header(reader, &entry) {
    case ARCHIVE_OK, ARCHIVE_WARN: break
    case ARCHIVE_EOF:
      if let error = input.error { throw error }
      guard input.received > 0 else { throw TarError.cutStream(compression) }
      isAtEnd = true
      try unsafe checkEnd(of: reader)
    default: throw unsafe failure(reader)
    }
  }

  /// What follows bzip2 content, or never was any, libarchive takes for nothing.
  private func checkEnd(of reader: OpaquePointer) throws {
    guard compression == .bzip2 else { return }
    let taken = unsafe archive_filter_bytes(reader, -1)
    guard taken < input.received else { return }
    throw taken == 0 && input.received < Self.smallestBzip2
      ? TarError.cutStream(compression)
      : TarError.corruptStream(compression, reason: "what follows is no bzip2 stream")
  }

  /// The content of nothing, in bytes.
  private static let smallestBzip2: Int64 = 14

  private func failure(_ reader: OpaquePointer) -> any Error {
    if let error = input.error { return error }
    let found = unsafe archive_error_string(reader).map { unsafe String(cString: $0) }
    let reason = found ?? "no reason given"
    // zstd's and bzip2's words, and xz's.
    let isCut =
      ["truncated", "no progress is possible"].contains { reason.lowercased().contains($0) }
      // Of what ends in its first block the formats' first look leaves no word.
      || compression == .bzip2 && found == nil
    return input.isAtEnd && isCut
      ? TarError.cutStream(compression) : TarError.corruptStream(compression, reason: reason)
  }
}

@safe private final class CompressedInput {
  let source: (UnsafeMutableRawBufferPointer) throws -> Int
  let buffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: Decompressor.pieceSize, alignment: 16)
  var received: Int64 = 0
  var isAtEnd = false
  var error: (any Error)?

  private let compression: Compression
  private let memoryLimit: Int64
  private let memory: DecoderMemory?
  /// What is held of ``memory``, in bytes.
  private var held: Int64 = 0
  private var scan: WindowScan?

  init(
    _ compression: Compression, memoryLimit: Int64, sharing memory: DecoderMemory?,
    source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int
  ) {
    unsafe self.source = source
    self.compression = compression
    self.memoryLimit = memoryLimit
    self.memory = memory
    scan = WindowScan(compression)
  }

  /// Looks what the first `count` bytes of the buffer, which come next, ask for.
  func checkMemory(_ count: Int) throws(TarError) {
    let need = scan?.follow(unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes) ?? 0
    guard need <= min(memoryLimit, compression.largestWindow) else {
      throw .needsMemory(compression, path: nil, need: need, limit: memoryLimit)
    }
    guard let memory, need > held else { return }
    memory.exchange(held, for: need, within: memoryLimit)
    held = need
  }

  deinit {
    memory?.release(held)
    unsafe buffer.deallocate()
  }
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
    try input.checkMemory(count)
    unsafe bytes?.pointee = UnsafeRawPointer(input.buffer.baseAddress)
    return count
  } catch {
    input.error = error
    return -1
  }
}

/// libarchive, by which compressed content and what other tools packed are read.
public enum ArchiveLibrary {
  /// It and the libraries that it decompresses with, with their versions, as it names them.
  public static var versions: String { unsafe String(cString: archive_version_details()) }
}
