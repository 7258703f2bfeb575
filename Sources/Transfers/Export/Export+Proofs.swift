import Digests
import Layouts

extension Export {
  /// Leaves beside an archive that has its name what it can be proved by without Ferry: checksums of its files,
  /// and a signature over its digest. `checksums` are those of its files that were computed on the way. Also beside one that an earlier run wrote.
  func leaveProofs(of path: String, files: [String], digest: Digest, checksums: [Digest]?) async throws {
    if request.writesChecksums {
      let file = ChecksumFile(of: path, files: files)
      let known = Dictionary(uniqueKeysWithValues: zip(files, checksums ?? []))
      try await file.write(known: known, on: executor)
      settings.observer.note(.proofWritten(path: file.path))
    }
    if let key = request.signingKey {
      let signature = ArchiveSignature(of: path)
      let isNew = try await executor.run { try signature.write(digest, with: key) }
      if isNew { settings.observer.note(.proofWritten(path: signature.path)) }
    }
  }
}
