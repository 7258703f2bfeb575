import Digests
import Files
import Images
import Tar

/// What `docker save` wrote before version 25, and what podman, skopeo, crane and many others write for
/// `docker load`: a tar whose `manifest.json` names each image's config and layers by their paths.
///
/// From that alone Ferry makes the layout it stands for: a manifest of the config's own bytes and the layers
/// as they lie there, and an `index.json` of the names. The same archive gives the same digests each time.
struct DockerSaveArchive {
  private let file: any RandomAccess
  private let tar: TarIndex
  private let entries: TarContents
  private(set) var list: [DockerManifestFile.Entry]
  private(set) var blobs: [Digest: BlobExtent] = [:]
  /// The archive's files that images need, and the links that lead to them.
  private var used: Set<String> = [DockerManifestFile.path]
  /// By the names of their files, however many paths lead to one.
  private var configs: [String: DockerConfig] = [:]
  /// How many layers those speak of.
  private var configLayers = 0
  private var measured: [BlobExtent: [MeasuredLayer.Algorithms: MeasuredLayer]] = [:]
  /// What the files of a directory are that have several names.
  private var claims: [BlobExtent: Digest] = [:]
  private(set) var problems: [LayoutProblem] = []
  /// Those of ``problems`` that may be found more than once.
  private var told: Set<LayoutProblem> = []
  private var configBytes: Int64 = 0
  /// What manifests have of addresses. One list of them may stand for many layers.
  private var addressBytes: Int64 = 0
  /// How much memory decompressing a layer may take, in bytes.
  private let memoryLimit: Int64
  private let allowance: UnpackingAllowance

  /// The most layers that configs which are kept speak of: those of a thousand images.
  private static let mostConfigLayers = 1 << 17

  /// nil when it is no such archive: then it is a layout, or nothing that Ferry knows.
  static func open(
    file: any RandomAccess, tar: TarIndex, entries: TarContents, memoryLimit: Int64
  ) throws(LayoutError) -> DockerSaveArchive? {
    guard entries.files[LayoutFile.path] == nil, entries.files[IndexFile.path] == nil,
      let extent = entries.files[DockerManifestFile.path]
    else { return nil }
    return try open(list: extent, file: file, tar: tar, entries: entries, memoryLimit: memoryLimit)
  }

  /// What `manifest.json`, which lies at `extent`, names, whatever else the archive has.
  static func open(
    list extent: BlobExtent, file: any RandomAccess, tar: TarIndex, entries: TarContents, memoryLimit: Int64
  ) throws(LayoutError) -> DockerSaveArchive {
    guard extent.size <= DockerManifestFile.sizeLimit else {
      throw .oversized(
        path: file.path, entry: DockerManifestFile.path, size: extent.size,
        limit: DockerManifestFile.sizeLimit)
    }
    let bytes = try extent.bytes(in: file)
    do {
      return DockerSaveArchive(
        file, tar, entries, list: try DockerManifestFile.entries(in: bytes), memoryLimit: memoryLimit)
    } catch {
      throw .malformed(path: file.path, entry: DockerManifestFile.path, why: error)
    }
  }

  private init(
    _ file: any RandomAccess, _ tar: TarIndex, _ entries: TarContents, list: [DockerManifestFile.Entry],
    memoryLimit: Int64
  ) {
    self.memoryLimit = memoryLimit
    let passed = file as? PassedContent
    allowance = UnpackingAllowance { passed?.storedSize ?? tar.fileSize }
    self.file = file
    self.tar = tar
    self.entries = entries
    self.list = list
  }

