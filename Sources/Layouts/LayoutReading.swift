import Archives
import Digests
import Images

/// An archive while it is being opened: its own files first, then what they say held against the tar.
struct LayoutReading {
  var file: any RandomAccess
  let tar: TarIndex
  let entries: TarContents
  let form: LayoutForm
  private(set) var index: IndexFile
  private(set) var archiveDigest: Digest
  private(set) var ferry: FerryFile?
  var blobs: [Digest: BlobExtent]
  /// The archive's size in bytes.
  var totalSize: Int64
  /// Blobs of which something lies in a gap.
  var lost: [Digest: BlobExtent] = [:]
  /// What Ferry made for these contents, when all that it takes to know was there.
  var plan: ArchivePlan?
  private(set) var carried: [String: BlobExtent] = [:]
  private(set) var omissions: [Digest: Omission] = [:]
  private(set) var problems: [LayoutProblem] = []
  private(set) var remarks: [LayoutProblem] = []
  /// Whether no image at all was found, but perhaps indexes of none.
  var isEmpty = false

  var isFerrys: Bool { index.ledgerDigest != nil }

  /// Reads `oci-layout` and `index.json`.
  init(_ source: LayoutSource) throws(LayoutError) {
    let (file, tar, entries, path) = (source.file, source.tar, source.entries, source.file.path)
    self.file = file
    self.tar = tar
    self.entries = entries
    form = source.form
    blobs = entries.blobs.filter { file.holds($0.value.range) }
    lost = entries.blobs.filter { !file.holds($0.value.range) }
    totalSize = tar.fileSize

    try Self.checkVersion(entries, tar, file)
    let bytes = try Self.content(of: IndexFile.path, limit: IndexFile.sizeLimit, entries, tar, file)
    var index: IndexFile
    do {
      index = try IndexFile(bytes: bytes)
    } catch {
      throw .malformed(path: path, entry: IndexFile.path, why: error.why)
    }
    archiveDigest = Digest(of: bytes)
    if let whole = index.asOneImage(bytes) {
      index = IndexFile(images: [whole], ledgerDigest: nil)
      blobs[archiveDigest] = entries.files[IndexFile.path]
    }
    self.index = index
    note(source.problems)
    note(index.ambiguousNames.map { .ambiguousName($0) }.filter { !source.problems.contains($0) })
    if !isFerrys, let list = entries.files[DockerManifestFile.path],
      try DockerManifestFile.isList(list, in: file)
    {
      try join(TwoLists(list, beside: index, blobs, file: file, tar: tar, entries: entries), bytes)
    }
  }

  /// Reads `oci-layout`. A layout without it, which some tools write, is one by its `index.json`.
  private static func checkVersion(
    _ entries: TarContents, _ tar: TarIndex, _ file: any RandomAccess
  ) throws(LayoutError) {
    if entries.files[LayoutFile.path] == nil, entries.files[IndexFile.path] != nil { return }
    let layout = try content(of: LayoutFile.path, limit: LayoutFile.sizeLimit, entries, tar, file)
    let version: String
    do { version = try LayoutFile.version(of: layout) } catch {
      throw .malformed(path: file.path, entry: LayoutFile.path, why: error.why)
    }
    guard LayoutFile.isReadable(version) else {
      throw .unsupportedVersion(
        path: file.path, entry: LayoutFile.path, found: version, supported: LayoutFile.version)
    }
  }

  /// Takes in what docker's list says beside `index.json`, whose bytes these are. Where that is more, the archive
  /// digest is one of both: it stands for every image.
  private mutating func join(_ lists: TwoLists, _ bytes: [UInt8]) throws(LayoutError) {
    note(lists.problems)
    guard lists.images != index.images else { return }
    var tail = GeneratedFiles(behind: try LayoutError.wrapping { () throws(ArchiveError) in try file.size() })
    for (digest, manifest) in lists.made.sorted(by: { $0.key < $1.key }) {
      blobs[digest] = tail.append(manifest)
    }
    let (front, made) = (file, tail.bytes)
    file = try LayoutError.wrapping { () throws(ArchiveError) in try AppendedContent(front, made) }
    blobs.merge(lists.blobs) { present, _ in present }
    index = IndexFile(images: lists.images, others: index.others, ledgerDigest: nil)
    archiveDigest = Digest(of: bytes + index.bytes)
  }

