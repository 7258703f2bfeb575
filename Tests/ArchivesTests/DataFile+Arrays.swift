import Archives

extension DataFile {
  /// Literal bytes, for tests.
  func write(_ bytes: [UInt8], at offset: Int64) throws(ArchiveError) {
    try write(bytes.span.bytes, at: offset)
  }
}
