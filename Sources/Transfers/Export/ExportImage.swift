public import Digests
import Files
public import Images
public import Layouts
import Registry

/// One image of an export: its name, everything it consists of, and what stays behind.
public struct ExportImage: Sendable {
  public let reference: Reference
  public let tree: ImageTree
  /// The manifests of ``tree``.
  private(set) var manifests: [ManifestBytes]
  /// What those of its runnable images list, or of what may be such.
  let runnable: [ImageManifest]
  public let omissions: [Omission]
  /// What travels with it because it refers to it.
  public private(set) var referrers: [Referrer] = []
  /// What refers to it, or to what of it is left out, and does not travel.
  public private(set) var referrersLeft: [UncarriedReferrer] = []
  /// The index that it was taken out of, and manifests for platforms that were not asked for.
  private(set) var leftOut: [Descriptor] = []
  /// What its name stands for: ``tree``'s root, or the index that this was taken out of.
  private(set) var top: Digest?
  /// Content that came with its manifests, by digest: of an image of schema 1 the manifest itself.
  private(set) var documents: [Digest: [UInt8]] = [:]
  /// What that index lists as an attestation of the platform that was taken.
  private(set) var attestationsLeft: [UncarriedReferrer] = []

  /// What it is made of, where it was one of Docker's schema 1 and becomes one of schema 2.
  private(set) var original: ConvertibleImage?
  /// Whether ``tree`` is not what it becomes yet, but of the same sizes: what its layers hold is not known.
  public private(set) var isToConvert = false

  /// What registries know it by; of one that is converted, what they will.
  public var digest: Digest {
    (isToConvert ? original?.manifest.digest : Schema1Carrier.digest(of: tree.root)) ?? tree.root.digest
  }
  /// The type of what registries have under it.
  public var mediaType: MediaType {
    if isToConvert, let original { return original.manifest.mediaType }
    return (isSchema1 ? tree.configs.first : nil)?.mediaType ?? tree.root.mediaType
  }
  /// What registries know it by before it is converted; nil where it is not.
  public var convertedFrom: Digest? { original?.manifest.digest }
  /// The index in whose place it stands, of which it is one platform or some; nil where it is what its name stands for.
  public var takenFrom: Digest? {
    guard original == nil, !isSchema1, top != tree.root.digest else { return nil }
    return top
  }
  /// What it was asked for by.
  public var requested: Reference { original?.reference ?? reference }
  /// What it is called: as long as it is not known what it becomes, what it was asked for by.
  public var named: Reference { isToConvert ? requested : reference }
  /// Files of the archive that belong to it.
  var files: [(path: String, bytes: [UInt8])] {
    original.map { [(ConvertedImage.path(of: $0.manifest.digest), $0.manifest.signed)] } ?? []
  }
  /// Whether it is one of Docker's schema 1, which is carried as it is.
  public var isSchema1: Bool { Schema1Carrier.digest(of: tree.root) != nil }

  /// Its manifests of types that Ferry does not know, and its referrers'.
  public var unknownManifests: [UnknownManifest] { ([tree] + referrers.map(\.tree)).unknownManifests }

  /// Its own configs and layers, and its referrers'.
  var blobs: [Descriptor] { tree.blobs + referrers.flatMap(\.tree.blobs) }

  private init(reference: Reference, _ fetched: FetchedTree, omissions: [Omission]) {
    self.reference = reference
    tree = fetched.tree
    manifests = fetched.manifests
    runnable = fetched.runnable
    self.omissions = omissions
  }

