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

  private var content: FollowedContent
  /// Into the plan's sections: the one that is being read.
  private var section = 0
  /// The first of them that has not come to its end, and those behind it that have.
  private var next = 0
  private var early: Set<Int> = []
  /// Whether blobs came in another order than Ferry writes, each with the header that Ferry writes.
  private(set) var isRearranged = false

  /// Whether all that describes the images has come, so that the rest may be in any order.
  private let hasConfigs: Bool

  init(_ plan: ArchivePlan, after kept: StreamFront, of content: StreamedContent, hasConfigs: Bool) {
    self.plan = plan
    self.hasConfigs = hasConfigs
    self.content = FollowedContent(kept, then: content)
  }

  /// Goes from the end of a blob's content, or from the archive's first byte, to the next blob's; behind the last
  /// one to the archive's end, after which nothing may come. Throws ``LayoutError/brokenStream(path:_:)``.
  mutating func advance() throws(LayoutError) {
    if blob != nil {
      if let padding = plan.sections[section].padding { try expect(padding) }
      blob = nil
      early.insert(section)
      while early.remove(next) != nil { next += 1 }
    }
    while plan.sections.indices.contains(next) {
      let entry = plan.sections[next]
      if entry.isBlob {
        section = try arriving()
        blob = plan.blobs[section - firstBlob]
        return
      }
      section = next
      try entry.forEachKnownPiece { piece throws(LayoutError) in try expect(piece) }
      next += 1
    }
    try expect(plan.endMarker)
    let isPadded = try content.endsWithZeros(CanonicalForm.largestRecord)
    let isRecord = content.position == plan.totalSize || CanonicalForm.isWhole(content.position)
    if !isPadded || !isRecord {
      problems.append(.trailingBytes(at: plan.totalSize))
    } else if content.isCut {
      problems.append(.truncated(path: plan.sections.last?.path ?? "", at: content.position))
    }
  }

  /// The next bytes of the blob's content, at least one. Throws ``LayoutError/brokenStream(path:_:)`` at the end.
  mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(LayoutError) -> Int {
    let count = try unsafe content.read(into: buffer)
    guard count > 0 else { throw truncated(in: plan.sections[section].path) }
    return count
  }

  /// Where in the plan's sections the blobs begin.
  private var firstBlob: Int { plan.sections.count - plan.blobs.count }

  /// The blob whose header comes: the next of the plan, or one behind that where another tool packed them in another order.
  private mutating func arriving() throws(LayoutError) -> Int {
    let piece = try plan.sections[next].header()
    var found = try content.bytes(Int(TarHeader.blockSize))
    if hasConfigs, !found.isEmpty, !piece.bytes.starts(with: found), let other = try other(after: &found) {
      isRearranged = true
      return other
    }
    found += try content.bytes(max(0, piece.bytes.count - found.count))
    try check(Array(found.prefix(piece.bytes.count)), as: piece)
    return next
  }

  /// The blob behind the next one whose header comes, of which the first block is `found`; nil where it is none of them. What more
  /// was read is added: of a blob with a long name the header has several blocks.
  private mutating func other(after found: inout [UInt8]) throws(LayoutError) -> Int? {
    var all: [UInt8] = []
    let first = found
    let coming = try ComingEntry.read(at: content.position, of: content.path, names: .layout) {
      (count) throws(LayoutError) in
      let piece = try all.isEmpty ? first : content.bytes(count)
      all += piece
      return piece
    }
    found = all
    guard case .entry(let entry) = coming, let other = BlobPath.digest(of: entry.path).flatMap(plan.place),
      other > next, !early.contains(other), try plan.sections[other].header().bytes == found
    else { return nil }
    return other
  }

  private mutating func expect(_ piece: KnownPiece) throws(LayoutError) {
    try check(content.bytes(piece.bytes.count), as: piece)
  }

  private mutating func check(_ found: [UInt8], as piece: KnownPiece) throws(LayoutError) {
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
    let missing = plan.blobs.enumerated().filter { index, _ in
      index + firstBlob >= next && !early.contains(index + firstBlob)
    }.map { LayoutProblem.missing($0.element.descriptor) }
    return .brokenStream(path: content.path, [.truncated(path: path, at: content.position)] + missing)
  }
}
