public import Files

/// Which files hold what an earlier run of Ferry wrote: they alone are written anew.
public enum FerryDocument {
  /// A file is read up to here, in bytes: one that is longer is taken for somebody else's.
  static let sizeLimit: Int64 = 128 << 20

  /// Whether `isOwn` knows all that `file` holds for one of Ferry's documents. The beginning, or a part, does not tell:
  /// people add notes to a report, paste a receipt into a list of theirs and keep several in one file.
  public static func isWhole(_ file: DataFile, _ isOwn: ([UInt8]) throws -> Bool) -> Bool {
    guard let size = try? file.size(), size <= sizeLimit, let bytes = try? file.read(Int(size), at: 0) else {
      return false
    }
    return (try? isOwn(bytes)) ?? false
  }
}
