/// The list of what lay in a directory that GNU tar writes into its incremental archives, read as it comes: records of a letter
/// and a name, each ended by a zero, and behind the last an empty one.
public struct DirectoryList {
  /// The longest that is read, in bytes: that of more blobs than an archive may have.
  static let largestSize: Int64 = 32 << 20

  /// Whether it names a file that was there and is not in the archive: it lies in an earlier one.
  public private(set) var leavesOut = false
  /// Whether no record follows.
  private(set) var isAtEnd = false
  private var isAtRecord = true

  private static let unchanged = UInt8(ascii: "N")

  public init() {}

  /// Reads on with what comes next.
  public mutating func take(_ bytes: some Sequence<UInt8>) {
    for byte in bytes where !isAtEnd {
      if isAtRecord {
        isAtEnd = byte == 0
        if byte == Self.unchanged { leavesOut = true }
      }
      isAtRecord = byte == 0
    }
  }
}
