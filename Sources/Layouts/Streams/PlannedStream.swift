import Digests
import Images
import Tar

/// Reads an archive whose plan is known as it comes, and holds every byte outside the blobs' contents against
/// that plan: as strict as ``CanonicalForm``, and nothing is read twice.
struct PlannedStream: ~Copyable, Sendable {
  let plan: ArchivePlan
  /// What was found wrong on the way, and did not end it.
  private(set) var problems: [LayoutProblem] = []
  /// The blob whose content comes next, or is coming.
  private(set) var blob: PlannedBlob?

  private let content: StreamedContent
  /// What of the content was read before.
  private let kept: StreamFront
  private var position: Int64 = 0
  /// Whether compressed content ended before its own end.
  private var isCut = false
  /// Into the plan's sections: the one that is being read.
  private var section = 0

  init(_ plan: ArchivePlan, after kept: StreamFront, of content: StreamedContent) {
    self.plan = plan
    self.kept = kept
    self.content = content
  }

  /// Goes from the end of a blob's content, or from the archive's first byte, to the next blob's; behind the last
  /// one to the archive's end, after which nothing may come. Throws ``LayoutError/brokenStream(path:_:)``.
  mutating func advance() throws(LayoutError) {
    if blob != nil {
      if let padding = plan.sections[section].padding { try expect(padding) }
      blob = nil
      section += 1
    }
    while plan.sections.indices.contains(section) {
      let entry = plan.sections[section]
      if entry.isBlob {
        try expect(entry.header())
        blob = plan.blobs[section - (plan.sections.count - plan.blobs.count)]
        return
      }
      try entry.forEachKnownPiece { piece throws(LayoutError) in try expect(piece) }
      section += 1
    }
    try expect(plan.endMarker)
    if try !endsWithPadding() {
      problems.append(.trailingBytes(at: plan.totalSize))
    } else if isCut {
      problems.append(.truncated(path: plan.sections.last?.path ?? "", at: position))
    }
  }

  /// Whether nothing follows but the zeros that fill up a record.
  private mutating func endsWithPadding() throws(LayoutError) -> Bool {
    var rest = CanonicalForm.largestRecord
    while rest > 0 {
      let piece = try bytes(64 << 10)
      guard piece.allSatisfy({ $0 == 0 }) else { return false }
      if piece.count < 64 << 10 { return true }
      rest -= Int64(piece.count)
    }
    return false
  }

  /// The next bytes of the blob's content, at least one. Throws ``LayoutError/brokenStream(path:_:)`` at the end.
  mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(LayoutError) -> Int {
    let count = try unsafe next(into: buffer)
    guard count > 0 else { throw truncated(in: plan.sections[section].path) }
    return count
  }

  private mutating func expect(_ piece: KnownPiece) throws(LayoutError) {
    let found = try bytes(piece.bytes.count)
    guard found != piece.bytes else { return }
    guard found.count == piece.bytes.count else { throw truncated(in: piece.path) }
    if piece.part == .header, Self.isOfAnotherEntry(found, than: piece.bytes) {
      let name = String(decoding: found.prefix(100).prefix { $0 != 0 }, as: UTF8.self)
      let path = BlobPath.digest(of: name) == nil ? piece.path : name
      throw .brokenStream(path: content.path, [.rearranged(path: path, at: piece.offset)])
    }
    problems.note(.notCanonical(path: piece.path, part: piece.part))
  }

  /// Whether the headers differ in name, size or kind of header (POSIX.1-2017, pax, "ustar Interchange Format").
  private static func isOfAnotherEntry(_ found: [UInt8], than expected: [UInt8]) -> Bool {
    [0..<100, 124..<136, 156..<157, 257..<263].contains { found[$0] != expected[$0] }
  }

  private func truncated(in path: String) -> LayoutError {
    let next = section - (plan.sections.count - plan.blobs.count)
    let missing = plan.blobs.dropFirst(max(0, next)).map { LayoutProblem.missing($0.descriptor) }
    return .brokenStream(path: content.path, [.truncated(path: path, at: position)] + missing)
  }

  /// The next `count` bytes; fewer only at the end.
  private mutating func bytes(_ count: Int) throws(LayoutError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var span = bytes.mutableSpan
    var raw = unsafe span.mutableBytes
    let read = try unsafe raw.withUnsafeMutableBytes { (buffer) throws(LayoutError) in
      try unsafe next(into: buffer)
    }
    bytes.removeLast(count - read)
    return bytes
  }

  /// Fills `buffer`; fewer bytes only at the end. Compressed content that is cut has an end, too early.
  private mutating func next(into buffer: UnsafeMutableRawBufferPointer) throws(LayoutError) -> Int {
    let again = Int(min(Int64(buffer.count), max(0, kept.count - position)))
    if again > 0 {
      let start = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<again])
      do { _ = try unsafe kept.read(into: start, at: position) } catch { throw LayoutError(error) }
    }
    position += Int64(again)
    let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[again...])
    guard unsafe !rest.isEmpty else { return again }
    do {
      let count = try unsafe content.read(into: rest)
      position += Int64(count)
      return again + count
    } catch .cutStream {
      isCut = true
      return again
    } catch {
      throw LayoutError(error, in: content.path)
    }
  }
}