  /// One of schema 1 as it becomes one of schema 2. `contents` has what its layers hold, decompressed: as long as that is not
  /// known of all, something else of the same size stands for it.
  init(_ original: ConvertibleImage, contents: [Digest: Digest]) throws(LayoutError) {
    let new: Schema1Conversion
    do throws(ManifestError) {
      new = try Schema1Conversion(
        of: original.manifest, blobs: original.blobs,
        diffIDs: Dictionary(original.layers.map { ($0.digest, $0.digest) }) { first, _ in first }
          .merging(contents) { $1 })
    } catch {
      throw .notAManifest(original.manifest.digest, error)
    }
    guard case .image(let content) = new.manifest.content else {
      throw .notAManifest(new.manifest.digest, .malformed(.convertedOtherwise))
    }
    let named = original.reference
    // A name by digest must name what it now stands for.
    reference =
      named.digest == nil
      ? named
      : Reference(
        host: named.host, repository: named.repository, tag: named.tag, digest: new.manifest.digest)
    tree = new.tree
    manifests = [ManifestBytes(new.manifest)]
    runnable = [content.plain { $0.plain }]
    omissions = []
    top = original.manifest.digest
    documents = [Digest(of: new.config): new.config]
    leftOut = [
      Descriptor(
        mediaType: original.manifest.mediaType, digest: original.manifest.digest,
        size: Int64(original.manifest.signed.count))
    ]
    self.original = original
    isToConvert = original.layers.contains { contents[$0.digest] == nil }
  }

  /// The same where `contents` is known of its layers, as far as it is; an image that is not converted is what it was.
  func converted(with contents: [Digest: Digest]) throws(LayoutError) -> ExportImage {
    guard let original else { return self }
    return try ExportImage(original, contents: contents).with(referrers, left: referrersLeft)
  }

  /// The same with what refers to it, and what of that does not travel.
  func with(_ referrers: [Referrer], left: [UncarriedReferrer]) -> ExportImage {
    var image = self
    image.referrers = referrers
    image.referrersLeft = left
    return image
  }

  /// The same with its manifests' bytes, and its referrers', in `content`: those of many images would fill the memory. Throws
  /// what laying them down throws.
  func movingManifests(
    to content: SpooledContent, sharing descriptors: SharedDescriptors
  ) throws(FileError) -> ExportImage {
    var image = self
    for index in manifests.indices {
      image.manifests[index] = try manifests[index].moved(to: content, share: descriptors.shared)
    }
    for index in referrers.indices {
      image.referrers[index] = try referrers[index].movingManifests(to: content, sharing: descriptors)
    }
    return image
  }

