import Digests
import Files
import Images
import Tar

/// Reads an archive of Ferry's that another tool packed again in Ferry's order, as it comes: its entries are where they are, and
/// their headers what that tool writes. Its front was looked at; of what comes behind that the blobs alone count, and no file may
/// be an archive of images itself.
struct PackedStream: ~Copyable, Sendable {
  let plan: ArchivePlan
  /// What was found wrong on the way, and did not end it.
  private(set) var problems: [LayoutProblem] = []
  /// The blob whose content comes next, or is coming.
  private(set) var blob: PlannedBlob?

  private var content: FollowedContent
  /// What looking into its files may cost. The archive may be compressed itself.
  private let bounds: NestedFile.Bounds
  /// Where the front ends.
  private let front: Int64
  private var awaited: [Digest: PlannedBlob]
  private var padding = 0

  init(_ plan: ArchivePlan, front: Int64, after kept: StreamFront, of content: StreamedContent) {
    self.plan = plan
    self.front = front
    self.content = FollowedContent(kept, then: content)
    bounds = NestedFile.Bounds(memory: 16 << 20, allowance: UnpackingAllowance { content.storedSize })
    awaited = Dictionary(plan.blobs.map { ($0.digest, $0) }) { first, _ in first }
  }

  /// Goes from the end of a blob's content, or from the archive's first byte, to the next blob's; behind the last
  /// one to the archive's end. Throws ``LayoutError/brokenStream(path:_:)``.
  mutating func advance() throws(LayoutError) {
    if blob != nil {
      blob = nil
      try skip(Int64(padding))
    }
    while true {
      let position = content.position
      let next = try ComingEntry.read(at: position, of: content.path, names: .layout) {
        (count) throws(LayoutError) in
        try content.bytes(count)
      }
      switch next {
      case .entry(let entry):
        if let due = try take(entry) {
          blob = due
          return
        }
      case .zeros: return try end(at: position)
      case .nothing where !content.isCut && awaited.isEmpty: return
      case .nothing, .cut: throw broken([.truncated(path: "", at: content.position)])
      case .damaged(let offset): throw broken([.damagedHeader(at: offset)])
      }
    }
  }

  /// The next bytes of the blob's content, at least one. Throws ``LayoutError/brokenStream(path:_:)`` at the end.
  mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(LayoutError) -> Int {
    let count = try unsafe content.read(into: buffer)
    guard count > 0 else {
      throw broken([.truncated(path: blob.map { BlobPath.path(of: $0.digest) } ?? "", at: content.position)])
    }
    return count
  }

  /// The blob that an entry is, if one is due; what is none is passed over.
  private mutating func take(_ entry: TarEntry) throws(LayoutError) -> PlannedBlob? {
    let path = TarPath.plain(entry.path)
    if let contradiction = entry.contradiction {
      throw broken([.contradiction(path: path.isEmpty ? entry.path : path, contradiction)])
    }
    // Who moves entries of ours with their headers is no tool that packs.
    guard !entry.hasOwnHeaders else { throw broken([.rearranged(path: path, at: entry.headerOffset)]) }
    guard entry.kind != .directory else {
      // Of a directory, too, GNU tar may write content: what lay in it.
      var list = DirectoryList()
      try forEachPiece(of: entry.size) { list.take($0) }
      guard !entry.leavesOut, !list.leavesOut else {
        throw .tar(.foreignForm(path: content.path, .incremental))
      }
      try skip(Int64(TarHeader.padding(after: entry.size)))
      return nil
    }
    let digest = BlobPath.digest(of: path)
    guard entry.kind == .file else {
      // GNU tar makes a hard link to itself of a file that it is given twice.
      if case .hard(let target) = entry.link, TarPath.plain(target) == path,
        digest.map({ plan.extent(of: $0) != nil && awaited[$0] == nil }) ?? false
      {
        return nil
      }
      if entry.link != nil { throw .notStreamable(path: content.path, .link(entry: path)) }
      throw broken([.notAFile(path: path)])
    }
    padding = TarHeader.padding(after: entry.size)
    if let digest, let due = awaited.removeValue(forKey: digest) {
      guard due.size == entry.size else {
        throw broken([.wrongSize(digest, expected: due.size, actual: entry.size)])
      }
      return due
    }
    // What stands in the front was looked at.
    let isKnown = entry.headerOffset < front
    let isBeside = path.hasPrefix(BlobPath.top)
    if !isKnown, digest == nil, !isBeside, path == LegacyTags.path || TarContents.isOwn(path.lowercased()) {
      throw broken([.duplicate(path: path)])
    }
    if let digest {
      let actual = try hash(entry.size, by: digest.algorithm)
      if !isKnown, actual != digest { problems.append(.damaged(digest, actual: actual)) }
    } else if TarContents.isOwn(path), !isBeside {
      try skip(entry.size)
    } else {
      try look(at: path, entry.size)
    }
    try skip(Int64(padding))
    return nil
  }

