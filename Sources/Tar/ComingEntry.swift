import Files

/// What comes next of a tar that is read from its first byte to its last: an entry's headers, or its end.
public enum ComingEntry: Sendable {
  /// An entry whose content comes next.
  case entry(TarEntry)
  /// The first block of zeros, of which a tar has two at its end.
  case zeros
  /// Nothing more.
  case nothing
  /// The middle of a header.
  case cut
  /// What is no header, at this offset in bytes.
  case damaged(at: Int64)

  /// Reads headers that begin at `position`. `read` gives so many of the next bytes, fewer only at the end; what errors call
  /// them is `path`.
  public static func read<Failure: Error>(
    at position: Int64, of path: String, names: TarNames, from read: (Int) throws(Failure) -> [UInt8]
  ) throws(Failure) -> ComingEntry {
    var bytes: [UInt8] = []
    while true {
      let block = try read(Int(TarHeader.blockSize))
      guard block.count == TarHeader.blockSize else {
        return bytes.isEmpty && block.isEmpty ? .nothing : .cut
      }
      if bytes.isEmpty, block.allSatisfy({ $0 == 0 }) { return .zeros }
      bytes += block
      guard let size = RawTarHeaders.extensionSize(block) else { break }
      guard size <= RawTarHeaders.longest - Int64(bytes.count) else { return .damaged(at: position) }
      let length = Int(size) + TarHeader.padding(after: size)
      let records = try read(length)
      guard records.count == length else { return .cut }
      bytes += records
    }
    var found: TarEntry?
    let headers = HeaderBytes(path: path, bytes: bytes)
    _ = try? TarIndex.read(headers, names: names) { entry in
      found = entry
      return true
    }
    guard let found, found.headerOffset == 0, found.offset == Int64(bytes.count) else {
      return .damaged(at: position)
    }
    return .entry(found.moved(by: position))
  }
}

/// An entry's headers.
private struct HeaderBytes: RandomAccess {
  let path: String
  let bytes: [UInt8]

  func size() -> Int64 { Int64(bytes.count) }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int {
    guard (0..<size()).contains(offset) else { return 0 }
    let part = bytes[Int(offset)...].prefix(buffer.count)
    unsafe buffer.copyBytes(from: part)
    return part.count
  }
}

extension TarEntry {
  /// The same entry in content that begins so many bytes earlier.
  fileprivate func moved(by offset: Int64) -> TarEntry {
    var entry = TarEntry(
      path: path, kind: kind, size: size, headerOffset: headerOffset + offset, offset: self.offset + offset,
      link: link)
    entry.contradiction = contradiction
    entry.hasOwnHeaders = hasOwnHeaders
    entry.leavesOut = leavesOut
    return entry
  }
}