  /// The layout, with the files that Ferry made for it behind the archive's own bytes.
  consuming func source() throws(LayoutError) -> LayoutSource {
    try joinLegacyTags()
    var images: [LayoutImage] = []
    // An archive may have tens of thousands of names: of each it is kept where it was met first.
    images.reserveCapacity(list.reduce(0) { $0 + Swift.max(1, $1.names.count) })
    var named: [String: Int32] = [:]
    var manifests: [Digest: [UInt8]] = [:]
    var failed: [(name: String, error: LayoutError)] = []
    for entry in list {
      try LayoutError.checkCancellation()
      let bytes: [UInt8]
      do { bytes = try manifest(of: entry) } catch {
        // What is wrong with one image is not the others' fault.
        guard list.count > 1, error.isOfOneImage else { throw error }
        failed.append((Self.name(of: entry), error))
        continue
      }
      let root = Descriptor(mediaType: .ociManifest, digest: Digest(of: bytes), size: Int64(bytes.count))
      manifests[root.digest] = bytes
      for image in Self.images(entry.names, root: root) {
        images.append(image)
        guard image.reference != nil else { continue }
        let other = named.updateValue(Int32(clamping: images.count - 1), forKey: image.name)
        if let other, images[Int(other)].root.digest != root.digest {
          problems.append(.ambiguousName(image.name))
        }
      }
    }
    if images.isEmpty, let first = failed.first { throw first.error }
    problems += failed.map { .unreadableImage($0.name, $0.error) }
    var tail = GeneratedFiles(behind: tar.fileSize)
    var files = [LayoutFile.path: tail.append(LayoutFile.bytes)]
    for (digest, bytes) in manifests.sorted(by: { $0.key < $1.key }) { blobs[digest] = tail.append(bytes) }
    for (digest, extent) in entries.blobs where !used.contains(BlobPath.path(of: digest)) {
      blobs[digest] = blobs[digest] ?? extent
    }
    for (path, extent) in entries.files where files[path] == nil && !isKnown(path) { files[path] = extent }
    let others = entries.problems.filter { problem in
      if case .surplus(let path) = problem { !isKnown(path) } else { true }
    }
    let (file, bytes) = (file, tail.bytes)
    var source = LayoutSource(
      file: try LayoutError.wrapping { () throws(FileError) in try AppendedContent(file, bytes) },
      tar: tar,
      entries: TarContents(
        blobs: blobs, files: files, problems: others, isCut: entries.isCut, of: file.path),
      form: .dockerSave, problems: problems, memoryLimit: memoryLimit)
    source.made = IndexFile(images: images, ferryFileDigest: nil)
    return source
  }

  /// Takes in what docker's older list of names says beside this one. `isNamed` tells which names a third list has.
  mutating func joinLegacyTags(unless isNamed: (Reference) -> Bool = { _ in false }) throws(LayoutError) {
    guard let tags = try LegacyTags.read(entries, file) else { return }
    let (joined, found) = try tags.joined(to: list, isNamed: isNamed)
    list = joined
    problems += found
  }

  /// What to call an image that cannot be read.
  static func name(of entry: DockerManifestFile.Entry) -> String {
    guard let name = entry.names.first else { return entry.config }
    return (try? Reference(dockerName: name))?.description ?? name
  }

  /// An image for each of the names, or one without. An image's ID is none.
  static func images(_ names: [String], root: Descriptor) -> [LayoutImage] {
    let names = names.filter { !ArchiveName.isShownID($0) }
    guard !names.isEmpty else { return [LayoutImage(reference: nil, name: "", root: root)] }
    var seen: Set<String> = []
    var images: [LayoutImage] = []
    for text in names {
      let reference = ArchiveName.savedReference(text, of: root.digest)
      let name = reference?.description ?? text
      guard seen.insert(name).inserted else { continue }
      var image = LayoutImage(reference: reference, name: name, root: root)
      if reference != nil, text.utf8.contains(UInt8(ascii: "@")) {
        let given = (try? Reference(dockerName: text))?.digest
        image.givenDigest = given == root.digest ? nil : given
      }
      images.append(image)
    }
    return images
  }

  /// The manifest that an entry stands for.
  mutating func manifest(of entry: DockerManifestFile.Entry) throws(LayoutError) -> [UInt8] {
    let config = try config(of: entry)
    guard config.diffIDs.count == entry.layers.count else {
      throw .malformed(
        path: file.path, entry: DockerManifestFile.path,
        why: .layerCount(listed: entry.layers.count, config: entry.config, expected: config.diffIDs.count))
    }
    var layers: [JSONValue] = []
    for (index, (path, diffID)) in zip(entry.layers, config.diffIDs).enumerated() {
      guard path.contains(where: { $0 != "/" }) else {
        throw .layerLeftOut(path: file.path, image: Self.name(of: entry), layer: index + 1)
      }
      if let source = entry.sources[diffID.description], !entries.isCut, try entries.resolve(path) == nil {
        addressBytes += Int64(source.addressBytes)
        guard addressBytes <= DockerManifestFile.sizeLimit else {
          throw .oversized(
            path: file.path, entry: DockerManifestFile.path, size: addressBytes,
            limit: DockerManifestFile.sizeLimit)
        }
        layers.append(.object(JSONValue.foreign(source)))
      } else {
        layers.append(.object(JSONValue.descriptor(try layer(at: path, diffID: diffID))))
      }
    }
    let bytes = JSONValue.object([
      "schemaVersion": .integer(2),
      "mediaType": .string(MediaType.ociManifest.rawValue),
      "config": .object(JSONValue.descriptor(config.descriptor)),
      "layers": .array(layers),
    ]).bytes
    guard bytes.count <= Manifest.sizeLimit else {
      throw .oversized(
        path: file.path, entry: entry.config, size: Int64(bytes.count), limit: Int64(Manifest.sizeLimit))
    }
    return bytes
  }

