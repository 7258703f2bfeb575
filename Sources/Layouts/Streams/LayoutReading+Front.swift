import Archives
import Digests
import Images

/// The front of an archive, checked before the rest of it has come.
extension LayoutReading {
  /// Finds what is wrong with the front; the plan of the whole archive when nothing is. `misplaced` is an entry
  /// that stands where one of the front belongs.
  mutating func examineFront(misplaced: TarEntry?) throws(LayoutError) -> ArchivePlan? {
    note(entries.problems)
    try readLedger()
    noteSurplus()
    var walk = ManifestWalk(file: file, blobs: blobs, omissions: omissions)
    for image in index.images { try walk.descend(from: image.root) }
    walk.list(index.others)
    isEmpty = walk.problems.isEmpty && walk.isEmpty && !entries.isCut
    note(walk.review.problems(sources: ferry?.knownSources ?? []))
    note(index.others.map { .notAnImage($0.digest, $0.mediaType) })
    var isCut = misplaced != nil
    if let misplaced { note([.rearranged(path: misplaced.path, at: misplaced.headerOffset)]) }
    switch tar.end {
    // What comes once has no gaps.
    case .marker, .none, .absent: break
    case .truncated(let offset):
      note([.truncated(path: tar.entries.last?.path ?? "", at: offset)])
      isCut = true
    case .damaged(let offset):
      note([.damagedHeader(at: offset)])
      isCut = true
    }
    // Behind damage manifests may well be, only out of reach.
    note(walk.problems.filter { if case .missing = $0 { !isCut } else { true } })
    try noteConfigs(walk)
    guard problems.isEmpty, let ferry else { return nil }
    guard let plan = try plan(walk, ferry) else {
      note([.notCanonical(path: IndexFile.path, part: .content)])
      return nil
    }
    return plan
  }

  /// Takes what has not come for what it has to be. `kept` is what has.
  mutating func expect(_ plan: ArchivePlan, after kept: [UInt8]) throws(LayoutError) {
    let rest = max(0, plan.totalSize - Int64(kept.count))
    let path = file.path
    file = try LayoutError.wrapping { () throws(ArchiveError) in
      try JoinedContent([.bytes(kept), .missing(path: path, size: rest)], path: path)
    }
    totalSize = plan.totalSize
    for digest in plan.manifests.map(\.digest) + plan.blobs.map(\.digest) {
      blobs[digest] = plan.extent(of: digest)
    }
  }
}
