import Digests
import Transport

/// One upload that the registry has opened.
struct UploadSession: Hashable, Sendable {
  /// Where its bytes go; the registry may move it with every answer.
  var location: HTTPURL
  /// Bytes that the registry has acknowledged.
  var offset: Int64 = 0
  /// What the registry wants in every chunk but the last, in bytes (`OCI-Chunk-Min-Length`).
  var leastChunk: Int64 = 0
  /// Whether bytes went to it by an earlier request whose end was not seen: then the registry may hold others
  /// than it says.
  var isResumed = false
  /// Whether it is an earlier run's of which this run has seen no more than that the registry answers for it: what
  /// fails about it is not held against the blob, which begins anew.
  var isRemembered = false

  /// What a log keeps of it.
  var open: OpenUpload { OpenUpload(location: location, offset: offset) }
}

/// What a registry's answer says of the upload that it is about.
struct UploadAnswer: Sendable {
  let status: Int
  /// What it means where it is not the success that was asked for.
  let refusal: RegistryError?
  /// Whether it may be another one a little later, and how much later.
  let isRetryable: Bool
  let retryAfter: Duration?
  /// The codes of its complaints.
  let codes: Set<String>
  /// Where the next bytes go; nil where it does not say.
  let location: Result<HTTPURL?, RegistryError>
  /// The byte that comes next.
  let next: Int64?
  /// The digest of what was stored.
  let stored: Digest?
}

/// How far an upload has come: `Range: 0-1023` in the registry's answers (distribution-spec `spec.md`,
/// "Pushing a blob in chunks"), sometimes with `bytes=` before it.
struct UploadRange: Hashable, Sendable {
  /// Where the next byte goes.
  let next: Int64

  /// nil for what is no range from the first byte on.
  init?(_ text: String) {
    let range = text.hasPrefix("bytes=") ? text.dropFirst("bytes=".count) : text[...]
    let ends = range.split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, ends[0] == "0", !ends[1].isEmpty,
      ends[1].utf8.allSatisfy({ (48...57).contains($0) }), let last = Int64(ends[1]), last < .max
    else { return nil }
    // Distribution says `0-0` of an empty upload. One with a single byte is not worth telling from it: when
    // it is taken for empty, the registry refuses the digest and the blob starts again.
    next = last == 0 ? 0 : last + 1
  }
}

extension RegistryError {
  /// Whether it says nothing against an upload: the line, or the registry, failed for now.
  var isOfTheLine: Bool {
    switch self {
    case .transport, .overwhelmed: true
    default: false
    }
  }

  /// Whether somebody answered that something failed.
  var isFailureThere: Bool {
    if case .overwhelmed(_, let status, _) = self { status >= 500 } else { false }
  }

  /// Whether a proxy that takes no request as large may have ended it so.
  var mayBeOfTheSize: Bool {
    switch self {
    case .transport(.reset), .transport(.cut), .transport(.stalled): true
    default: false
    }
  }
}
