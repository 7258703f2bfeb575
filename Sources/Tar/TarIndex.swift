private import CArchive
public import Files

/// What an uncompressed tar holds and where, found by reading the headers and seeking over the contents.
public struct TarIndex: Sendable {
  /// In the tar's order. Where the tar is cut or damaged, those before.
  public let entries: [TarEntry]
  public let end: End
  /// The whole file's size in bytes.
  public let fileSize: Int64

  /// How the tar ends.
  public enum End: Hashable, Sendable {
    /// With its two empty blocks, which begin at `offset`.
    case marker(at: Int64)
    /// Right after an entry, without them.
    case none(at: Int64)
    /// In the middle of the last entry, or of a header: the file has no more bytes.
    case truncated(at: Int64)
    /// At a block that is no header.
    case damaged(at: Int64)
    /// At bytes that lie in a file that is not there.
    case absent(at: Int64)
  }

  /// The most entries that are kept account of.
  public static let mostEntries = 1 << 18
  /// The longest name, in bytes; longer ones are damage.
  public static let longestPath = 4096
  /// The most that all names are together, in bytes: room for as many blobs as there may be entries.
  static let mostNameBytes = 20 << 20

  /// Reads the index of `file`, in which `names` are looked for. Throws ``TarError/notATar(path:)`` when it does not begin
  /// like one.
  public static func read(
    _ file: any RandomAccess, names: TarNames
  ) throws(TarError) -> TarIndex {
    try read(file, names: names) { _ in false }
  }

  /// Reads the index of content that comes as far as it is read, up to the entry that `isBeyond` says is none of it; the
  /// index then has no end marker. What is before that entry has come when it is asked.
  public static func read(
    _ front: ContentFront, names: TarNames, until isBeyond: (TarEntry) -> Bool
  ) throws(TarError) -> TarIndex {
    do { return try read(front as any RandomAccess, names: names, until: isBeyond) } catch {
      guard case .file(.sourceFailed) = error, let failure = front.failure else { throw error }
      throw failure
    }
  }

  /// The same index, once it is known that the file has `size` bytes, and whether what it came out of ended too early.
  public func ofFile(size: Int64, isCut: Bool) -> TarIndex {
    TarIndex(entries: entries, end: isCut ? .truncated(at: size) : end, fileSize: size)
  }

