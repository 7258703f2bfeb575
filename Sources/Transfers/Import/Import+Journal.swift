import Archives
import Images
import Layouts
import Registry

extension Import {
  /// Opens the journal, and with it keeps a second Ferry from the same import. nil where no place for one can
  /// be written: the import then goes on without, and says so; and where there is nothing to keep.
  func openJournal(for blobs: [PreparedImport.Blob]) throws -> ImportJournal? {
    // What goes in one request is not gone on with.
    let paths = request.journal.paths(archives: request.archives.map(\.path), shard: request.shard)
    let isNamed = if case .file = request.journal { true } else { false }
    guard blobs.contains(where: { $0.layout != nil && $0.descriptor.size > UploadSizes().wholeLimit }) else {
      // A run that was killed after its last upload may have left one in which nothing is open.
      for path in paths where DataFile.isPlain(path) {
        (try? ImportJournal(at: path, isNamed: isNamed))?.finish()
      }
      return nil
    }
    var failure: ArchiveError?
    for path in paths {
      if path != paths.first { JournalPlace.makeDirectory(for: path) }
      do throws(ArchiveError) {
        return try ImportJournal(at: path, isNamed: isNamed)
      } catch .locked(let path, let pid) {
        throw TransferError.importRunning(journal: path, pid: pid)
      } catch {
        failure = failure ?? error
        if isNamed { break }
      }
    }
    guard let failure else { return nil }
    if isNamed { throw failure }
    settings.observer.note(.noJournal(error: failure))
    return nil
  }
}