  /// The config of an entry that can be read.
  mutating func config(of entry: DockerManifestFile.Entry) throws(LayoutError) -> DockerConfig {
    if let fault = entry.fault {
      throw .malformed(path: file.path, entry: DockerManifestFile.path, why: fault)
    }
    return try config(at: entry.config)
  }

  private mutating func config(at path: String) throws(LayoutError) -> DockerConfig {
    let (name, extent, isTaken) = try place(of: path)
    if let known = configs[name] { return known }
    configBytes.add(saturating: extent.size)
    let (size, limit) =
      extent.size > Int64(Manifest.sizeLimit)
      ? (extent.size, Int64(Manifest.sizeLimit)) : (configBytes, ManifestWalk.sizeLimit)
    guard size <= limit else { throw .oversized(path: file.path, entry: path, size: size, limit: limit) }
    let config = try DockerConfig(bytes: extent.bytes(in: file), name: name, archive: file.path)
    try add(extent, as: config.descriptor.digest, at: name, isTaken)
    // What speaks of more is read again where it is named again, which is counted.
    guard configLayers + config.diffIDs.count <= Self.mostConfigLayers else { return config }
    configLayers += config.diffIDs.count
    configs[name] = config
    return config
  }

  /// The layer at `path`, which the image's config says unpacks to `diffID`. One that is not compressed is
  /// proved by that wherever it is read; one that is must be read through to learn what it is.
  private mutating func layer(at path: String, diffID: Digest) throws(LayoutError) -> Descriptor {
    let (name, extent, isTaken) = try place(of: path)
    let compression = try compression(of: extent)
    let type: MediaType
    switch compression {
    case .none:
      try add(extent, as: diffID, at: name, isTaken)
      return Descriptor(mediaType: .ociLayer, digest: diffID, size: extent.size)
    case .gzip: type = .ociGzipLayer
    case .zstd: type = .ociZstdLayer
    case .xz, .bzip2: throw .layerCompression(path: file.path, entry: path, compression)
    }
    let layer = try measure(name, extent, by: MeasuredLayer.Algorithms(content: diffID.algorithm))
    if layer.content != diffID {
      note(
        layer.content.map { .contentDiffers(layer: layer.digest, expected: diffID, actual: $0) }
          ?? .cannotUnpack(layer: layer.digest))
    }
    try add(extent, as: layer.digest, at: name, isTaken)
    return Descriptor(mediaType: type, digest: layer.digest, size: extent.size)
  }

  /// How a layer is compressed, by its first bytes.
  private func compression(of extent: BlobExtent) throws(LayoutError) -> Compression {
    let size = min(Int64(Compression.magicSize), extent.size)
    return Compression(magic: try BlobExtent(offset: extent.offset, size: size).bytes(in: file))
  }

  /// Reads a layer, compressed or not, once however many images list it and however it is called there.
  mutating func measure(
    _ name: String, _ extent: BlobExtent, by algorithms: MeasuredLayer.Algorithms
  ) throws(LayoutError) -> MeasuredLayer {
    if let known = measured[extent]?[algorithms] { return known }
    let layer = try MeasuredLayer.measure(
      extent, in: file, Decompressor(compression(of: extent), memoryLimit: memoryLimit, within: allowance),
      called: name, by: algorithms)
    measured[extent, default: [:]][algorithms] = layer
    return layer
  }

  private mutating func note(_ problem: LayoutProblem) {
    if told.insert(problem).inserted { problems.append(problem) }
  }

  /// Old archives hold the same layer several times. One copy is carried, and docker reads each where it is named: of
  /// the others it must be known now that they are the same. A file that `isTaken` already is something else, unless it was
  /// named for the same before: it is read now, and not again for each that it is said to be.
  private mutating func add(
    _ extent: BlobExtent, as digest: Digest, at name: String, _ isTaken: Bool
  ) throws(LayoutError) {
    let other = blobs[digest]
    let isShared = entries.shared.contains(extent) && claims.updateValue(digest, forKey: extent) != nil
    guard extent != other, file.holds(extent.range), other != nil || isTaken || isShared else {
      blobs[digest] = other ?? extent
      return
    }
    let actual = try measure(name, extent, by: MeasuredLayer.Algorithms(whole: digest.algorithm)).digest
    guard actual != digest else {
      blobs[digest] = other ?? extent
      return
    }
    guard let other else { throw .wrongContent(digest, .mismatch(expected: digest, actual: actual)) }
    note(
      other.size == extent.size
        ? .damaged(digest, actual: actual)
        : .wrongSize(digest, expected: other.size, actual: extent.size))
  }

