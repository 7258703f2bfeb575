private import CArchive
import Files

/// The files of a zip as they lie in it one after the other, by what stands before each. Nothing else of a zip is read.
public enum ZipFiles {
  /// Hands each file to `body`: its path, and what puts the next bytes of its content into a buffer, at least one; 0 only at the end.
  /// `body` says whether to go on. `read` gives the zip's bytes from an offset on, and is asked for none before those that it has
  /// given; `path` is what errors call the zip. Throws ``TarError/foreignForm(path:_:)`` for one that is not to be listed to its
  /// end or of which a file cannot be read: damaged, encrypted, or compressed in another way than most;
  /// ``TarError/expands(_:path:)``; and whatever the closures throw.
  public static func forEach(
    of path: String, within allowance: UnpackingAllowance,
    reading read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int,
    _ body: (String, (UnsafeMutableRawBufferPointer) throws -> Int) throws -> Bool
  ) throws {
    try unsafe withoutActuallyEscaping(read) { read in
      guard let reader = unsafe archive_read_new() else { throw TarError.library("archive_read_new") }
      defer { unsafe archive_read_free(reader) }
      let source = unsafe ZipSource(read)
      let context = unsafe Unmanaged.passUnretained(source).toOpaque()
      guard unsafe archive_read_support_format_zip_streamable(reader) == ARCHIVE_OK,
        unsafe archive_read_set_read_callback(reader, readZip) == ARCHIVE_OK,
        unsafe archive_read_set_skip_callback(reader, skipZip) == ARCHIVE_OK,
        unsafe archive_read_set_callback_data(reader, context) == ARCHIVE_OK
      else { throw TarError.library("archive_read_support_format_zip_streamable") }
      func failure() -> any Error { source.error ?? TarError.foreignForm(path: path, .zip) }
      guard unsafe archive_read_open1(reader) == ARCHIVE_OK else { throw failure() }
      var produced: Int64 = 0
      while true {
        guard !Task.isCancelled else { throw TarError.file(.cancelled) }
        var pointer: OpaquePointer?
        switch unsafe archive_read_next_header(reader, &pointer) {
        case ARCHIVE_OK, ARCHIVE_WARN: break
        // The list at its end was reached: what is cut is an error.
        case ARCHIVE_EOF: return
        default: throw failure()
        }
        guard let header = unsafe pointer, let name = unsafe archive_entry_pathname(header),
          unsafe archive_entry_is_encrypted(header) == 0, unsafe isUsual(reader)
        else { throw failure() }
        guard unsafe archive_entry_filetype(header) != carchive_directory else { continue }
        let hasSize = unsafe archive_entry_size_is_set(header) != 0
        func content(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
          let count = unsafe archive_read_data(reader, buffer.baseAddress, buffer.count)
          guard count >= 0, source.error == nil else { throw failure() }
          produced += Int64(count)
          guard Decompressor.mayBecome(produced, of: source.position), allowance.take(Int64(count)) else {
            throw TarError.expands(.gzip, path: path)
          }
          return count
        }
        guard try unsafe body(String(cString: name), content) else { return }
        // Where its size does not stand before it, its end is found by unpacking.
        if !hasSize { try unsafe Pieces.forEach(of: 64 << 10, from: content) { _ in } }
      }
    }
  }

  /// Whether the file whose header was read is stored, or compressed as most are: other decoders take memory that nothing bounds.
  private static func isUsual(_ reader: OpaquePointer) -> Bool {
    let form = unsafe archive_format_name(reader).map { unsafe String(cString: $0) } ?? ""
    return ["(uncompressed)", "(deflation)"].contains { form.hasSuffix($0) }
  }
}

/// What libarchive's callbacks read from.
@safe private final class ZipSource {
  let read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int
  var position: Int64 = 0
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 32 << 10, alignment: 16)
  var error: (any Error)?

  init(_ read: @escaping (UnsafeMutableRawBufferPointer, Int64) throws -> Int) { unsafe self.read = read }

  deinit { unsafe buffer.deallocate() }

  static func at(_ context: UnsafeMutableRawPointer) -> ZipSource {
    unsafe Unmanaged<ZipSource>.fromOpaque(context).takeUnretainedValue()
  }
}

private func readZip(
  _ archive: OpaquePointer?, _ context: UnsafeMutableRawPointer?,
  _ bytes: UnsafeMutablePointer<UnsafeRawPointer?>?
) -> Int {
  guard let context = unsafe context else { return -1 }
  let source = unsafe ZipSource.at(context)
  do {
    let count = try unsafe source.read(source.buffer, source.position)
    source.position += Int64(count)
    unsafe bytes?.pointee = UnsafeRawPointer(source.buffer.baseAddress)
    return count
  } catch {
    source.error = error
    return -1
  }
}

/// Passes over as much as is asked for: behind the end nothing is read, and that is an error then.
private func skipZip(
  _ archive: OpaquePointer?, _ context: UnsafeMutableRawPointer?, _ request: Int64
) -> Int64 {
  guard let context = unsafe context, request > 0 else { return 0 }
  let source = unsafe ZipSource.at(context)
  let (position, isTooFar) = source.position.addingReportingOverflow(request)
  guard !isTooFar else { return 0 }
  source.position = position
  return request
}
