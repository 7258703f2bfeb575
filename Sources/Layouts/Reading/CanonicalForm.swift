import Files
import Tar

/// Holds an archive of Ferry's against the one form it can have: the plan made of its own contents.
///
/// libarchive, like every reader of tars, forgives much: other modes and times, odd padding, a missing end,
/// anything after it. Here nothing is forgiven, so no bit outside the blobs' content, which their digests
/// prove, can change unnoticed.
struct CanonicalForm {
  let plan: ArchivePlan
  let tar: TarIndex
  let file: any RandomAccess

  /// Every difference, named by the entry it falls in.
  func problems() throws(LayoutError) -> [LayoutProblem] {
    // Where entries stand elsewhere all that follows differs: the first is enough.
    if let problem = rearrangement { return [problem] }
    var problems: [LayoutProblem] = []
    try plan.forEachKnownPiece { piece throws(LayoutError) in
      guard piece.range.upperBound <= tar.fileSize, file.holds(piece.range) else { return }
      let found = try BlobExtent(offset: piece.offset, size: Int64(piece.bytes.count)).bytes(in: file)
      if found != piece.bytes { problems.append(.notCanonical(path: piece.path, part: piece.part)) }
    }
    if tar.fileSize < plan.totalSize {
      let path = plan.section(at: tar.fileSize)?.path ?? ""
      problems.append(.truncated(path: path, at: tar.fileSize))
    } else if tar.fileSize > plan.totalSize {
      problems.append(.trailingBytes(at: plan.totalSize))
    }
    return problems
  }

  /// Differences in the archive's own files alone: all there is to compare once it has been extracted.
  func problems(with files: [String: BlobExtent]) throws(LayoutError) -> [LayoutProblem] {
    var problems: [LayoutProblem] = []
    var known: Set<String> = []
    try plan.forEachKnownPiece { piece throws(LayoutError) in
      guard piece.part == .content, BlobPath.digest(of: piece.path) == nil else { return }
      known.insert(piece.path)
      guard let extent = files[piece.path] else {
        problems.append(.missingFile(path: piece.path))
        return
      }
      guard extent.size == Int64(piece.bytes.count), try extent.bytes(in: file) == piece.bytes else {
        problems.append(.notCanonical(path: piece.path, part: .content))
        return
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
      guard entry.path == section.path, entry.kind == .file, entry.headerOffset == section.headerOffset,
        entry.offset == section.offset, entry.size == section.size
      else { return .rearranged(path: entry.path, at: entry.headerOffset) }
    }
    guard tar.entries.count < plan.sections.count, case .marker(let offset) = tar.end else { return nil }
    return .rearranged(path: plan.sections[tar.entries.count].path, at: offset)
  }
}
