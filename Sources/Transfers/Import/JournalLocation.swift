import Digests
import Files
import Glibc
import Images
import Layouts
import Registry

/// Where an import keeps its journal.
public enum JournalLocation: Hashable, Sendable {
  /// Beside the first archive that is a file; where that cannot be written, in this directory, which is made when it is
  /// missing.
  case besideArchive(orIn: String?)
  case file(String)

  /// The paths to try, in order, for an import of the files `archives`. Shards share an archive and no journal.
  func paths(archives: [String], shard: Shard?) -> [String] {
    let part = shard.map { ".\($0.index)of\($0.count)" } ?? ""
    switch self {
    case .file(let path): return [path]
    case .besideArchive(let directory):
      guard let archive = archives.first else { return [] }
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

  /// Makes sure, before anything moves, that a journal can be kept in the file that was named; of the other paths one is
  /// chosen when it is needed. Throws ``FileError``. Blocks.
  public func check() throws {
    guard case .file(let path) = self else { return }
    try ImportJournal.check(at: path)
  }

  /// Opens the journal, and with it keeps a second Ferry from the same import. nil where none can
  /// be written: the import then runs without, and `observer` hears of it; and where `blobs` leave nothing to keep. Throws
  /// ``TransferError/importRunning(journal:pid:)``, and ``FileError`` for a file that was named. Blocks.
  func open(
    for blobs: [ImportBlob], of archives: [ArchiveInput], shard: Shard?, observer: any TransferObserver
  ) throws -> ImportJournal? {
    let paths = paths(archives: archives.filter { $0.stream == nil }.map(\.path), shard: shard)
    let isNamed = if case .file = self { true } else { false }
    // What goes in one request is not resumed.
    guard blobs.contains(where: { $0.layout != nil && $0.descriptor.size > UploadSizes().wholeLimit }) else {
      // A run that was killed after its last upload may have left one in which nothing is open.
      for path in paths where DataFile.isPlain(path) {
        (try? ImportJournal.open(at: path, isNamed: isNamed))?.finish()
      }
      return nil
    }
    var failure: FileError?
    for path in paths {
      if path != paths.first { Self.makeDirectory(for: path) }
      do throws(FileError) {
        return try ImportJournal.open(at: path, isNamed: isNamed)
      } catch .locked(let path, let pid) {
        throw TransferError.importRunning(journal: path, pid: pid)
      } catch {
        failure = failure ?? error
        if isNamed { break }
      }
    }
    guard let failure else { return nil }
    if isNamed { throw failure }
    observer.note(.noJournal(error: failure))
    return nil
  }

  /// Makes the directory for what lies at `path`, and those above it.
  private static func makeDirectory(for path: String) {
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
