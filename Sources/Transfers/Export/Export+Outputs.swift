import Archives
import Digests
import Layouts

/// What is there already where an export writes.
extension Export {
  /// Tries, before anything is asked or moved, whether files can be made where the archives are to go. Leaves nothing.
  /// Throws ``TransferError/noDirectory(path:)``, ``TransferError/cannotMakeDirectory(path:)`` and `ArchiveError`. Blocks.
  public func checkOutput() throws {
    switch request.output {
    case .stream: return
    case .file(let path):
      // An archive that is there already may lie where nothing can be written.
      let isThere = !ArchivePlace(path, volumeSize: request.volumeSize).existing.isEmpty
      guard !isThere || request.replacesExisting || request.writesChecksums else { return }
      let directory = DataFile.directory(of: path)
      guard DataFile.isDirectory(directory) else { throw TransferError.noDirectory(path: directory) }
      try DataFile.checkCreating(beside: path)
    case .directory(let path):
      let ancestor = existingAncestor(of: path)
      guard DataFile.isDirectory(ancestor) else { throw TransferError.cannotMakeDirectory(path: path) }
      // A directory that is there may hold all of the archives already, and take no more.
      guard ancestor != path, ancestor + "/" != path else { return }
      try DataFile.checkCreating(in: ancestor, called: path)
    }
  }

  /// What keeps `archive` and the proofs beside it from being written: files that Ferry did not make, a directory that
  /// takes no more. It is looked at again when they are written.
  func blockers(writing archive: PreparedExport.Archive) -> [any Error] {
    guard let place = archive.place, DataFile.isDirectory(DataFile.directory(of: place.path)) else {
      return []
    }
    var checks: [() throws -> Void] = []
    let replacing = request.replacesExisting
    if !archive.isUpToDate, archive.onlyVolumes.isEmpty {
      checks.append { try ArchiveWriter.check(place, for: archive.plan, replacing: replacing) }
    }
    if !archive.isUpToDate { checks.append { try DataFile.checkCreating(beside: place.path) } }
    if request.writesChecksums {
      checks.append { try ChecksumFile(of: place.path, files: []).checkWritable(replacing: replacing) }
    }
    if request.signingKey != nil {
      checks.append { try ArchiveSignature(of: place.path).checkWritable(replacing: replacing) }
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

  /// What tells what the other side has must not be replaced by what is made of it.
  private func expectNotRead(_ place: ArchivePlace) throws {
    let written = Set(place.existing.compactMap { FileIdentity(of: $0) })
    guard let path = request.known.first(where: { FileIdentity(of: $0).map(written.contains) ?? false })
    else {
      return
    }
    throw TransferError.outputIsKnown(path: path)
  }

  /// Writes one archive as ``write(_:to:of:from:held:)`` does; nil when another run has meanwhile made the same one, whole.
  /// Throws ``TransferError/outputMade(path:partial:)`` when what it made is something else.
  func writeOrFind(
    _ archive: PreparedExport.Archive, to path: String, of prepared: PreparedExport,
    from sources: BlobSources, held: HeldBlobs
  ) async throws -> Outcome? {
    do {
      return try await write(archive, to: path, of: prepared, from: sources, held: held)
    } catch LayoutError.exists(let taken) {
      let place = ArchivePlace(path, volumeSize: archive.volumeSize)
      var found = archive
      found.state = state(of: place, for: archive.plan)
      guard found.isUpToDate, try await isWhole(found) else {
        throw TransferError.outputMade(path: taken, partial: place.unfinished.first)
      }
      ArchiveWriter.removeLeftovers(of: path, digest: found.digest)
      settings.observer.note(.archiveUpToDate(path: archive.title ?? path, digest: found.digest))
      return nil
    }
  }
}