  /// Reads a file that is no blob, and refuses the archive where it is one of images itself, or may be. Throws
  /// ``LayoutError/holdsLayouts(path:first:count:isCertain:)``.
  private mutating func look(at path: String, _ size: Int64) throws(LayoutError) {
    guard let nested = NestedFile(path) else { return try skip(size) }
    var rest = size
    var failed: LayoutError?
    var verdict = NestedFile.Verdict.unknown
    do {
      verdict = try unsafe nested.verdict(
        within: bounds,
        passing: { buffer in
          let room = unsafe UnsafeMutableRawBufferPointer(
            rebasing: buffer[..<Int(min(Int64(buffer.count), rest))])
          do throws(LayoutError) {
            let count = try unsafe content.read(into: room)
            guard count > 0 || rest == 0 else {
              throw broken([.truncated(path: path, at: content.position)])
            }
            rest -= Int64(count)
            return count
          } catch {
            failed = error
            throw error
          }
        })
    } catch {
      if let failed { throw failed }
      try LayoutError.checkCancellation()
    }
    if verdict != .other { try NestedArchives([nested.place: verdict]).refuse(in: content.path) }
    try skip(rest)
  }

  private mutating func hash(_ size: Int64, by algorithm: Digest.Algorithm) throws(LayoutError) -> Digest {
    var hasher = ContentHasher(algorithm)
    try forEachPiece(of: size) { unsafe hasher.update($0.span.bytes) }
    return hasher.digest()
  }

  private mutating func skip(_ count: Int64) throws(LayoutError) { try forEachPiece(of: count) { _ in } }

  private mutating func forEachPiece(of count: Int64, _ body: ([UInt8]) -> Void) throws(LayoutError) {
    var rest = count
    while rest > 0 {
      try LayoutError.checkCancellation()
      let piece = try content.bytes(Int(min(rest, 256 << 10)))
      guard !piece.isEmpty else { throw broken([.truncated(path: "", at: content.position)]) }
      body(piece)
      rest -= Int64(piece.count)
    }
  }

  /// Sees that behind the first block of zeros no more follow than fill up a record.
  private mutating func end(at offset: Int64) throws(LayoutError) {
    if try !content.endsWithZeros(CanonicalForm.largestRecord + Int64(TarHeader.endMarker.count)) {
      problems.append(.trailingBytes(at: offset + Int64(TarHeader.endMarker.count)))
    } else if content.isCut {
      problems.append(.truncated(path: plan.sections.last?.path ?? "", at: content.position))
    }
    guard awaited.isEmpty else { throw broken([]) }
  }

  /// What is wrong, and all that has not come.
  private func broken(_ found: [LayoutProblem]) -> LayoutError {
    let missing = plan.blobs.filter { awaited[$0.digest] != nil }.map { LayoutProblem.missing($0.descriptor) }
    return .brokenStream(path: content.path, found + missing)
  }
}
