public import Digests
import Files
public import Images
import Tar

/// The whole layout of an archive, fixed before the first blob arrives: what goes where, and all bytes but
/// the blobs'. The same images give the same plan in whatever order they are named.
///
/// Order: `oci-layout`, `index.json`, `manifest.json` if docker can load something, `ferry.json`, files under
/// `ferry/`, manifests, configs, layers. Its memory grows with the number of blobs, not with their size.
public struct ArchivePlan: Sendable {
  /// The sha256 of `index.json`.
  public let archiveDigest: Digest
  /// The archive's size in bytes.
  public let totalSize: Int64
  /// Sorted by reference, referrers behind all others.
  public let images: [LayoutImage]
  /// In the archive's order.
  public let manifests: [Descriptor]
  /// Configs and layers, in the archive's order.
  public let blobs: [PlannedBlob]
  /// Sorted by digest; without those that no image lists or that are in the archive after all.
  public let omissions: [Omission]
  /// What knows of the omissions, each once, sorted by digest.
  public let knownSources: [KnownSource]
  /// Sorted by image, each image once.
  public let missingImages: [MissingImage]

  let sections: ArchiveSections

  /// Plans an archive of `images`. `manifests` and `blobs` hold everything the images list and `omissions`
  /// does not; each may be given many times. `referrers` are named by repository and digest and listed without
  /// a name. `knownSources` are what omissions name as their source; `extraFiles` have paths under `ferry/`;
  /// `missingImages` are images that should be here too.
  /// Throws one of ``LayoutError``'s cases of planning, `missing` or `notAManifest`.
  public init(
    images: [(reference: Reference, root: Descriptor)],
    referrers: [(reference: Reference, root: Descriptor)] = [], manifests: [Manifest], blobs: [Descriptor],
    omissions: [Omission] = [], knownSources: [KnownSource] = [],
    extraFiles: [(path: String, bytes: [UInt8])] = [], missingImages: [MissingImage] = []
  ) throws(LayoutError) {
    try self.init(
      images: images, referrers: referrers, planned: PlannedManifests(manifests), blobs: blobs,
      omissions: omissions, knownSources: knownSources, extraFiles: extraFiles, missingImages: missingImages)
  }

  /// The same for manifests of which the bytes alone are kept, and images whose parts are of `descriptors`.
  public init(
    images: [(reference: Reference, root: Descriptor)],
    referrers: [(reference: Reference, root: Descriptor)], encoded manifests: some Collection<ManifestBytes>,
    sharing descriptors: SharedDescriptors, blobs: some Sequence<Descriptor>, omissions: [Omission],
    knownSources: [KnownSource],
    extraFiles: [(path: String, bytes: [UInt8])], missingImages: [MissingImage]
  ) throws(LayoutError) {
    try self.init(
      images: images, referrers: referrers, planned: PlannedManifests(manifests, sharing: descriptors),
      blobs: blobs, omissions: omissions, knownSources: knownSources, extraFiles: extraFiles,
      missingImages: missingImages)
  }

  /// The same for manifests that need not be in memory. Throws what reading them throws, too.
  init(
    images: [(reference: Reference, root: Descriptor)], referrers: [(reference: Reference, root: Descriptor)],
    planned manifests: PlannedManifests, blobs: some Sequence<Descriptor>, omissions: [Omission],
    knownSources: [KnownSource], extraFiles: [(path: String, bytes: [UInt8])], missingImages: [MissingImage]
  ) throws(LayoutError) {
    let contents = try ArchiveContents(
      images: images, referrers: referrers, manifests: manifests, blobs: blobs, omissions: omissions)
    let named = Set(contents.omissions.compactMap(\.source))
    let sources = Dictionary(grouping: knownSources.filter { named.contains($0.digest) }, by: \.digest)
      .values.compactMap { $0.min(by: KnownSource.precedes) }.sorted(by: KnownSource.precedes)
    let files = try Self.sorted(extraFiles)
    let carried = DigestOrder(of: contents.blobs.indices) { contents.blobs[$0].digest }

    self.missingImages = Dictionary(missingImages.map { ($0.image, $0) }) { first, second in
      first.reason.rawValue <= second.reason.rawValue ? first : second
    }.values.sorted { $0.image.utf8.lexicographicallyPrecedes($1.image.utf8) }
    let conversions = try ConvertedImage.find(among: contents.images, manifests, files)
    let ferryFile = try FerryFile(
      images: contents.images, omissions: contents.omissions,
      files: files.map { CarriedFile(path: $0.path, bytes: $0.bytes) }, missingImages: self.missingImages,
      knownSources: sources, conversions: conversions,
      holdsArtifactManifests: contents.manifests.contains { $0.mediaType.isArtifactManifest },
      holdsOtherAlgorithms: contents.holdsOtherAlgorithms,
      opaqueManifests: contents.manifests.compactMap { manifests.record(of: $0.digest) }
    ).written()
    let indexFile = IndexFile(images: contents.images, ferryFileDigest: Digest(of: ferryFile))
    var indexHash = ContentHasher()
    var indexSize: Int64 = 0
    indexFile.forEachPiece { piece in
      unsafe indexHash.update(piece.span.bytes)
      indexSize += Int64(piece.count)
    }
    let dockerFile = try DockerManifestFile(
      images: contents.images, manifests: manifests,
      isCarried: { digest in
        carried.place(of: digest) { contents.blobs[$0].digest } != nil || manifests.contains(digest)
      })

    // What no reader would take is not written.
    for (path, size, limit) in [
      (IndexFile.path, indexSize, IndexFile.sizeLimit),
      (DockerManifestFile.path, dockerFile?.size ?? 0, DockerManifestFile.largestSize),
    ] where size > limit { throw .listTooLarge(path: path, size: size, limit: limit) }

    var entries = Entries()
    entries.reserve(4 + files.count + contents.manifests.count, blobs: contents.blobs.count)
    try entries.append(.file(LayoutFile.path), .bytes(LayoutFile.bytes))
    try entries.append(.file(IndexFile.path), .index(indexFile, size: indexSize))
    if let dockerFile { try entries.append(.file(DockerManifestFile.path), .images(dockerFile)) }
    try entries.append(.file(FerryFile.path), .bytes(ferryFile))
    for file in files { try entries.append(.file(file.path), .bytes(file.bytes)) }
    for manifest in contents.manifests {
      guard let content = manifests.content(of: manifest.digest) else { throw .missing(manifest.digest) }
      try entries.append(.blob(manifest.digest), content)
    }
    for blob in contents.blobs { try entries.append(blob) }
    guard entries.front.count + entries.blobs.count <= TarIndex.mostEntries else {
      throw .tooManyEntries(limit: TarIndex.mostEntries)
    }
    let total = try entries.position(after: Int64(TarHeader.endMarker.count))

    self.archiveDigest = indexHash.digest()
    self.totalSize = total
    self.images = indexFile.marking(conversions).images
    self.manifests = contents.manifests
    self.omissions = contents.omissions
    self.knownSources = sources
    self.blobs = entries.blobs
    self.sections = ArchiveSections(entries.front, blobs: entries.blobs)
  }

