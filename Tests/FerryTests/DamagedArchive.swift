import Foundation
import TestSupport

/// A copy of an archive that something happened to, and the entries of the whole one.
struct DamagedArchive {
  struct Entry {
    let path: String
    let header: Int
    let content: Int
    let size: Int

    /// The end of the content.
    var end: Int { content + size }
    /// The end of the padding.
    var next: Int { (end + 511) / 512 * 512 }
  }

  private(set) var bytes: [UInt8]
  let entries: [Entry]

  init(of path: String) throws {
    let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    self.bytes = bytes
    var entries: [Entry] = []
    var offset = 0
    var longName: String?
    while offset + 512 <= bytes.count, bytes[offset] != 0 {
      let short = String(decoding: bytes[offset..<offset + 100].prefix { $0 != 0 }, as: UTF8.self)
      let prefix = String(decoding: bytes[offset + 345..<offset + 500].prefix { $0 != 0 }, as: UTF8.self)
      let name = longName ?? (prefix.isEmpty ? short : "\(prefix)/\(short)")
      let size = String(decoding: bytes[offset + 124..<offset + 135], as: UTF8.self)
      guard let size = Int(size, radix: 8) else { throw TestFailure("no header at \(offset)") }
      let entry = Entry(path: name, header: offset, content: offset + 512, size: size)
      longName = nil
      if bytes[offset + 156] == UInt8(ascii: "x") {
        // A name that is too long for the header stands before it.
        let records = String(decoding: bytes[entry.content..<entry.end], as: UTF8.self)
        longName = records.firstMatch(of: /path=([^\n]+)\n/).map { String($0.1) }
      } else {
        entries.append(entry)
      }
      offset = entry.next
    }
    self.entries = entries
  }

  var endMarker: Int { entries.last?.next ?? 0 }

  func entry(_ path: String) throws -> Entry {
    guard let entry = entries.first(where: { $0.path == path }) else { throw TestFailure("no \(path)") }
    return entry
  }

  /// The entry of a blob.
  func blob(_ digest: String) throws -> Entry {
    try entry("blobs/sha256/\(digest.drop { $0 != ":" }.dropFirst())")
  }

  mutating func cut(at offset: Int) { bytes.removeSubrange(offset...) }

  mutating func flip(_ offset: Int, bit: UInt8 = 0) { bytes[offset] ^= 1 << bit }

  mutating func swap(_ first: Entry, _ second: Entry) {
    let (a, b) = first.header < second.header ? (first, second) : (second, first)
    let pieces = [
      bytes[..<a.header], bytes[b.header..<b.next], bytes[a.next..<b.header], bytes[a.header..<a.next],
      bytes[b.next...],
    ]
    bytes = pieces.flatMap(\.self)
  }

  mutating func drop(_ entry: Entry) { bytes.removeSubrange(entry.header..<entry.next) }

  /// Adds a copy of `entry` at the archive's end, under another name if one is given.
  mutating func append(_ entry: Entry, as path: String? = nil) {
    var copy = Array(bytes[entry.header..<entry.next])
    if let path {
      copy.replaceSubrange(
        0..<100, with: Array(path.utf8) + [UInt8](repeating: 0, count: 100 - path.utf8.count))
      copy.replaceSubrange(148..<156, with: [UInt8](repeating: 32, count: 8))
      let sum = copy[..<512].reduce(0) { $0 + Int($1) }
      let octal = String(sum, radix: 8)
      let field = String(repeating: "0", count: 6 - octal.count) + octal + "\0 "
      copy.replaceSubrange(148..<156, with: Array(field.utf8))
    }
    bytes.insert(contentsOf: copy, at: endMarker)
  }

  mutating func appendBytes(_ more: [UInt8]) { bytes += more }

  func write(to path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }
}
