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
