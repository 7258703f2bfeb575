private import CArchive

/// The header bytes of a tar entry, made by libarchive: ustar, with pax records only from 8 GiB on or for a
/// name that ustar cannot hold. Mode 0644, owner and group 0 without names, time 0.
public enum TarHeader {
  /// Headers, contents and end are multiples of this, in bytes.
  public static let blockSize: Int64 = 512

  /// Two empty blocks end a tar.
  public static let endMarker = [UInt8](repeating: 0, count: 2 * Int(blockSize))

  /// The largest size that is written, in bytes: 1 EiB, so that an archive's offsets cannot overflow.
  static let largestSize: Int64 = 1 << 60

  /// How many zeros follow `size` bytes of content.
  public static func padding(after size: Int64) -> Int {
    let rest = size % blockSize
    return rest <= 0 ? 0 : Int(blockSize - rest)
  }

  /// The header of a plain file of `size` bytes. `path` is printable ASCII: libarchive's pax writer crashes
  /// on other names in the C locale.
  public static func bytes(path: String, size: Int64) throws(ArchiveError) -> [UInt8] {
    guard !path.isEmpty, path.utf8.count <= 1024, path.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw .unwritableName(path)
    }
    guard (0...largestSize).contains(size) else { throw .unwritableSize(size) }

    let capture = HeaderCapture()
    guard let writer = unsafe archive_write_new() else { throw .library("archive_write_new") }
    defer { unsafe archive_write_free(writer) }
    guard let entry = unsafe archive_entry_new() else { throw .library("archive_entry_new") }
    defer { unsafe archive_entry_free(entry) }
    unsafe archive_entry_set_pathname(entry, path)
    unsafe archive_entry_set_size(entry, size)
    unsafe archive_entry_set_filetype(entry, UInt32(carchive_regular))
    unsafe archive_entry_set_perm(entry, 0o644)
    unsafe archive_entry_set_uid(entry, 0)
    unsafe archive_entry_set_gid(entry, 0)
    unsafe archive_entry_set_mtime(entry, 0, 0)

    let context = unsafe Unmanaged.passUnretained(capture).toOpaque()
    guard unsafe archive_write_set_format_pax_restricted(writer) == ARCHIVE_OK,
      // Unbuffered: what the callback has seen after the header is the header and nothing else.
      unsafe archive_write_set_bytes_per_block(writer, 0) == ARCHIVE_OK,
      unsafe archive_write_open2(writer, context, nil, captureHeader, nil, nil) == ARCHIVE_OK,
      unsafe archive_write_header(writer, entry) == ARCHIVE_OK
    else { throw .library(unsafe reason(of: writer)) }
    capture.isComplete = true
    // Failed before it is closed: otherwise libarchive would write `size` zeros for the missing content.
    // Closed nevertheless: otherwise 3.6.2 leaks.
    unsafe archive_write_fail(writer)
    unsafe archive_write_close(writer)
    guard !capture.bytes.isEmpty, Int64(capture.bytes.count) % blockSize == 0 else {
      throw .library("a header of \(capture.bytes.count) bytes")
    }
    return capture.bytes
  }
}

private final class HeaderCapture {
  var bytes: [UInt8] = []
  var isComplete = false
}

private func captureHeader(
  _ archive: OpaquePointer?, _ context: UnsafeMutableRawPointer?, _ bytes: UnsafeRawPointer?, _ count: Int
) -> Int {
  guard let context = unsafe context else { return -1 }
  let capture = unsafe Unmanaged<HeaderCapture>.fromOpaque(context).takeUnretainedValue()
  if !capture.isComplete {
    unsafe capture.bytes.append(contentsOf: UnsafeRawBufferPointer(start: bytes, count: count))
  }
  return count
}

private func reason(of archive: OpaquePointer) -> String {
  unsafe archive_error_string(archive).map { unsafe String(cString: $0) } ?? "no reason given"
}