  /// Where the content of a manifest, config or layer lies; nil when it is not in the archive.
  public func extent(of digest: Digest) -> BlobExtent? {
    place(of: digest).map { BlobExtent(offset: sections[$0].offset, size: sections[$0].size) }
  }

  /// The config or layer of a digest; nil for a manifest, and for what is not in the archive.
  public func blob(_ digest: Digest) -> PlannedBlob? {
    guard let index = place(of: digest) else { return nil }
    let place = index - (sections.count - blobs.count)
    return place >= 0 ? blobs[place] : nil
  }

  /// Which of ``sections`` has the content of that digest; nil when it is not in the archive.
  func place(of digest: Digest) -> Int? { sections.place(of: digest) }

  /// Hands out everything but the blobs' content, in order: the archive's own files and the manifests with
  /// their headers, the blobs' headers, all padding, the end marker. A piece at a time: together they may be
  /// large.
  public func forEachKnownPiece(
    _ body: (KnownPiece) throws(LayoutError) -> Void
  ) throws(LayoutError) {
    for section in sections {
      try LayoutError.checkCancellation()
      try section.forEachKnownPiece(body)
    }
    try body(endMarker)
  }

  var endMarker: KnownPiece {
    let bytes = TarHeader.endMarker
    return KnownPiece(
      offset: totalSize - Int64(bytes.count), bytes: bytes, path: sections.last?.path ?? "", part: .endMarker)
  }

  /// The entry in which the byte at `offset` falls.
  func section(at offset: Int64) -> ArchiveSection? {
    var low = 0
    var high = sections.count
    while low < high {
      let middle = (low + high) / 2
      if sections[middle].end <= offset { low = middle + 1 } else { high = middle }
    }
    return low < sections.count ? sections[low] : sections.last
  }

  private static func sorted(
    _ files: [(path: String, bytes: [UInt8])]
  ) throws(LayoutError) -> [(path: String, bytes: [UInt8])] {
    let sorted = files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    var previous: String?
    guard sorted.reduce(0, { $0 + Int64($1.bytes.count) }) <= CarriedFile.sumLimit else { throw .tooLarge }
    for file in sorted {
      guard CarriedFile.isValid(path: file.path), file.path != previous,
        Int64(file.bytes.count) <= CarriedFile.sizeLimit
      else { throw .unwritableFile(file.path) }
      previous = file.path
    }
    return sorted
  }

  /// Entries placed one after the other.
  private struct Entries {
    /// All but the blobs, which come behind them.
    var front: [ArchiveSection] = []
    var blobs: [PlannedBlob] = []
    private var end: Int64 = 0

    mutating func reserve(_ count: Int, blobs: Int) {
      front.reserveCapacity(count)
      self.blobs.reserveCapacity(blobs)
    }

    mutating func append(
      _ name: ArchiveSection.Name, _ content: ArchiveSection.Content
    ) throws(LayoutError) {
      let section = try section(name, content)
      front.append(section)
      end = section.end
    }

    mutating func append(_ blob: Descriptor) throws(LayoutError) {
      let section = try section(.blob(blob.digest), .blob(size: blob.size))
      blobs.append(PlannedBlob(descriptor: blob, offset: section.offset))
      end = section.end
    }

    private func section(
      _ name: ArchiveSection.Name, _ content: ArchiveSection.Content
    ) throws(LayoutError) -> ArchiveSection {
      _ = try position(after: content.size)
      return try LayoutError.wrapping { () throws(TarError) in
        try ArchiveSection(name, content: content, headerOffset: end)
      }
    }

    /// Where something of `size` bytes would end. Throws when an archive would become larger than any disk.
    func position(after size: Int64) throws(LayoutError) -> Int64 {
      guard end < 1 << 61, (0...1 << 60).contains(size) else { throw .tooLarge }
      return end + size
    }
  }
}

/// A config or layer and where its content will lie in the archive.
public struct PlannedBlob: Hashable, Sendable {
  public let descriptor: Descriptor
  /// Where the content begins in the archive, in bytes.
  public let offset: Int64

  public var digest: Digest { descriptor.digest }
  public var size: Int64 { descriptor.size }
}