  /// Asks the registry what `reference` is and walks its manifests, whose parts are of `descriptors`, and each of which `keep`
  /// makes what it becomes. Throws what that throws. Blocks; moves no layer.
  static func resolve(
    _ reference: Reference, platforms: PlatformSelection, converts: Bool,
    sharing descriptors: SharedDescriptors, keeping keep: (Manifest) throws -> ManifestBytes,
    registries: Registries, observer: any TransferObserver
  ) throws -> ExportImage {
    let client = try registries.client(host: reference.host, repository: reference.repository)
    let search = OpaqueSearch(client, repository: reference.repository)
    let top = try search.complete(root(of: reference, client: client))
    if case .schema1(let manifest) = top.content {
      return try resolve(
        reference, schema1: manifest, top.bytes, platforms: platforms.wanted, converts: converts,
        client: client,
        observer: observer)
    }
    let choice = platforms.wanted.isEmpty ? nil : PlatformChoice(wanted: platforms.wanted)
    var root = top.descriptor
    /// The index of some of the platforms of ``top``.
    var part: Manifest?
    var left: Set<Digest> = []
    var leftOut: [Descriptor] = []
    var attestations: [Descriptor] = []
    if let choice, case .index(let index) = top.content {
      left = try choice.omitted(from: index, top.children, of: reference)
      let missing = choice.missing(in: top.children)
      if !missing.isEmpty { observer.note(.platformsMissing(image: reference, missing)) }
      for (platform, digests) in choice.repeated(in: top.children) {
        observer.note(
          .platformTwice(image: reference.description, platform, taken: nil, others: digests))
      }
      if !platforms.keepsIndex, let single = choice.single(in: top.children) {
        root = single
        left = []
        leftOut = [top.descriptor] + index.manifests.filter { $0.digest != single.digest }
        attestations = index.manifests.filter { $0.attestedDigest == single.digest.description }
        let platform = single.platform ?? choice.wanted[0]
        observer.note(.platformTaken(image: reference, platform: platform, digest: single.digest))
      } else if !platforms.keepsIndex, !left.isEmpty {
        let index: Manifest
        do throws(ManifestError) {
          index = try PlatformIndex.index(of: top) { [left] in !left.contains($0) }
        } catch {
          throw TransferError.indexFixed(reference, error)
        }
        observer.note(
          .platformsTaken(image: reference, count: left.count, from: top.digest, digest: index.digest))
        leftOut = [top.descriptor] + top.children.filter { left.contains($0.digest) }
        root = index.descriptor
        part = index
        left = []
      }
    }
    if case .image(let image) = top.content, !platforms.wanted.isEmpty {
      if let other = try otherPlatform(than: platforms.wanted, of: image, reference, client) {
        observer.note(.platformDiffers(image: reference, platform: other))
      }
    }
    var foreign: [Descriptor] = []
    var layers: Set<Digest> = []
    let fetched = try FetchedTree(
      root,
      includes: { child in
        if left.contains(child.digest) { return false }
        guard child.mediaType.isForeignLayer else { return true }
        // What is left behind for a HEAD alone might be had.
        let isHeld = try client.hasBlob(
          child.digest, size: child.size, in: reference.repository, confirmsAbsence: true)
        if !isHeld { foreign.append(child) }
        return isHeld
      },
      share: descriptors.shared, visit: { layers.formUnion($0.foreignLayers) }, keeping: keep,
      fetch: { descriptor in
        if let part, descriptor.digest == part.digest { return part }
        return descriptor.digest == top.digest ? top : try search.manifest(descriptor)
      })
    // What is no layer, or says of no other place to have it from, is the registry's to give.
    if let lost = foreign.first(where: { !layers.contains($0.digest) }) {
      throw RegistryError.blobNotFound(
        host: reference.host, repository: reference.repository, digest: lost.digest)
    }
    for layer in foreign { observer.note(.layerNotCarried(image: reference, layer: layer)) }
    let foreignDigests = Set(foreign.map(\.digest))
    // A name by digest must name what it now stands for.
    let isNamedAnew = reference.digest != nil && root.digest != top.digest
    var image = ExportImage(
      reference: isNamedAnew
        ? Reference(
          host: reference.host, repository: reference.repository, tag: reference.tag, digest: root.digest)
        : reference,
      fetched,
      omissions: fetched.tree.omitted.map {
        Omission($0, reason: foreignDigests.contains($0.digest) ? .foreign : .platform)
      })
    image.top = top.digest
    image.leftOut = leftOut + image.omissions.filter { $0.reason == .platform }.map(\.descriptor)
    for manifest in fetched.tree.unknownManifests {
      observer.note(.manifestUnknown(image: reference, manifest))
    }
    image.attestationsLeft = attestations.map {
      UncarriedReferrer($0, of: root.digest, kind: .attestation, .platform)
    }
    return image
  }

  /// An image of schema 1, whose manifest in `document` says everything but the layers' sizes.
  private static func resolve(
    _ reference: Reference, schema1 manifest: Schema1Manifest, _ document: [UInt8], platforms: [Platform],
    converts: Bool, client: RegistryClient, observer: any TransferObserver
  ) throws -> ExportImage {
    if let platform = manifest.platform, !platforms.isEmpty,
      !platforms.contains(where: { platform.satisfies($0) })
    {
      observer.note(.platformDiffers(image: reference, platform: platform))
    }
    var sizes: [Digest: Int64] = [:]
    for layer in manifest.blobs {
      guard let size = try client.blobSize(layer, in: reference.repository) else {
        throw RegistryError.blobNotFound(
          host: reference.host, repository: reference.repository, digest: layer)
      }
      sizes[layer] = size
    }
    if converts {
      return try ExportImage(
        ConvertibleImage(reference: reference, manifest: manifest, sizes: sizes), contents: [:])
    }
    let carrier = try Schema1Carrier.manifest(for: document, sizes: sizes)
    var image = ExportImage(
      reference: reference, try FetchedTree(Schema1Carrier.root(of: carrier)) { _ in carrier }, omissions: [])
    image.top = manifest.digest
    image.documents = [Digest(of: document): document]
    observer.note(.schema1Carried(image: reference, digest: manifest.digest))
    return image
  }

