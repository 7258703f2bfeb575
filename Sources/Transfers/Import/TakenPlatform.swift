public import Digests
public import Images
import Layouts

/// What an image is taken out of that is one platform of an index.
public struct PlatformOrigin: Hashable, Sendable {
  /// What registries know the index by.
  public let original: Digest
  public let platform: Platform?
}

/// Which of an index's images is pushed in its place: the one for the platform that is asked for, or the only one that the
/// tool that wrote the archive has put there.
struct TakenPlatform {
  /// nil: the index is pushed, unless something of it is not there.
  let wanted: Platform?
  /// Whether an index is pushed of which something is not there.
  let keepsSparseIndexes: Bool

  init(_ request: ImportRequest) {
    wanted = request.platform
    keepsSparseIndexes = request.keepsSparseIndexes
  }

  /// What an import may have pushed in an index's place: the image for `wanted`, or else the only one that is there.
  init(for wanted: Platform?) {
    self.wanted = wanted
    keepsSparseIndexes = false
  }

  /// nil where `image`, whose tree this is, is pushed as it is. Throws ``TransferError/platformNotHere(archive:image:wanted:here:)``,
  /// and ``TransferError/platformsAbsent(archive:image:here:absent:)`` where several could be meant.
  func choose(from image: LayoutImage, _ tree: ImageTree, in layout: Layout) throws -> ListedPlatform? {
    guard image.root.mediaType.isIndex else {
      guard let wanted, let own = layout.platform(of: image.root), !own.satisfies(wanted) else { return nil }
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
    let fitting = here.filter { $0.platform?.satisfies(wanted) == true }
    guard let one = fitting.first(where: { $0.platform == wanted }) ?? fitting.first else {
      throw notHere(wanted, here.compactMap(\.platform), image, layout)
    }
    return one
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

extension Layout {
  /// The index that an image is some platforms of since its export, as its manifest says; nil where it is no such.
  func indexDigest(of image: LayoutImage) -> Digest? {
    guard image.root.mediaType.isIndex, let index = try? manifest(image.root) else { return nil }
    return index.annotations?[PlatformIndex.originAnnotation].flatMap { try? Digest($0) }
  }
}