  /// Where the file lies that `manifest.json` calls `path`, its own name, and whether it was named before.
  private mutating func place(
    of path: String
  ) throws(LayoutError) -> (name: String, extent: BlobExtent, isTaken: Bool) {
    guard let found = try entries.resolve(path) else {
      switch tar.end {
      case .truncated(let offset): throw .truncated(path: file.path, at: offset)
      case .damaged(let offset): throw .damagedHeader(path: file.path, at: offset)
      case .absent(let offset): throw .unreachable(path: file.path, at: offset)
      case .none, .marker:
        guard !entries.sparse.contains(TarPath.plain(path)) else {
          throw .sparse(path: file.path, entry: path)
        }
        throw .missingFile(path: file.path, entry: path)
      }
    }
    guard !entries.sparse.contains(found.name) else { throw .sparse(path: file.path, entry: found.name) }
    let isTaken = used.contains(found.name)
    used.formUnion(found.steps)
    return (found.name, found.extent, isTaken)
  }

  /// Whether a file or link is one that such archives have: used, or docker's own from before 1.10.
  private func isKnown(_ path: String) -> Bool {
    guard !used.contains(path), path != LegacyTags.path else { return true }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == 2 && Digest(hex: parts[0]) != nil
      && ["VERSION", "json", "layer.tar"].contains(parts[1])
  }
}

extension Descriptor {
  /// Whether it is a layer that need not be there, because it says where else it can be had.
  var isForeign: Bool { mediaType.isForeignLayer && urls?.isEmpty == false }

  /// How much the addresses take up in a document, in bytes.
  var addressBytes: Int { (urls ?? []).reduce(0) { $0 + $1.utf8.count + 3 } }
}

extension JSONValue {
  /// The members of a layer's descriptor that says where else it can be had.
  fileprivate static func foreign(_ layer: Descriptor) -> [String: JSONValue] {
    descriptor(layer).merging(["urls": .array((layer.urls ?? []).map { .string($0) })]) { first, _ in first }
  }
}

/// Files put one behind the other, and where they come to lie.
struct GeneratedFiles {
  private(set) var bytes: [UInt8] = []
  private let start: Int64

  init(behind start: Int64) { self.start = start }

  mutating func append(_ file: [UInt8]) -> BlobExtent {
    defer { bytes += file }
    return BlobExtent(offset: start + Int64(bytes.count), size: Int64(file.count))
  }
}

/// An image's config in an archive of docker's.
struct DockerConfig {
  let descriptor: Descriptor
  let diffIDs: [Digest]

  /// `name` is the file's path, which holds the digest that it had when it was written, the image ID: the
  /// descriptor has that one, so that damage is found as everywhere else.
  init(bytes: [UInt8], name: String, archive: String) throws(LayoutError) {
    let named = Self.digest(in: name)
    let actual = Digest(of: bytes, by: named?.algorithm ?? .sha256)
    let digest = named ?? actual
    descriptor = Descriptor(mediaType: .ociConfig, digest: digest, size: Int64(bytes.count))
    let fault: FileFault
    do {
      let found = try ImageConfig(bytes: bytes).rootfs?.diffIDs ?? []
      let known = found.compactMap(\.self)
      guard known.count < found.count else {
        diffIDs = known
        return
      }
      fault = .fieldNotADigest("rootfs.diff_ids")
    } catch .malformed(.json(let why)) {
      fault = .json(why)
    } catch {
      guard digest == actual else {
        throw .wrongContent(digest, .mismatch(expected: digest, actual: actual))
      }
      throw .notAManifest(digest, error)
    }
    guard digest == actual else {
      throw .wrongContent(digest, .mismatch(expected: digest, actual: actual))
    }
    throw .malformed(path: archive, entry: name, why: fault)
  }

  /// `<hex>.json` of docker, podman and skopeo, `sha256:<hex>` of crane and kaniko, `blobs/sha256/<hex>` of
  /// buildkit; of other algorithms likewise.
  private static func digest(in name: String) -> Digest? {
    var text = name.split(separator: "/").last ?? ""
    if text.hasSuffix(".json") { text = text.dropLast(5) }
    return Digest(fileName: text)
  }
}
