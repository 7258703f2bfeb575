import Files
import Tar

/// Holds an archive of Ferry's against the one form it can have: the plan made of its own contents.
///
/// libarchive, like every reader of tars, forgives much: other modes and times, odd padding, a missing end,
/// anything after it. Here nothing is forgiven, so no bit outside the blobs' content, which their digests
/// prove, can change unnoticed.
///
/// What another tool unpacked and packed again is another tar with the same files in it: of that the files alone are
/// compared, for the archive digest proves them.
struct CanonicalForm {
  let plan: ArchivePlan
  let tar: TarIndex
  let file: any RandomAccess

  /// Every difference, named by the entry it falls in; nil where another tool packed what is there: not one header is as Ferry
  /// writes it, or all files stand in another order, or zeros fill up a record behind it. Damage changes single headers.
  func problems() throws(LayoutError) -> [LayoutProblem]? {
    if !holdsOwnHeader, !tar.entries.isEmpty { return nil }
    // Where entries stand elsewhere all that follows differs: the first is enough. A tool may well write the headers that we
    // write; who doubles entries or adds some is none that packs.
    if let problem = rearrangement { return isReordered ? nil : [problem] }
    if let passed = file as? PassedContent, !passed.isRepeatable {
      // What has passed was looked at then.
      let changed = tar.entries.filter { !$0.hasOwnHeaders }
      if !changed.isEmpty { return changed.map { .notCanonical(path: $0.path, part: .header) } }
    }
    var problems: [LayoutProblem] = []
    try plan.forEachKnownPiece { piece throws(LayoutError) in
      guard piece.range.upperBound <= tar.fileSize, file.holds(piece.range) else { return }
      let found = try BlobExtent(offset: piece.offset, size: Int64(piece.bytes.count)).bytes(in: file)
      if found != piece.bytes { problems.note(.notCanonical(path: piece.path, part: piece.part)) }
    }
    if tar.fileSize < plan.totalSize {
      let path = plan.section(at: tar.fileSize)?.path ?? ""
      problems.append(.truncated(path: path, at: tar.fileSize))
    } else if tar.fileSize > plan.totalSize {
      problems.append(.trailingBytes(at: plan.totalSize))
    }
    guard problems == [.trailingBytes(at: plan.totalSize)] else { return problems }
    return try isPadded() ? nil : problems
  }

  /// Whether what has come of a tar is packed by another tool, in another order or by headers of its own.
  var isPackedByAnother: Bool { !zip(tar.entries, plan.sections).allSatisfy(stands) || !holdsOwnHeader }

  /// Whether one entry, wherever it stands, has the header that Ferry writes for it.
  var holdsOwnHeader: Bool { tar.entries.contains { $0.hasOwnHeaders } }

  /// Whether nothing but zeros follows, as tools that write whole records leave them.
  private func isPadded() throws(LayoutError) -> Bool {
    let rest = BlobExtent(offset: plan.totalSize, size: tar.fileSize - plan.totalSize)
    guard rest.size <= Self.largestRecord, Self.isWhole(tar.fileSize), file.holds(rest.range) else {
      return false
    }
    return try rest.bytes(in: file).allSatisfy { $0 == 0 }
  }

  /// Whether a tar of that size ends with a record of twenty blocks, which is what most tools write.
  static func isWhole(_ size: Int64) -> Bool { size % (20 * TarHeader.blockSize) == 0 }

  /// The most bytes that a record has; that of most tools has 10 KiB.
  static let largestRecord: Int64 = 1 << 20

  /// Whether a tar has its end, behind which no more follows than fills up a record: else it may go on behind a hole.
  static func endsAsItShould(_ tar: TarIndex) -> Bool {
    guard case .marker(let offset) = tar.end else { return false }
    return tar.fileSize - offset <= largestRecord + Int64(TarHeader.endMarker.count)
  }

  /// Differences in the archive's own files alone: all there is to compare once it has been extracted.
  func problems(with files: [String: BlobExtent]) throws(LayoutError) -> [LayoutProblem] {
    var problems: [LayoutProblem] = []
    var known: Set<String> = []
    for section in plan.sections {
      try LayoutError.checkCancellation()
      guard case .file(let path) = section.name, section.size > 0 else { continue }
      known.insert(path)
      guard let extent = files[path] else {
        problems.append(.missingFile(path: path))
        continue
      }
      guard extent.size == section.size else {
        problems.append(.notCanonical(path: path, part: .content))
        continue
      }
      try section.forEachKnownPiece { piece throws(LayoutError) in
        guard piece.part == .content else { return }
        let place = BlobExtent(
          offset: extent.offset + (piece.offset - section.offset), size: Int64(piece.bytes.count))
        guard try place.bytes(in: file) != piece.bytes else { return }
        problems.note(.notCanonical(path: path, part: .content))
      }
    }
    if files[DockerManifestFile.path] != nil, !known.contains(DockerManifestFile.path) {
      problems.append(.surplus(path: DockerManifestFile.path))
    }
    return problems
  }

  private var rearrangement: LayoutProblem? {
    for (index, entry) in tar.entries.enumerated() {
      guard plan.sections.indices.contains(index) else {
        return .rearranged(path: entry.path, at: entry.headerOffset)
      }
      let section = plan.sections[index]
      guard stands(entry, as: section) else {
        return .rearranged(path: entry.path, at: entry.headerOffset)
      }
    }
    guard tar.entries.count < plan.sections.count, case .marker(let offset) = tar.end else { return nil }
    return .rearranged(path: plan.sections[tar.entries.count].path, at: offset)
  }

  /// Whether the tar has its end and all files of the plan, each once, whatever the order, and no others.
  private var isReordered: Bool {
    guard case .marker = tar.end else { return false }
    var sizes: [String: Int64] = [:]
    for entry in tar.entries where entry.kind != .directory {
      guard entry.kind == .file, sizes.updateValue(entry.size, forKey: TarPath.plain(entry.path)) == nil
      else { return false }
    }
    return sizes.count == plan.sections.count && plan.sections.allSatisfy { sizes[$0.path] == $0.size }
  }

  private func stands(_ entry: TarEntry, as section: ArchiveSection) -> Bool {
    entry.path == section.path && entry.kind == .file && entry.headerOffset == section.headerOffset
      && entry.offset == section.offset && entry.size == section.size
  }
}

extension [LayoutProblem] {
  /// Adds a problem, unless it is the one that was found last: a large entry is compared in pieces.
  mutating func note(_ problem: LayoutProblem) {
    if last != problem { append(problem) }
  }
}
