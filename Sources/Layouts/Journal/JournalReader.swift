/// Reads a journal block by block. What is no record is passed over, and so is a last line without its end.
struct JournalReader {
  /// nil before the first line, and for good when that is no plan: then it is no journal that can be used.
  private(set) var state: JournalState?
  /// Where the last whole line ends, in bytes.
  private(set) var wholeLines: Int64 = 0
  /// Whether its first line is one that a journal begins with.
  private(set) var isJournal = false
  private var isUnreadable = false
  private var pending: [UInt8] = []
  private var isOverlong = false

  /// The longest line: a plan of many thousand images.
  static let longestLine = 32 << 20
  /// The longest journal, in bytes: one of an archive of many terabytes. What follows is not read.
  static let sizeLimit: Int64 = 512 << 20

  mutating func take(_ block: [UInt8]) {
    var rest = block[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      append(rest[..<end])
      rest = rest[(end + 1)...]
      wholeLines += Int64(pending.count) + skipped + 1
      if !isOverlong { read(pending) }
      pending.removeAll(keepingCapacity: true)
      isOverlong = false
      skipped = 0
    }
    append(rest)
  }

  /// Bytes of the line at hand that were too many to keep.
  private var skipped: Int64 = 0

  private mutating func append(_ bytes: ArraySlice<UInt8>) {
    if isOverlong || pending.count + bytes.count > Self.longestLine {
      isOverlong = true
      skipped += Int64(pending.count + bytes.count)
      pending.removeAll()
    } else {
      pending += bytes
    }
  }

  private mutating func read(_ line: [UInt8]) {
    guard !isUnreadable else { return }
    let record = JournalRecord(line: line)
    if state != nil {
      if let record { state?.apply(record) }
    } else if case .plan(let archive, let images, let volumeSize) = record {
      isJournal = true
      state = JournalState(archive: archive, images: images, volumeSize: volumeSize)
    } else {
      if case .rewriting = record { isJournal = true }
      isUnreadable = true
    }
  }
}
