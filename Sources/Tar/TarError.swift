public import Files

/// What went wrong with a tar or a compressed stream.
public enum TarError: Error, Hashable, Sendable {
  /// The file, or whatever else the bytes come from.
  case file(FileError)
  /// No tar, or a compressed one.
  case notATar(path: String)
  /// What is compressed, or packed, in a way that Ferry does not read: what that is called.
  case foreignForm(path: String, ForeignForm)
  /// A tar with more entries than Ferry keeps account of, or names without end.
  case tooManyEntries(path: String, limit: Int)
  /// A name that Ferry does not put into a tar; it writes printable ASCII only.
  case unwritableName(String)
  /// A size that no tar header holds.
  case unwritableSize(Int64)
  /// Compressed content that ends too early.
  case cutStream(Compression)
  /// Compressed content that is damaged, or followed by something else; the detail is the library's word.
  case corruptStream(Compression, reason: String)
  /// Content whose decompression would take more memory than is allowed, both in bytes; `path` is what it lies in, where
  /// that is known.
  case needsMemory(Compression, path: String?, need: Int64, limit: Int64)
  /// Compressed content that would become more than any content does: a thousand times as much and 1 GiB.
  case expands(Compression, path: String?)
  /// What comes before an archive's first layer is more than is kept in memory, in bytes.
  case frontTooLarge(path: String, limit: Int64)
  /// libarchive or zlib failed in a way that input cannot cause; the detail is the library's word.
  case library(String)

  /// Does a file's work and says what went wrong in this module's terms.
  static func wrapping<Value>(_ work: () throws(FileError) -> Value) throws(TarError) -> Value {
    do { return try work() } catch { throw .file(error) }
  }

  /// Whether it says nothing of what was to be unpacked but that this costs more than is allowed. Whatever else keeps content
  /// from being unpacked is damage.
  public var isOfBounds: Bool {
    switch self {
    case .needsMemory, .expands: true
    default: false
    }
  }

  /// The same error, which happened in what errors call `path`.
  public func located(in path: String) -> TarError {
    switch self {
    case .needsMemory(let compression, nil, let need, let limit):
      .needsMemory(compression, path: path, need: need, limit: limit)
    case .expands(let compression, nil): .expands(compression, path: path)
    default: self
    }
  }

  /// What a source of bytes threw, which throws nothing else.
  public static func of(_ error: any Error) -> TarError {
    error as? TarError ?? (error as? FileError).map(TarError.file) ?? .library("\(error)")
  }
}
