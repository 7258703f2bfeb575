import Digests
import FoundationEssentials

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
  /// Where its next bytes go; nil when there is nothing to go on with.
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
  static func records(in bytes: [UInt8]) -> [UploadRecord] {
    let decoder = JSONDecoder()
    let whole = bytes[..<endOfWholeLines(in: bytes)]
    return whole.split(separator: UInt8(ascii: "\n")).compactMap { line in
      guard line.count <= longestLine, let record = try? decoder.decode(Self.self, from: Data(line)),
        (record.offset ?? 0) >= 0
      else { return nil }
      return record
    }
  }

  /// Whether these bytes are those of a journal from before journals had a header: records as Ferry writes them, byte by
  /// byte, of which the first is of an open upload and the last may be torn.
  static func areRecords(_ bytes: [UInt8]) -> Bool {
    let end = endOfWholeLines(in: bytes)
    let torn = bytes[end...]
    let lines = bytes[..<end].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .dropLast()
    let wholes = lines + (torn.last == UInt8(ascii: "}") ? [torn] : [])
    let records = wholes.map { line -> UploadRecord? in
      let record = Self.records(in: Array(line) + [UInt8(ascii: "\n")]).first
      return record?.line.dropLast().elementsEqual(line) == true ? record : nil
    }
    guard records.allSatisfy({ $0 != nil }) else { return false }
    if let first = records.first { guard first?.location != nil else { return false } }
    guard !torn.isEmpty, wholes.count == lines.count else { return !records.isEmpty }
    let beginning = Array(#"{"digest":""#.utf8)
    return torn.count <= longestLine
      && (torn.starts(with: beginning) || !records.isEmpty && beginning.starts(with: torn))
  }

  /// Whether what stands behind a journal's header is its own: whole lines that are records, and one that may be torn.
  static func areLines(_ bytes: [UInt8]) -> Bool {
    let end = endOfWholeLines(in: bytes)
    let lines = bytes[..<end].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .dropLast()
    let torn = bytes[end...]
    let beginning = Array(#"{"digest":""#.utf8)
    return records(in: bytes).count == lines.count
      // A power cut may leave a line that was never written as so many zeros.
      && (torn.allSatisfy { $0 == 0 } || torn.starts(with: beginning) || beginning.starts(with: torn))
  }

  /// Where the last whole line ends: what follows was torn by a crash.
  static func endOfWholeLines(in bytes: [UInt8]) -> Int {
    bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
  }

  /// The uploads that are open after all of `records`.
  static func open(after records: [UploadRecord]) -> [Key: UploadRecord] {
    var open: [Key: UploadRecord] = [:]
    for record in records { open[record.key] = record.location == nil ? nil : record }
    return open
  }
}
