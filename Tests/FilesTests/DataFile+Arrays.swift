import Files

extension DataFile {
  /// Literal bytes, for tests.
  func write(_ bytes: [UInt8], at offset: Int64) throws(FileError) {
    try write(bytes.span.bytes, at: offset)
  }
}
