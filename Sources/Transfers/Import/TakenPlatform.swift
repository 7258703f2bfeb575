public import Digests
public import Images
import Layouts

/// What an image is taken out of that is one platform of an index.
public struct PlatformOrigin: Hashable, Sendable {
  /// What registries know the index by.
  public let original: Digest
  public let platform: Platform?
  /// What else the index lists for the platform that was asked for: readers take the first.
  public let others: [Digest]
}

/// Which of an index's images is pushed in its place: the one for the platform that is asked for, or the only one that the
/// tool that wrote the archive has put there.
struct TakenPlatform {
  /// nil: the index is pushed, unless something of it is not there.
  let wanted: Platform?
  /// Whether an index is pushed of which something is not there.
  let keepsSparseIndexes: Bool
  /// Where a config is looked for that its archive leaves out.
  private let holders: [Layout]

  init(_ request: ImportRequest, configsIn holders: [Layout]) {
    wanted = request.platform
    keepsSparseIndexes = request.keepsSparseIndexes
    self.holders = holders
  }

  /// What an import may have pushed in an index's place: the image for `wanted`, or else the only one that is there.
  init(for wanted: Platform?) {
    self.wanted = wanted
    keepsSparseIndexes = false
    holders = []
  }

  /// nil where `image`, whose tree this is, is pushed as it is. Throws ``TransferError/platformNotHere(archive:image:wanted:here:)``,
  /// and ``TransferError/platformsAbsent(archive:image:here:absent:)`` where several could be meant.
  func choose(from image: LayoutImage, _ tree: ImageTree, in layout: Layout) throws -> ListedPlatform? {
    guard image.root.mediaType.isIndex else {
      guard let wanted, let own = try layout.platform(of: image.root, configIn: holders),
        !own.satisfies(wanted)
      else { return nil }
      throw notHere(wanted, [own], image, layout)
    }
    let isSparse = Self.isSparse(tree, in: layout)
    guard wanted != nil || isSparse && !keepsSparseIndexes else { return nil }
    guard let wanted else {
      let here = try layout.platforms(of: image).filter(\.isHere)
      // What is for no platform is another thing under the index's name, and not the same for one of its platforms.
      if here.count == 1, here[0].platform != nil { return here[0] }
      let absent = tree.omitted.filter { layout.omissions[$0.digest]?.reason == .absent }
      throw TransferError.platformsAbsent(
        archive: layout.path, image: image.label, here: here.compactMap(\.platform), absent: absent.count)
    }
    return try choose(wanted, from: image, in: layout)
  }

  /// What an index has for `wanted`; nil of what is no index, or for no platform at all.
  func choose(_ wanted: Platform, from image: LayoutImage, in layout: Layout) throws -> ListedPlatform? {
    let listed = try layout.platforms(of: image)
    // An index that is for no platform at all is an artifact's.
    guard listed.contains(where: { $0.platform != nil }) else { return nil }
    let here = listed.filter(\.isHere)
    guard let one = Self.best(of: here, for: wanted).first else {
      throw notHere(wanted, here.compactMap(\.platform), image, layout)
    }
    return one
  }

  /// Those of `listed` of which any may be meant by `wanted`, in their order: readers take the first.
  private static func best(of listed: [ListedPlatform], for wanted: Platform) -> [ListedPlatform] {
    let fitting = listed.filter { $0.platform?.satisfies(wanted) == true }
    let exact = fitting.filter { $0.platform == wanted }
    return exact.isEmpty ? fitting : exact
  }

  /// What the index of `image` lists for the same platform as `one`, which is taken, whether it is there or not.
  func others(than one: ListedPlatform, of image: LayoutImage, in layout: Layout) throws -> [Digest] {
    guard let wanted else { return [] }
    return Self.best(of: try layout.platforms(of: image), for: wanted).map(\.descriptor.digest)
      .filter { $0 != one.descriptor.digest }
  }

  /// Whether `image` has something for other platforms, and nothing for this one.
  func lacks(_ platform: Platform, _ image: LayoutImage, in layout: Layout) -> Bool {
    guard image.root.mediaType.isIndex else {
      let own = try? layout.platform(of: image.root, configIn: holders)
      return own.map { !$0.satisfies(platform) } ?? false
    }
    guard let listed = try? layout.platforms(of: image) else { return false }
    return listed.contains { $0.platform != nil }
      && !listed.contains { $0.isHere && $0.platform?.satisfies(platform) == true }
  }

  /// What is to be said of what is taken for a platform, of `image` itself or `one` of its index: that nobody says what it is
  /// for, or that its config says it is for another one than the index does. What is no runnable image is for none.
  func remark(on image: LayoutImage, taking one: ListedPlatform?, in layout: Layout) -> TransferNote? {
    let root = one?.descriptor ?? image.root
    guard wanted != nil || one != nil, !image.looksLikeReferrer,
      case .image(let content)? = try? layout.manifest(root).content,
      content.config.mediaType.isImageConfig || content.config.mediaType.isSchema1,
      content.layers.contains(where: \.mediaType.isLayer)
    else { return nil }
    let stated = try? layout.platform(of: root, configIn: holders)
    guard let one else {
      return stated == nil ? .platformUntold(image: image.label, archive: layout.path) : nil
    }
    guard let listed = one.descriptor.platform, let stated, listed.contradicts(stated) else { return nil }
    return .platformContradicted(image: image.label, digest: root.digest, listed: listed, stated: stated)
  }

  private func notHere(
    _ wanted: Platform, _ here: [Platform], _ image: LayoutImage, _ layout: Layout
  ) -> TransferError {
    .platformNotHere(archive: layout.path, image: image.label, wanted: wanted, here: here)
  }

  private static func isSparse(_ tree: ImageTree, in layout: Layout) -> Bool {
    tree.omitted.contains { layout.omissions[$0.digest]?.reason == .absent }
  }
}

/// What of an index is looked at where only some platforms are.
struct IndexCut {
  /// What stays away: what is for other platforms, what is said about that, and what is not there.
  let left: Set<Digest>

  /// `alone` is looked at whatever it is said to be for. nil where nothing of `children` is for `wanted`.
  init?(of children: [Descriptor], for wanted: [Platform], and alone: Digest?, absent: Set<Digest>) {
    let here = children.filter { !absent.contains($0.digest) }
    let chosen = here.filter { child in wanted.contains { child.platform?.satisfies($0) == true } }
    guard !chosen.isEmpty || alone != nil else { return nil }
    let names = Set((chosen.map(\.digest) + [alone].compactMap(\.self)).map(\.description))
    left = Set(
      children.filter { child in
        if let attested = child.attestedDigest { return !names.contains(attested) }
        return child.platform != nil && !names.contains(child.digest.description)
      }.map(\.digest)
    ).union(absent)
  }
}

extension Platform {
  /// Whether nothing runs on both.
  func contradicts(_ other: Platform) -> Bool {
    guard os == other.os, architecture == other.architecture else { return true }
    guard let variant, let others = other.variant else { return false }
    return variant != others
  }
}
