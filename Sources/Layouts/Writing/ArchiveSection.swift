import Digests
import Images
import Tar

/// One entry of a planned archive.
struct ArchiveSection: Sendable {
  enum Name: Hashable, Sendable {
    case file(String)
    case blob(Digest)
  }

  enum Content: Sendable {
    case bytes([UInt8])
    /// Of which the bytes need not be in memory.
    case manifest(ManifestBytes)
    /// Ferry's list of images, of which each is written when its turn comes; its size in bytes.
    indirect case index(IndexFile, size: Int64)
    /// Docker's, which is written likewise.
    case images(DockerManifestFile)
    /// It arrives.
    case blob(size: Int64)

    /// In bytes.
    var size: Int64 {
      switch self {
      case .bytes(let bytes): Int64(bytes.count)
      case .manifest(let manifest): manifest.descriptor.size
      case .index(_, let size): size
      case .images(let file): file.size
      case .blob(let size): size
      }
    }
  }

  let name: Name
  let content: Content
  let headerOffset: Int64
  let headerSize: Int

  init(_ name: Name, content: Content, headerOffset: Int64) throws(TarError) {
    self.name = name
    self.content = content
    self.headerOffset = headerOffset
    headerSize = try TarHeader.bytes(path: Self.path(of: name), size: content.size).count
  }

  /// A blob's, whose content arrives, and begins behind a header that begins at `headerOffset`.
  fileprivate init(_ blob: PlannedBlob, headerOffset: Int64) {
    name = .blob(blob.digest)
    content = .blob(size: blob.size)
    self.headerOffset = headerOffset
    headerSize = Int(blob.offset - headerOffset)
  }

  /// Whether the content arrives, and is not known beforehand.
  var isBlob: Bool { if case .blob = content { true } else { false } }

  /// The content's size, in bytes.
  var size: Int64 { content.size }

  private static func path(of name: Name) -> String {
    switch name {
    case .file(let path): path
    case .blob(let digest): BlobPath.path(of: digest)
    }
  }

  var path: String { Self.path(of: name) }

  /// Where the content begins, in bytes.
  var offset: Int64 { headerOffset + Int64(headerSize) }

  /// Where the next entry begins, in bytes.
  var end: Int64 { offset + size + Int64(TarHeader.padding(after: size)) }

  /// Hands out all but a blob's content, in order, in pieces: together they may be large. Throws what reading a manifest
  /// again throws.
  func forEachKnownPiece(
    _ body: (KnownPiece) throws(LayoutError) -> Void
  ) throws(LayoutError) {
    try body(header())
    switch content {
    case .bytes(let bytes): if !bytes.isEmpty { try body(known(bytes, at: offset)) }
    case .manifest(let manifest): try body(known(manifest.bytes(), at: offset))
    case .index(let file, _):
      var position = offset
      try file.forEachPiece { bytes throws(LayoutError) in
        try body(known(bytes, at: position))
        position += Int64(bytes.count)
      }
    case .images(let file):
      var position = offset
      try file.forEachPiece { bytes throws(LayoutError) in
        try body(known(bytes, at: position))
        position += Int64(bytes.count)
      }
    case .blob: break
    }
    if let padding { try body(padding) }
  }

  /// Headers are made again rather than kept: they are all alike and half a kilobyte each.
  func header() throws(LayoutError) -> KnownPiece {
    let bytes = try LayoutError.wrapping { () throws(TarError) in try TarHeader.bytes(path: path, size: size)
    }
    return KnownPiece(offset: headerOffset, bytes: bytes, path: path, part: .header)
  }

  /// What fills the last block of the content; nil where nothing does.
  var padding: KnownPiece? {
    let count = TarHeader.padding(after: size)
    guard count > 0 else { return nil }
    return KnownPiece(
      offset: offset + size, bytes: [UInt8](repeating: 0, count: count), path: path, part: .padding)
  }

  private func known(_ bytes: [UInt8], at offset: Int64) -> KnownPiece {
    KnownPiece(offset: offset, bytes: bytes, path: path, part: .content)
  }
}

/// The entries of a planned archive, in order. Those of blobs, which are nearly all, are made when they are looked at.
struct ArchiveSections: RandomAccessCollection, Sendable {
  /// The archive's own files, and the manifests.
  private let front: [ArchiveSection]
  private let blobs: [PlannedBlob]
  private let order: DigestOrder

  init(_ front: [ArchiveSection], blobs: [PlannedBlob]) {
    self.front = front
    self.blobs = blobs
    order = DigestOrder(of: 0..<front.count + blobs.count) { Self.digest(at: $0, front, blobs) }
  }

  var startIndex: Int { 0 }
  var endIndex: Int { front.count + blobs.count }

  subscript(place: Int) -> ArchiveSection {
    guard place >= front.count else { return front[place] }
    let index = place - front.count
    return ArchiveSection(blobs[index], headerOffset: index > 0 ? blobs[index - 1].end : front.last?.end ?? 0)
  }

  /// Which has the content of that digest; nil when none has.
  func place(of digest: Digest) -> Int? { order.place(of: digest) { Self.digest(at: $0, front, blobs) } }

  /// Of a manifest or blob; nil for one of the archive's own files.
  private static func digest(at place: Int, _ front: [ArchiveSection], _ blobs: [PlannedBlob]) -> Digest? {
    place < front.count ? front[place].digest : blobs[place - front.count].digest
  }
}

/// The places of digests in a list that has each once, to find them: four bytes for each, where a dictionary takes eighty.
struct DigestOrder: Sendable {
  /// By what stands there, in ascending order.
  private let sorted: [Int32]

  /// Of those of `places` at which a `digest` stands.
  init(of places: Range<Int>, at digest: (Int) -> Digest?) {
    sorted = places.filter { digest($0) != nil }.map(Int32.init).sorted { left, right in
      guard let left = digest(Int(left)), let right = digest(Int(right)) else { return false }
      return left < right
    }
  }

  /// Where `wanted` stands in the same list; nil when it does not.
  func place(of wanted: Digest, at digest: (Int) -> Digest?) -> Int? {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if let found = digest(Int(sorted[middle])), found < wanted { low = middle + 1 } else { high = middle }
    }
    guard low < sorted.count, digest(Int(sorted[low])) == wanted else { return nil }
    return Int(sorted[low])
  }
}

extension ArchiveSection {
  /// Of a manifest or blob; nil for one of the archive's own files.
  fileprivate var digest: Digest? { if case .blob(let digest) = name { digest } else { nil } }
}

extension PlannedBlob {
  /// Where the next entry begins, in bytes.
  var end: Int64 { offset + size + Int64(TarHeader.padding(after: size)) }
}

/// Bytes of an archive that are known before any blob arrives.
public struct KnownPiece: Hashable, Sendable {
  /// Where they stand in the archive, in bytes.
  public let offset: Int64
  public let bytes: [UInt8]
  /// The entry they belong to.
  public let path: String
  public let part: ArchivePart
}
