import Digests
import Registry
import Synchronization

/// One blob's uploads to one registry, in an import's journal.
final class JournaledUploads: UploadLog {
  private let journal: ImportJournal?
  private let registry: String
  private let began: @Sendable (_ repository: String, _ offset: Int64) -> Void
  private let found = Atomic<Int64>(0)

  /// `began` hears of every upload of an earlier run that goes on, and from which byte.
  init(
    _ journal: ImportJournal?, registry: String,
    began: @escaping @Sendable (_ repository: String, _ offset: Int64) -> Void
  ) {
    self.journal = journal
    self.registry = registry
    self.began = began
  }

  /// Bytes that earlier runs had brought over, since this was last asked.
  func takeContinued() -> Int64 { found.exchange(0, ordering: .relaxed) }

  func earlier(_ digest: Digest, in repository: String) -> OpenUpload? {
    journal?.earlier(key(digest, repository))
  }

  func continues(_ upload: OpenUpload, of digest: Digest, in repository: String) {
    found.store(upload.offset, ordering: .relaxed)
    began(repository, upload.offset)
  }

  func acknowledged(_ upload: OpenUpload, of digest: Digest, in repository: String) {
    journal?.note(upload, of: key(digest, repository))
  }

  func closed(_ digest: Digest, in repository: String) {
    journal?.close(key(digest, repository))
  }

  private func key(_ digest: Digest, _ repository: String) -> UploadRecord.Key {
    UploadRecord.Key(registry: registry, repository: repository, digest: digest)
  }
}