  /// Reads the index of any content up to the entry that `isBeyond` says is none of it. An entry's content may be read when it
  /// is asked, for nothing before that is looked at any more.
  public static func read(
    _ file: any RandomAccess, names: TarNames, until isBeyond: (TarEntry) -> Bool
  ) throws(TarError) -> TarIndex {
    func size() throws(TarError) -> Int64 { try TarError.wrapping(file.size) }
    var fileSize = try size()
    guard let reader = unsafe archive_read_new() else { throw .library("archive_read_new") }
    defer { unsafe archive_read_free(reader) }
    let source = TarSource(file: file, size: fileSize)
    let context = unsafe Unmanaged.passUnretained(source).toOpaque()
    guard unsafe archive_read_support_format_tar(reader) == ARCHIVE_OK,
      unsafe archive_read_set_read_callback(reader, readTar) == ARCHIVE_OK,
      unsafe archive_read_set_skip_callback(reader, skipTar) == ARCHIVE_OK,
      unsafe archive_read_set_callback_data(reader, context) == ARCHIVE_OK
    else { throw .library("archive_read_support_format_tar") }
    let isOpen = unsafe archive_read_open1(reader) == ARCHIVE_OK

    var entries: [TarEntry] = []
    var nameBytes = 0
    var position: Int64 = 0
    reading: while isOpen {
      guard !Task.isCancelled else { throw .file(.cancelled) }
      var pointer: OpaquePointer?
      switch unsafe archive_read_next_header(reader, &pointer) {
      case ARCHIVE_OK, ARCHIVE_WARN: break  // WARN: a name that the C locale cannot show
      case ARCHIVE_EOF:
        // Where the last entry is none of a known size, only libarchive knows where it ends.
        position = max(position, unsafe archive_read_header_position(reader))
        break reading
      default:
        // RETRY after a bad checksum included: what follows may be the inside of a layer that is a tar.
        if case .absent = source.error {
          return TarIndex(entries: entries, end: .absent(at: source.position), fileSize: fileSize)
        }
        if let error = source.error { throw .file(error) }
        guard position > 0 else { break reading }
        fileSize = try size()
        position = max(position, unsafe archive_read_header_position(reader))
        let end: End =
          position == fileSize
          ? .none(at: position) : source.isAtEnd ? .truncated(at: fileSize) : .damaged(at: position)
        return TarIndex(entries: entries, end: end, fileSize: fileSize)
      }
      guard let header = unsafe pointer else { break }
      guard entries.count < mostEntries else {
        throw .tooManyEntries(path: file.path, limit: mostEntries)
      }
      guard
        var entry = unsafe self.entry(
          header, headerOffset: archive_read_header_position(reader), offset: archive_filter_bytes(reader, 0))
      else { return TarIndex(entries: entries, end: .damaged(at: position), fileSize: fileSize) }
      let isLaterVolume: Bool
      do {
        try RawTarHeaders.examine(&entry, in: file, names)
        isLaterVolume = entries.isEmpty ? try RawTarHeaders.goOn(entry, in: file) : false
      } catch { throw .file(error) }
      guard !isLaterVolume else { throw .foreignForm(path: file.path, .laterVolume) }
      guard !isBeyond(entry) else {
        return TarIndex(entries: entries, end: .none(at: entry.headerOffset), fileSize: try size())
      }
      guard try !leavesOut(entry, in: file) else { throw .foreignForm(path: file.path, .incremental) }
      nameBytes += entry.nameBytes
      guard nameBytes <= mostNameBytes else {
        throw .tooManyEntries(path: file.path, limit: mostEntries)
      }
      entries.append(entry)
      position = entry.end
      // Only here is it certain: seeking beyond the end succeeds.
      if position > fileSize {
        return TarIndex(entries: entries, end: .truncated(at: fileSize), fileSize: fileSize)
      }
    }
    if case .absent = source.error {
      return TarIndex(entries: entries, end: .absent(at: source.position), fileSize: fileSize)
    }
    if let error = source.error { throw .file(error) }
    // Of passing content the size is known only now.
    fileSize = try size()
    if position > fileSize {
      return TarIndex(entries: entries, end: .truncated(at: fileSize), fileSize: fileSize)
    }
    if entries.isEmpty { return try firstBlock(of: file, fileSize: fileSize, names) }
    guard file.holds(TarHeader.endMarker.count, at: position) else {
      return TarIndex(entries: entries, end: .absent(at: position), fileSize: fileSize)
    }
    let marker = try bytes(TarHeader.endMarker.count, of: file, at: position)
    // One of the two blocks is what some writers leave it at, and says no more than none.
    let end: End =
      marker == TarHeader.endMarker
      ? .marker(at: position)
      : marker.isEmpty || marker.count == TarHeader.blockSize ? .none(at: position) : .truncated(at: fileSize)
    return TarIndex(
      entries: entries, end: marker.contains { $0 != 0 } ? .damaged(at: position) : end, fileSize: fileSize)
  }

  /// Whether a directory's entry says of something in it that it is not in this archive.
  private static func leavesOut(_ entry: TarEntry, in file: any RandomAccess) throws(TarError) -> Bool {
    guard !entry.leavesOut else { return true }
    guard entry.kind == .directory, entry.size > 0, entry.contradiction == nil else { return false }
    guard entry.size <= DirectoryList.largestSize else {
      throw .tooManyEntries(path: file.path, limit: mostEntries)
    }
    var list = DirectoryList()
    var rest = Int(entry.size)
    while rest > 0, !list.isAtEnd {
      let offset = entry.offset + entry.size - Int64(rest)
      let count = min(rest, listPieceSize)
      guard file.holds(count, at: offset) else { break }
      let piece = try bytes(count, of: file, at: offset)
      guard !piece.isEmpty else { break }
      list.take(piece)
      rest -= piece.count
    }
    return list.leavesOut
  }

  private static let listPieceSize = 64 << 10

  private static func bytes(
    _ count: Int, of file: any RandomAccess, at offset: Int64
  ) throws(TarError) -> [UInt8] {
    try TarError.wrapping { () throws(FileError) in try file.read(count, at: offset) }
  }

