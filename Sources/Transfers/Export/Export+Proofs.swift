import Archives
import Digests
import Layouts

extension Export {
  /// Leaves beside an archive that has its name what it can be proved by without Ferry: checksums of its files,
  /// and a signature over its digest; also beside one that an earlier run wrote. `checksums` are those of its files
  /// that were computed on the way. Says what an archive that was replaced has left behind.
  func leaveProofs(of archive: PreparedExport.Archive, checksums: [Digest]?) async throws {
    guard let place = archive.place else { return }
    if request.writesChecksums {
      // What an earlier run wrote may be of another size than the plan's.
      let files =
        archive.isUpToDate
        ? try ArchiveInput(writtenTo: place).files : place.paths(for: archive.plan.totalSize)
      let file = ChecksumFile(of: place.path, files: files)
      let known = Dictionary(uniqueKeysWithValues: zip(files, checksums ?? []))
      try await file.write(known: known, replacing: request.replacesExisting, on: executor)
      settings.observer.note(.proofWritten(path: file.path))
    }
    if let key = request.signingKey {
      let signature = ArchiveSignature(of: place.path)
      let isNew = try await executor.run {
        try signature.write(archive.digest, with: key, replacing: request.replacesExisting)
      }
      if isNew { settings.observer.note(.proofWritten(path: signature.path)) }
    }
    guard case .toReplace = archive.state else { return }
    let signature = ArchiveSignature(of: place.path)
    for (path, isKept) in [
      (ArchiveCompanion.checksums.path(beside: place.path), !request.writesChecksums),
      (signature.digestPath, request.signingKey == nil),
    ] where isKept && DataFile.exists(path) {
      settings.observer.note(.proofOutdated(path: path))
    }
  }
}
