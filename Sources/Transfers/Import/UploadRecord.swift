import Digests
import FoundationEssentials
import Images

/// One line of an import's journal: where a blob's upload stands.
struct UploadRecord: Codable, Hashable, Sendable {
  /// What an upload is of, and for whom.
  struct Key: Codable, Hashable, Sendable {
    let registry: String
    let repository: String
    let digest: Digest
  }

  let registry: String
  let repository: String
  let digest: Digest
  /// Where its next bytes go; nil when there is nothing to resume.
  let location: String?
  /// Bytes that the registry has acknowledged.
  let offset: Int64?

  init(_ key: Key, location: String? = nil, offset: Int64? = nil) {
    registry = key.registry
    repository = key.repository
    digest = key.digest
    self.location = location
    self.offset = offset
  }

  var key: Key { Key(registry: registry, repository: repository, digest: digest) }

  /// The record as a line, its end included.
  var line: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return ((try? encoder.encode(self)).map { [UInt8]($0) } ?? []) + [UInt8(ascii: "\n")]
  }

  /// A line longer than that is none of Ferry's: a URL has at most 32 KiB.
  private static let longestLine = 64 << 10

  /// The records of a journal's bytes. What is torn, unknown or absurd is passed over.
  static func records(in bytes: some BidirectionalCollection<UInt8>) -> [UploadRecord] {
    let complete = bytes.prefix(endOfLines(in: bytes))
    return complete.split(separator: UInt8(ascii: "\n")).compactMap { line in
      guard line.count <= longestLine,
        let record = try? DocumentShape.loose.decode(Self.self, from: Array(line)),
        (record.offset ?? 0) >= 0
      else { return nil }
      return record
    }
  }

  /// Whether these bytes are those of a journal from before journals had a header. They are known by their records, so
  /// the first must be complete and of an open upload: what alone begins like a record may be anybody's.
  static func areRecords(_ bytes: [UInt8]) -> Bool {
    let end = bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
    guard let first = record(of: bytes[..<end]), first.location != nil else { return false }
    let rest = bytes[min(end + 1, bytes.count)...]
    return rest.last != 0 && areLines(rest)
  }

  /// Whether what stands behind a journal's header is its own: complete lines that are records, byte by byte as Ferry
  /// writes them, and the beginning of one that was torn. A power cut may leave what was never written as so many zeros.
  static func areLines(_ bytes: ArraySlice<UInt8>) -> Bool {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    guard let torn = lines.last, lines.dropLast().allSatisfy({ record(of: $0) != nil }) else { return false }
    let end = torn.lastIndex { $0 != 0 }.map { $0 + 1 } ?? torn.startIndex
    return torn.count - (torn.endIndex - end) <= longestLine && TornRecord.isBeginning(torn[..<end])
  }

  /// The record that a complete line is, where it has nothing else.
  private static func record(of line: ArraySlice<UInt8>) -> UploadRecord? {
    let record = records(in: line + [UInt8(ascii: "\n")]).first
    return record?.line.dropLast().elementsEqual(line) == true ? record : nil
  }

  /// Where the last line that is complete ends: what follows was torn by a crash.
  static func endOfLines(in bytes: some BidirectionalCollection<UInt8>) -> Int {
    bytes.lastIndex(of: UInt8(ascii: "\n")).map { bytes.distance(from: bytes.startIndex, to: $0) + 1 } ?? 0
  }

  /// The uploads that are open after all of `records`.
  static func open(after records: [UploadRecord]) -> [Key: UploadRecord] {
    var open: [Key: UploadRecord] = [:]
    for record in records { open[record.key] = record.location == nil ? nil : record }
    return open
  }
}

/// The last line of a journal, which a crash may have cut anywhere, read as far as it goes. What is there must be how a
/// ``UploadRecord`` begins, field by field: a journal is emptied from that line on, and a line of somebody else's must
/// not be taken for a torn one.
private struct TornRecord {
  private var rest: ArraySlice<UInt8>
  private static let quote = UInt8(ascii: "\"")

  static func isBeginning(_ line: ArraySlice<UInt8>) -> Bool {
    var torn = TornRecord(rest: line)
    return torn.isRecord() && torn.rest.isEmpty
  }

  private mutating func isRecord() -> Bool {
    guard take(#"{"digest":""#), takeDigest(), take(#"",""#) else { return false }
    if rest.first == UInt8(ascii: "l") {
      guard take(#"location":""#), takeText(), take(#"","offset":"#), takeNumber(), take(#",""#) else {
        return false
      }
    }
    return take(#"registry":""#) && takeText() && take(#"","repository":""#) && takeText() && take(#""}"#)
  }

  /// Passes over `text`, or as much of it as there is.
  private mutating func take(_ text: String) -> Bool {
    let there = rest.prefix(text.utf8.count)
    rest = rest.dropFirst(there.count)
    return there.elementsEqual(text.utf8.prefix(there.count))
  }

  private mutating func takeDigest() -> Bool {
    let there = rest.prefix { $0 != Self.quote }
    rest = rest.dropFirst(there.count)
    let text = String(decoding: there, as: UTF8.self)
    if (try? Digest(text)) != nil { return true }
    // What is cut is one where some digits behind it would make it one.
    return rest.isEmpty
      && Digest.Algorithm.allCases.contains { algorithm in
        (try? Digest(text + "\(Digest(of: [], by: algorithm))".dropFirst(there.count))) != nil
      }
  }

  /// Passes over an address or a name: none has a blank or what JSON would escape.
  private mutating func takeText() -> Bool {
    let there = rest.prefix { (0x21...0x7E).contains($0) && $0 != Self.quote && $0 != UInt8(ascii: "\\") }
    rest = rest.dropFirst(there.count)
    return rest.isEmpty || !there.isEmpty
  }

  private mutating func takeNumber() -> Bool {
    let there = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    rest = rest.dropFirst(there.count)
    return there.count < 20 && (rest.isEmpty || !there.isEmpty)
  }
}
