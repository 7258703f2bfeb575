import Digests
import Files
import Glibc
import Images
import Layouts
import Registry

/// Where an import keeps its journal, and a check that reads back.
public enum JournalLocation: Hashable, Sendable {
  /// Beside the first archive that is a file; where that cannot be written, in this directory, which is made when it is
  /// missing.
  case besideArchive(orIn: String?)
  case file(String)

  /// The paths to try, in order, for the journal of what is done with the files `archives`. Shards share an archive and no
  /// journal.
  func paths(
    archives: [String], shard: Shard?, as companion: ArchiveCompanion = .importJournal
  ) -> [String] {
    let part = shard.map { ".\($0.index)of\($0.count)" } ?? ""
    switch self {
    case .file(let path): return [path]
    case .besideArchive(let directory):
      guard let archive = archives.first else { return [] }
      let full = Self.canonical(archive)
      let name = "\(full.split(separator: "/").last ?? "archive")"
      let beside = companion.path(beside: Self.trimmed(archive)) + part
      // Archives of one name lie in many places.
      let elsewhere = directory.map {
        companion.path(beside: "\($0)/\(name)-\(Digest(of: Array(full.utf8)).short)") + part
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

  /// The same for the journal of a check that reads back.
  public func checkForReadBack() throws {
    guard case .file(let path) = self else { return }
    try ReadBackJournal.check(at: path)
  }

  /// Opens the journal, and with it keeps a second Ferry from the same import. nil where none can
  /// be written: the import then runs without, and `observer` hears of it; and where `blobs` leave nothing to keep. Throws
  /// ``TransferError/importRunning(journal:pid:)``, and ``FileError`` for a file that was named. Blocks.
  func open(
    for blobs: [ImportBlob], of archives: [ArchiveInput], shard: Shard?, observer: any TransferObserver
  ) throws -> ImportJournal? {
    let paths = paths(archives: archives.filter { $0.stream == nil }.map(\.path), shard: shard)
    // What goes in one request is not resumed.
    guard blobs.contains(where: { $0.layout != nil && $0.descriptor.size > UploadSizes().wholeLimit }) else {
      // A run that was killed after its last upload may have left one in which nothing is open.
      for path in paths where DataFile.isPlain(path) {
        (try? ImportJournal.open(at: path, isNamed: isNamed))?.finish()
      }
      return nil
    }
    do {
      return try open(
        firstOf: paths, { try ImportJournal.open(at: $0, isNamed: $1) },
        lost: { observer.note(.noJournal(error: $0)) })
    } catch FileError.locked(let path, let pid) {
      throw TransferError.importRunning(journal: path, pid: pid)
    }
  }

  /// Whether it is a file that the user named.
  var isNamed: Bool { if case .file = self { true } else { false } }

  /// The first journal that `open` can open of `paths`, whose directories are made but for the first one's. Where there is
  /// none, a file that was named is an error; of others `lost` hears, and it is nil. Throws what `open` throws, ``FileError``,
  /// `locked` among them. Blocks.
  func open<Journal>(
    firstOf paths: [String], _ open: (_ path: String, _ isNamed: Bool) throws -> Journal,
    lost: (FileError) -> Void
  ) throws -> Journal? {
    var failure: FileError?
    for path in paths {
      if path != paths.first { Self.makeDirectory(for: path) }
      do {
        return try open(path, isNamed)
      } catch let error as FileError {
        if case .locked = error { throw error }
        failure = failure ?? error
        if isNamed { break }
      }
    }
    guard let failure else { return nil }
    if isNamed { throw failure }
    lost(failure)
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
