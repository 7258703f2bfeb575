import Foundation
import TestSupport

/// What the journal beside an unfinished archive says is there, in bytes by digest.
struct ArchiveClaims: Equatable {
  private(set) var bytes: [String: Int] = [:]

  /// How far a transfer may be ahead of what its journal says of it, in bytes.
  static let tail = 16 << 20

  /// What the journal beside the archive `path` says now: nothing if there is none.
  init(of path: String) {
    struct Record: Decodable {
      let blob: String?
      let have: Int?
      let forgotten: String?
    }
    let journal = FileManager.default.contents(atPath: path + ".partial.journal") ?? Data()
    for line in journal.split(separator: UInt8(ascii: "\n")) {
      guard let record = try? JSONDecoder().decode(Record.self, from: line) else { continue }
      if let blob = record.blob { bytes[blob] = record.have }
      if let forgotten = record.forgotten { bytes[forgotten] = nil }
    }
  }

  subscript(digest: String) -> Int { bytes[digest] ?? 0 }

  /// Waits until at least so much is claimed of each blob. False when that took too long.
  static func wait(of path: String, for least: [String: Int]) throws -> Bool {
    let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
    return try DirectoryWatch.wait(in: directory) {
      let claims = Self(of: path)
      return least.allSatisfy { claims[$0.key] >= $0.value }
    }
  }
}
