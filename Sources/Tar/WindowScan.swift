/// Follows compressed content as it comes, from header to header and without decompressing it, to what each zstd frame
/// (RFC 8878, 3.1.1) and each xz block (xz-file-format, 3.1) demand of memory: hostile ones ask for gigabytes.
///
/// Where the content is not of its format, it is followed no further: there its decoder fails too.
struct WindowScan {
  /// What follows a header.
  struct Step {
    /// What the decoder has to keep from here on, in bytes.
    var window: Int64 = 0
    /// How many bytes are of no interest.
    var skipped: Int64 = 0
    /// How many bytes the next header has; at least one.
    var next: Int
  }

  private enum Format {
    case xz(XzHeaders)
    case zstd(ZstdHeaders)
  }

  private var format: Format?
  private var header: [UInt8] = []
  private var wanted: Int
  private var skipping: Int64 = 0

  /// nil where memory is bounded whatever the content: gzip keeps 32 KiB, bzip2 takes 4 MiB.
  init?(_ compression: Compression) {
    switch compression {
    case .none, .gzip, .bzip2: return nil
    case .xz: (format, wanted) = (.xz(XzHeaders()), XzHeaders.firstSize)
    case .zstd: (format, wanted) = (.zstd(ZstdHeaders()), ZstdHeaders.firstSize)
    }
  }

  /// Takes the next bytes. Returns the largest window of the frames or blocks that begin in them, in bytes; 0 when none
  /// does.
  mutating func follow(_ bytes: RawSpan) -> Int64 {
    var position = 0
    var largest: Int64 = 0
    while position < bytes.byteCount, format != nil {
      if skipping > 0 {
        let count = min(skipping, Int64(bytes.byteCount - position))
        skipping -= count
        position += Int(count)
        continue
      }
      let end = min(position + wanted - header.count, bytes.byteCount)
      while position < end {
        header.append(bytes[position])
        position += 1
      }
      guard header.count == wanted else { break }
      guard let step = step() else {
        format = nil
        break
      }
      largest = max(largest, step.window)
      (skipping, wanted) = (step.skipped, step.next)
      header.removeAll(keepingCapacity: true)
    }
    return largest
  }

  private mutating func step() -> Step? {
    switch format {
    case .xz(var headers):
      defer { format = .xz(headers) }
      return headers.step(header)
    case .zstd(var headers):
      defer { format = .zstd(headers) }
      return headers.step(header)
    case nil: return nil
    }
  }
}

extension RawSpan {
  fileprivate subscript(_ offset: Int) -> UInt8 { unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self) }
}
