import Archives
import Digests
import Glibc
import Layouts

/// Where an import keeps its journal.
public enum JournalPlace: Hashable, Sendable {
  /// Beside the first archive that is a file; where that cannot be written, in this directory, which is made when it is
  /// missing.
  case besideArchive(orIn: String?)
  case file(String)

  /// The paths to try, in order, for an import of `archives`. Shards share an archive and no journal.
  func paths(archives: [String], shard: Shard?) -> [String] {
    let part = shard.map { ".\($0.index)of\($0.count)" } ?? ""
    switch self {
    case .file(let path): return [path]
    case .besideArchive(let directory):
      guard let archive = archives.first(where: { $0 != "-" }) else { return [] }
      let full = Self.canonical(archive)
      let name = "\(full.split(separator: "/").last ?? "archive")"
      let beside = ArchiveCompanion.importJournal.path(beside: Self.trimmed(archive)) + part
      // Archives of one name lie in many places.
      let elsewhere = directory.map {
        ArchiveCompanion.importJournal.path(beside: "\($0)/\(name)-\(Digest(of: Array(full.utf8)).short)")
          + part
      }
      return [beside] + (elsewhere.map { [$0] } ?? [])
    }
  }

  /// Makes sure, before anything moves, that a journal can be kept in the file that was named; of the other places one is
  /// chosen when it is needed. Throws ``ArchiveError``. Blocks.
  public func check() throws {
    guard case .file(let path) = self else { return }
    try ImportJournal.check(at: path)
  }

  /// Makes the directory for what lies at `path`, and those above it.
  static func makeDirectory(for path: String) {
    let directory = DataFile.directory(of: path)
    guard !DataFile.exists(directory) else { return }
    makeDirectory(for: directory)
    _ = unsafe mkdir(directory, 0o700)
  }

  private static func trimmed(_ path: String) -> String {
    guard path.hasSuffix("/"), path.count > 1 else { return path }
    return trimmed(String(path.dropLast()))
  }

  private static func canonical(_ path: String) -> String {
    if let full = DirectoryListing.canonical(path) { return full }
    // What volumes are named after is no file itself.
    guard let directory = DirectoryListing.canonical(DataFile.directory(of: path)) else {
      return trimmed(path)
    }
    return "\(directory)/\(trimmed(path).split(separator: "/").last ?? "")"
  }
}
