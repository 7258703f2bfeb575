import Files
import FoundationEssentials
import Images
import Layouts

/// Where an export writes: whether it can, and whether there is room.
struct ExportOutput {
  private let request: ExportRequest
  /// The files that tell what the other side has, by their numbers in the request: each is looked at once, however many
  /// archives there are.
  private let known: [FileIdentity: Int]

  init(_ request: ExportRequest) {
    self.init(request, known: [:])
  }

  private init(_ request: ExportRequest, known: [FileIdentity: Int]) {
    self.request = request
    self.known = known
  }

  /// The same, which knows the files that it must not replace because they are read. Blocks.
  func knowingWhatIsRead() -> ExportOutput {
    let files = request.known.enumerated().compactMap { number, path in
      FileIdentity(of: path).map { ($0, number) }
    }
    return ExportOutput(request, known: Dictionary(files) { first, _ in first })
  }

  /// Tries, before anything is asked or moved, whether files can be made where the archives are to go. Leaves nothing.
  /// Throws ``TransferError/noDirectory(path:)``, ``TransferError/notADirectory(path:)``, `FileError`, and `LayoutError` for a
  /// file there that Ferry did not make. Blocks.
  func check() throws {
    switch request.output {
    case .stream: return
    case .file(let path):
      // Nothing takes its place, whatever is exported.
      if request.volumeSize == nil, DataFile.isPlain(path) { try FormerArchive.check(path) }
      // An archive that is there already may lie where nothing can be written.
      let isThere = !ArchivePlace(path, volumeSize: request.volumeSize).existing.isEmpty
      guard !isThere || request.replacesExisting || request.writesChecksums || !request.enclosed.isEmpty
      else {
        return
      }
      let directory = DataFile.directory(of: path)
      guard DataFile.isDirectory(directory) else {
        let ancestor = existingAncestor(of: directory)
        throw DataFile.exists(ancestor) && !DataFile.isDirectory(ancestor)
          ? TransferError.notADirectory(path: ancestor) : .noDirectory(path: directory)
      }
      try AtomicFile.checkCreating(beside: path)
    case .directory(let path):
      let ancestor = existingAncestor(of: path)
      guard DataFile.isDirectory(ancestor) else { throw TransferError.notADirectory(path: ancestor) }
      // A directory that is there may hold all of the archives already, and take no more.
      guard ancestor != path, ancestor + "/" != path else { return }
      try AtomicFile.checkCreating(in: ancestor, called: path)
    }
  }

  /// Makes the directory that the archives go to, where they go to one.
  func makeDirectory() throws(TransferError) {
    guard case .directory(let path) = request.output else { return }
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw .cannotMakeDirectory(path: path)
    }
  }

  /// What keeps `archive` and the proofs beside it from being written: files that Ferry did not make, a directory that
  /// takes no more. It is looked at again when they are written.
  func blockers(writing archive: PreparedExport.Archive) -> [any Error] {
    guard let place = archive.place, DataFile.isDirectory(DataFile.directory(of: place.path)) else {
      return []
    }
    var checks: [() throws -> Void] = []
    if !archive.isUpToDate, archive.onlyVolumes.isEmpty {
      checks.append {
        try ArchiveWriter.check(place, for: archive.plan, replacing: request.replacesExisting)
      }
    }
    if !archive.isUpToDate { checks.append { try AtomicFile.checkCreating(beside: place.path) } }
    if request.writesChecksums {
      checks.append { try ChecksumFile(of: place.path, files: []).checkWritable() }
    }
    if let key = request.signingKey {
      checks.append { try ArchiveSignature(of: place.path).checkWritable(archive.knownDigest, with: key) }
    }
    if case .toReplace = archive.state {
      checks.append { try expectNotRead(place) }
    }
    return checks.compactMap { check in
      do {
        try check()
        return nil
      } catch {
        return error
      }
    }
  }

  /// What keeps the files that go beside the archives from being written.
  func enclosureBlockers() -> [any Error] {
    guard let directory = request.directory, DataFile.isDirectory(directory) else { return [] }
    return request.enclosed.compactMap { file in
      do throws(FileError) {
        try file.checkWritable(in: directory)
        return nil
      } catch {
        return error
      }
    }
  }

  /// What tells what the other side has must not be replaced by what is made of it.
  private func expectNotRead(_ place: ArchivePlace) throws(TransferError) {
    guard !known.isEmpty else { return }
    let read = place.existing.compactMap { FileIdentity(of: $0).flatMap { known[$0] } }
    if let first = read.min() { throw .outputIsKnown(path: request.known[first]) }
  }

  /// The room the archives need and have, in bytes; nil for a stream, and where that cannot be told, which `blockers`
  /// then says.
  func space(
    for archives: [PreparedExport.Archive], blockers: inout [any Error]
  ) -> (available: Int64, needed: Int64)? {
    let directory: String
    switch request.output {
    case .stream: return nil
    case .file(let path): directory = DataFile.directory(of: path)
    case .directory(let path): directory = existingAncestor(of: path)
    }
    guard FileManager.default.fileExists(atPath: directory) else {
      blockers.append(TransferError.noDirectory(path: directory))
      return nil
    }
    let enclosed = request.enclosed.filter { !DataFile.exists($0.path(in: directory)) }
    let needed =
      (archives.filter { !$0.isUpToDate }.map(\.writtenSize)
      + enclosed.map { (try? $0.size()) ?? 0 }).saturatingSum()
    do throws(FileError) {
      // What an earlier, unfinished run left is overwritten: its room counts as free.
      let reusable = archives.map { $0.place?.allocated ?? 0 }.saturatingSum()
      let available = [try FreeSpace(at: directory).available, reusable].saturatingSum()
      if needed > available {
        blockers.append(
          TransferError.notEnoughSpace(path: directory, needed: needed, available: available))
      }
      return (available, needed)
    } catch {
      blockers.append(error)
      return nil
    }
  }

  /// The nearest directory above `path` that exists; the rest is made when the first archive is written.
  private func existingAncestor(of path: String) -> String {
    var path = path
    while path.hasSuffix("/") && path.count > 1 { path.removeLast() }
    while !FileManager.default.fileExists(atPath: path), path != ".", path != "/" {
      path = DataFile.directory(of: path)
    }
    return path
  }
}