  /// The bytes of one of the layout's own files, which an archive cannot do without.
  private static func content(
    of name: String, limit: Int64, _ entries: TarContents, _ tar: TarIndex, _ file: any RandomAccess
  ) throws(LayoutError) -> [UInt8] {
    guard let extent = entries.files[name] else {
      switch tar.end {
      case .truncated(let offset): throw .truncated(path: file.path, at: offset)
      case .damaged(let offset): throw .damagedHeader(path: file.path, at: offset)
      case .absent(let offset): throw .unreachable(path: file.path, at: offset)
      case .none(let offset) where tar.entries.count <= 2: throw .truncated(path: file.path, at: offset)
      case .none, .marker: throw .notALayout(path: file.path, missing: name)
      }
    }
    guard extent.size <= limit else {
      throw .oversized(path: file.path, entry: name, size: extent.size, limit: limit)
    }
    return try extent.bytes(in: file)
  }

  /// Where each entry lies, header and all.
  var places: [String: Range<Int64>] {
    let planned = (plan?.sections ?? []).map { ($0.path, $0.headerOffset..<$0.end) }
    let found = tar.entries.map { ($0.path, $0.headerOffset..<max($0.headerOffset, $0.end)) }
    return Dictionary(planned + found) { first, _ in first }
  }

  /// Docker's list of the images, which docker reads and no other tool does: it must say one thing to all of docker's
  /// relatives.
  mutating func checkDockerFile() throws(LayoutError) {
    let path = DockerManifestFile.path
    guard let extent = entries.files[path], file.holds(extent.range) else { return }
    guard extent.size <= DockerManifestFile.sizeLimit else {
      throw .oversized(path: file.path, entry: path, size: extent.size, limit: DockerManifestFile.sizeLimit)
    }
    let bytes = try extent.bytes(in: file)
    do { try DocumentShape.dockerManifest.check(bytes) } catch {
      // What is no JSON says nothing to anybody.
      if case .malformed = error { return }
      note([.malformedFile(path: path, why: error.jsonReason)])
    }
  }

  mutating func note(_ found: [LayoutProblem]) {
    for problem in found {
      if !isFerrys && problem.isUsualElsewhere { remarks.append(problem) } else { problems.append(problem) }
    }
  }

  /// `ferry.json` and the files it names.
  mutating func readLedger() throws(LayoutError) {
    guard let expected = index.ledgerDigest else {
      if entries.files[FerryFile.path] != nil { note([.unannounced(path: FerryFile.path)]) }
      return
    }
    guard let extent = entries.files[FerryFile.path] else {
      if !entries.isCut { note([.missingFile(path: FerryFile.path)]) }
      return
    }
    guard extent.size <= FerryFile.sizeLimit else {
      throw .oversized(
        path: file.path, entry: FerryFile.path, size: extent.size, limit: FerryFile.sizeLimit)
    }
    let bytes = try extent.bytes(in: file)
    let actual = Digest(of: bytes)
    guard actual == expected else {
      note([.damagedFile(path: FerryFile.path, expected: expected, actual: actual)])
      return
    }
    let ferry: FerryFile
    do {
      ferry = try FerryFile(bytes: bytes)
    } catch {
      switch error {
      case .malformed(let why): throw .malformed(path: file.path, entry: FerryFile.path, why: why)
      case .unsupportedVersion(let version):
        throw .unsupportedVersion(
          path: file.path, entry: FerryFile.path, found: String(version),
          supported: String(FerryFile.formatVersion))
      }
    }
    self.ferry = ferry
    for omission in ferry.omissions where blobs[omission.descriptor.digest] == nil {
      omissions[omission.descriptor.digest] = omission
    }
    if FerryFile.digest(of: index.images) != ferry.imagesDigest {
      note([.disagreement(path: IndexFile.path)])
    }
    try readCarriedFiles(ferry.files)
  }

  private mutating func readCarriedFiles(_ files: [CarriedFile]) throws(LayoutError) {
    for expected in files {
      guard let extent = entries.files[expected.path] else {
        if !entries.isCut { note([.missingFile(path: expected.path)]) }
        continue
      }
      carried[expected.path] = extent
      guard extent.size <= CarriedFile.sizeLimit else {
        throw .oversized(
          path: file.path, entry: expected.path, size: extent.size, limit: CarriedFile.sizeLimit)
      }
      let bytes = try extent.bytes(in: file)
      let actual = Digest(of: bytes)
      if actual != expected.digest {
        note([.damagedFile(path: expected.path, expected: expected.digest, actual: actual)])
      }
    }
  }
}
