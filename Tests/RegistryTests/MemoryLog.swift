import Digests
import Registry

/// An upload log that keeps everything it was told.
final class MemoryLog: UploadLog {
  enum Entry: Hashable {
    case continues(Int64)
    case acknowledged(Int64)
    case closed
  }

  let entries = Noted<[Entry]>([])
  /// What is open.
  let open: Noted<OpenUpload?>

  init(_ earlier: OpenUpload? = nil) { open = Noted(earlier) }

  func earlier(_ digest: Digest, in repository: String) -> OpenUpload? { open.now }

  func continues(_ upload: OpenUpload, of digest: Digest, in repository: String) {
    entries.change { $0.append(.continues(upload.offset)) }
  }

  func acknowledged(_ upload: OpenUpload, of digest: Digest, in repository: String) {
    entries.change { $0.append(.acknowledged(upload.offset)) }
    open.change { $0 = upload }
  }

  func closed(_ digest: Digest, in repository: String) {
    entries.change { $0.append(.closed) }
    open.change { $0 = nil }
  }
}
