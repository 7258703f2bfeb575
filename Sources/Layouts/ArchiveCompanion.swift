/// A file that Ferry lays beside an archive and names after it: `NAME.tar.sha256` is one of `NAME.tar`.
public enum ArchiveCompanion: String, CaseIterable, Sendable {
  /// What `sha256sum -c` reads.
  case checksums = "sha256"
  /// The archive digest, as it is signed.
  case digest
  /// The signature over that file.
  case signature = "digest.minisig"
  /// What an import that was broken off resumes by; of a shard, `.IofN` follows.
  case importJournal = "import-journal"
  /// What a check that was broken off has read back.
  case checkJournal = "check-journal"

  /// The companion's path.
  public func path(beside archive: String) -> String { "\(archive).\(rawValue)" }

  /// The archive that a file with the name of a companion is named after; nil for any other name.
  static func archive(besideWhich path: String) -> String? {
    for companion in allCases {
      let end = companion == .importJournal ? shardless(path) : path[...]
      guard end.hasSuffix("." + companion.rawValue) else { continue }
      let archive = end.dropLast(companion.rawValue.count + 1)
      return archive.isEmpty || archive.hasSuffix("/") ? nil : String(archive)
    }
    return nil
  }

  private static func shardless(_ path: String) -> Substring {
    guard let dot = path.lastIndex(of: ".") else { return path[...] }
    let numbers = path[path.index(after: dot)...].split(separator: "of", omittingEmptySubsequences: false)
    return numbers.count == 2 && numbers.allSatisfy { Int($0) != nil } ? path[..<dot] : path[...]
  }
}