  /// What an image without an index runs on, by its config, when that is none of the platforms wanted. It is
  /// carried all the same: there is no other.
  private static func otherPlatform(
    than wanted: [Platform], of image: ImageManifest, _ reference: Reference, _ client: RegistryClient
  ) throws -> Platform? {
    guard image.config.mediaType.isImageConfig, image.config.size <= Int64(Manifest.sizeLimit) else {
      return nil
    }
    let config = try client.smallBlob(image.config, of: reference.repository)
    guard let platform = try? ImageConfig(bytes: config).platform,
      !wanted.contains(where: { platform.satisfies($0) })
    else { return nil }
    return platform
  }

  /// The image's top manifest. A tag that is not there is answered with the names of tags like it.
  private static func root(of reference: Reference, client: RegistryClient) throws -> Manifest {
    do {
      return try client.manifest(reference.identifier, of: reference.repository)
    } catch {
      guard case .manifestNotFound = error, reference.digest == nil else { throw error }
      let tags: [String]
      do { tags = try client.tags(of: reference.repository) } catch {
        // Some registries say of a repository that is not there that its manifest is unknown.
        if case .repositoryNotFound = error { throw error }
        tags = []
      }
      guard !tags.isEmpty else { throw error }
      throw TransferError.tagNotFound(
        reference, near: nearNames(to: reference.identifier, among: tags), tags: tags.count)
    }
  }
}

/// An image of schema 1, of which one of schema 2 is to be made. Few images are such, and all others have no room for it.
final class ConvertibleImage: Sendable {
  /// What it was asked for by.
  let reference: Reference
  let manifest: Schema1Manifest
  /// Its layers, each once, empty ones too.
  let blobs: [Descriptor]

  init(reference: Reference, manifest: Schema1Manifest, sizes: [Digest: Int64]) {
    self.reference = reference
    self.manifest = manifest
    blobs = manifest.blobs.map {
      Descriptor(mediaType: .dockerGzipLayer, digest: $0, size: sizes[$0] ?? 0)
    }
  }

  /// Those with content, each once.
  var layers: [Descriptor] { manifest.layersWithContent(among: blobs) }
}

/// A tree as an export needs it, with its manifests.
struct FetchedTree: Sendable {
  let tree: ImageTree
  let manifests: [ManifestBytes]
  /// What those of runnable images list, or of what may be such.
  let runnable: [ImageManifest]

  /// Walks the image below `root` (``ImageTree``). Of each manifest `keep` makes what it becomes as soon as it is there: those of
  /// one image may fill the memory. `visit` is given what it says, without its bytes.
  init(
    _ root: Descriptor, includes: (Descriptor) throws -> Bool = { _ in true },
    share: (Descriptor) -> Descriptor = { $0.plain }, visit: (Manifest) -> Void = { _ in },
    keeping keep: (Manifest) throws -> ManifestBytes = { ManifestBytes($0) },
    fetch: (Descriptor) throws -> Manifest
  ) throws {
    var kept: [Digest: ManifestBytes] = [:]
    var runnable: [ImageManifest] = []
    tree = try ImageTree(
      root: root, includes: includes, share: share,
      visit: { manifest in
        visit(manifest)
        if case .image(let image) = manifest.content, image.mayBeRunnable {
          runnable.append(image.plain(share))
        }
      },
      fetch: { descriptor in
        let manifest = try fetch(descriptor)
        kept[manifest.digest] = try keep(manifest)
        return manifest.withoutBytes
      })
    manifests = tree.manifests.compactMap { kept[$0.digest] }
    self.runnable = runnable
  }
}

extension Manifest {
  /// Layers that can be had elsewhere than from the registry.
  fileprivate var foreignLayers: [Digest] {
    guard case .image(let image) = content else { return [] }
    return image.layers.filter {
      $0.mediaType.isForeignLayer && $0.urls?.isEmpty == false && $0 != image.config
    }
    .map(\.digest)
  }
}
