import Digests
import Images
import Tar

/// Finds, while the entries of an archive come, where its front ends: behind what describes it, its manifests and
/// its configs. What is wrong in the front is not judged here, only whether to read on.
struct FrontScan {
  /// Why the archive cannot be read in one pass.
  private(set) var obstacle: StreamObstacle?
  /// A file of the front that is too large to be one.
  private(set) var oversized: (entry: TarEntry, limit: Int64)?
  /// The entry that stands where one of the front belongs.
  private(set) var misplaced: TarEntry?

  private let content: ContentFront
  private var files: [String: BlobExtent] = [:]
  /// The manifests that are known of and have not come; nil before the first blob.
  private var awaited: [Digest: Descriptor]?
  private var met: Set<Digest> = []
  private var configs: Set<Digest> = []
  private var omitted: Set<Digest> = []
  /// Manifests of types that Ferry does not know.
  private var opaque: OpaqueManifests = [:]
  /// What has come and may be a manifest: children come before the indexes that list them.
  private var candidates: [Digest: BlobExtent] = [:]
  /// The candidate whose bytes will have come with the next entry.
  private var arriving: Digest?

  init(_ content: ContentFront) { self.content = content }

  /// Whether the front ends before `entry`; asked for each entry in turn.
  mutating func isBeyond(_ entry: TarEntry) -> Bool {
    takeIn()
    guard entry.kind != .directory else { return false }
    // What a link leads to may come behind it.
    if entry.link != nil {
      obstacle = .link(entry: entry.path)
      return true
    }
    let path = TarPath.plain(entry.path)
    guard let digest = BlobPath.digest(of: path) else { return isBeyond(entry, file: path) }
    if awaited == nil {
      awaited = roots(before: entry)
      guard awaited != nil else { return true }
    }
    guard awaited?.isEmpty ?? false else {
      // Only manifests may come before the last manifest.
      guard entry.size <= Manifest.sizeLimit else {
        misplaced = entry
        return true
      }
      candidates[digest] = BlobExtent(offset: entry.offset, size: entry.size)
      arriving = digest
      return false
    }
    guard configs.contains(digest), entry.size <= Manifest.sizeLimit else { return true }
    candidates[digest] = BlobExtent(offset: entry.offset, size: entry.size)
    return false
  }

  private mutating func isBeyond(_ entry: TarEntry, file path: String) -> Bool {
    let isOwn = TarContents.isOwn(path) && !path.hasPrefix("blobs/")
    guard isOwn, awaited == nil else {
      if files[IndexFile.path] == nil { obstacle = .order(entry: entry.path) }
      misplaced = entry
      return true
    }
    let limit = Self.limit(ofFile: path)
    guard entry.size <= limit else {
      oversized = (entry, limit)
      return true
    }
    files[path] = BlobExtent(offset: entry.offset, size: entry.size)
    return false
  }

  /// Whether of the lists of images docker's alone has come.
  var isDockerSave: Bool { files[DockerManifestFile.path] != nil && files[IndexFile.path] == nil }

  /// Whether all configs of the images have come.
  var hasConfigs: Bool { configs.allSatisfy { candidates[$0] != nil || omitted.contains($0) } }

  /// The largest that a file may be which is kept, in bytes.
  static func limit(ofFile path: String) -> Int64 {
    switch path {
    case LayoutFile.path: LayoutFile.sizeLimit
    case DockerManifestFile.path: DockerManifestFile.largestSize
    case _ where path.hasPrefix(CarriedFile.folder): CarriedFile.sizeLimit
    default: max(IndexFile.sizeLimit, FerryFile.sizeLimit)
    }
  }

  /// The images' manifests, as the files before the first blob tell; nil when they do not.
  private mutating func roots(before entry: TarEntry) -> [Digest: Descriptor]? {
    guard files[IndexFile.path] != nil else {
      obstacle = .order(entry: entry.path)
      return nil
    }
    guard let index = bytes(IndexFile.path, limit: IndexFile.sizeLimit).flatMap({ try? IndexFile(bytes: $0) })
    else { return nil }
    guard index.ferryFileDigest != nil else {
      obstacle = .foreign
      return nil
    }
    guard let ferry = bytes(FerryFile.path, limit: FerryFile.sizeLimit).flatMap({ try? FerryFile(bytes: $0) })
    else { return nil }
    omitted = Set(ferry.omissions.map(\.descriptor.digest))
    opaque = ferry.opaque
    var roots: [Digest: Descriptor] = [:]
    let images = index.images + ferry.schema1Images + ferry.opaqueImages
    for root in images.map(\.root) where !omitted.contains(root.digest) {
      roots[root.digest] = root
    }
    met = Set(roots.keys)
    return roots
  }

  private func bytes(_ path: String, limit: Int64) -> [UInt8]? {
    guard let extent = files[path], extent.size <= limit else { return nil }
    return try? extent.bytes(in: content)
  }

  /// Looks at the blob that has come: what it lists is awaited from now on, if it was awaited itself.
  private mutating func takeIn() {
    guard let digest = arriving else { return }
    arriving = nil
    // Not recursion: how deep indexes nest is up to the archive.
    var pending = [awaited?[digest]].compactMap(\.self)
    while let descriptor = pending.popLast() {
      awaited?[descriptor.digest] = nil
      guard let extent = candidates[descriptor.digest], let bytes = try? extent.bytes(in: content),
        let manifest = try? Manifest(bytes: bytes, as: descriptor, opaque: opaque)
      else { continue }
      for child in manifest.children where !omitted.contains(child.digest) {
        guard met.insert(child.digest).inserted else { continue }
        if candidates[child.digest] == nil { awaited?[child.digest] = child } else { pending.append(child) }
      }
      if case .image(let image) = manifest.content { configs.insert(image.config.digest) }
    }
  }
}