  private static func entry(
    _ header: OpaquePointer, headerOffset: Int64, offset: Int64
  ) -> TarEntry? {
    let name = unsafe archive_entry_pathname(header)
    // NULL: a pax name that the C locale has no characters for. No name that matters here is one.
    let path = unsafe name.map { unsafe String(cString: $0) } ?? "?"
    let size = unsafe archive_entry_size(header)
    guard path.utf8.count <= longestPath, (0...TarHeader.largestSize).contains(size),
      headerOffset >= 0, offset > headerOffset
    else { return nil }
    let type = unsafe archive_entry_filetype(header)
    let isPlain =
      unsafe archive_entry_hardlink(header) == nil && archive_entry_sparse_count(header) == 0
      && archive_entry_size_is_set(header) != 0
    let kind: TarEntry.Kind =
      type == carchive_regular && isPlain ? .file : type == carchive_directory ? .directory : .other
    // A sparse file's size is not what it takes up in the tar; nor is a hard link's.
    return TarEntry(
      path: path, kind: kind, size: kind == .other ? 0 : size, headerOffset: headerOffset, offset: offset,
      link: kind == .other ? unsafe link(header) : nil)
  }

  /// What a link points at; nil where it is none, or says so in characters that no path that matters has.
  private static func link(_ header: OpaquePointer) -> TarEntry.Link? {
    if let target = unsafe archive_entry_hardlink(header) {
      let path = unsafe String(cString: target)
      return path.utf8.count <= longestPath ? .hard(path) : nil
    }
    guard unsafe archive_entry_filetype(header) == carchive_symlink,
      let target = unsafe archive_entry_symlink(header)
    else { return nil }
    let path = unsafe String(cString: target)
    return path.utf8.count <= longestPath ? .symbolic(path) : nil
  }

  /// No entry could be read: tells a tar whose first block is cut or damaged from anything else.
  private static func firstBlock(
    of file: any RandomAccess, fileSize: Int64, _ names: TarNames
  ) throws(TarError) -> TarIndex {
    let block = try bytes(Int(TarHeader.blockSize), of: file, at: 0)
    let hasMagic = block.dropFirst(257).starts(with: Array("ustar".utf8))
    if block.count == TarHeader.blockSize, hasMagic {
      return TarIndex(entries: [], end: .damaged(at: 0), fileSize: fileSize)
    }
    if let first = names.first, block.starts(with: Array("\(first)\0".utf8)) {
      let isCut = block.count < TarHeader.blockSize
      return TarIndex(
        entries: [], end: isCut ? .truncated(at: fileSize) : .damaged(at: 0), fileSize: fileSize)
    }
    if block.count == TarHeader.blockSize, block.allSatisfy({ $0 == 0 }) {
      return TarIndex(entries: [], end: .marker(at: 0), fileSize: fileSize)
    }
    if let form = ForeignForm(of: block) { throw .foreignForm(path: file.path, form) }
    throw .notATar(path: file.path)
  }
}

/// What libarchive's callbacks read from: the file, a position in it, and one buffer.
@safe private final class TarSource {
  let file: any RandomAccess
  let size: Int64
  var position: Int64 = 0
  /// Large enough for a header with its extensions, small enough not to read layers for nothing.
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 16)
  var error: FileError?
  /// Whether more was asked for than there is.
  var isAtEnd = false

  init(file: any RandomAccess, size: Int64) {
    self.file = file
    self.size = size
  }

  deinit { unsafe buffer.deallocate() }

  static func at(_ context: UnsafeMutableRawPointer) -> TarSource {
    unsafe Unmanaged<TarSource>.fromOpaque(context).takeUnretainedValue()
  }
}

private func readTar(
  _ archive: OpaquePointer?, _ context: UnsafeMutableRawPointer?,
  _ bytes: UnsafeMutablePointer<UnsafeRawPointer?>?
) -> Int {
  guard let context = unsafe context else { return -1 }
  let source = unsafe TarSource.at(context)
  do {
    // Before a gap a header alone: it may be all that is there.
    let isFarFromGap = source.file.holds(unsafe source.buffer.count, at: source.position)
    let room = isFarFromGap ? unsafe source.buffer.count : Int(TarHeader.blockSize)
    let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: source.buffer[..<room])
    let count = unsafe try source.file.read(into: piece, at: source.position)
    source.position += Int64(count)
    source.isAtEnd = count == 0
    unsafe bytes?.pointee = UnsafeRawPointer(source.buffer.baseAddress)
    return count
  } catch {
    source.error = error
    return -1
  }
}

private func skipTar(_ archive: OpaquePointer?, _ context: UnsafeMutableRawPointer?, _ request: Int64)
  -> Int64
{
  guard let context = unsafe context else { return 0 }
  let source = unsafe TarSource.at(context)
  let skipped = max(0, min(request, source.size - source.position))
  source.position += skipped
  return skipped
}
