import Digests
import Files
import Images
import Layouts

/// One image of an archive as far as its manifests can be followed.
struct ImageWalk: Sendable {
  let image: LayoutImage
  /// nil when a manifest is missing or damaged.
  let tree: ImageTree?
  /// What stands wrong but for the blobs: the manifest that broke the walk, configs.
  private let faults: [LayoutProblem]
  /// The `diff_ids` that each of the image's configs gives its layers, by the layers' digests.
  let contents: [(layer: Descriptor, diffID: Digest)]
  /// Layers of which Ferry cannot tell what they hold: encrypted ones, those of another form.
  let opaque: Set<Digest>

  /// Follows `image`; `isDeep` also reads what its configs say of its layers. `visit` is given each of its manifests, and
  /// is to be forgotten where there is no tree. Manifests and configs that are not right there may be in `others`. Throws what says nothing of the image: that the archive cannot be read, and
  /// ``LayoutError/cancelled``. Blocks.
  static func follow(
    _ image: LayoutImage, in layout: Layout, orIn others: [Layout] = [], isDeep: Bool = false,
    visit: (Manifest) -> Void = { _ in }
  ) throws(LayoutError) -> ImageWalk {
    var review = ConfigReview(layout, others)
    do throws(LayoutError) {
      let tree = try layout.tree(of: image, orIn: others) { manifest in
        visit(manifest)
        if isDeep, case .image(let image) = manifest.content { review.look(at: image) }
      }
      if let failure = review.failure { throw failure }
      return ImageWalk(
        image: image, tree: tree, faults: review.problems, contents: review.contents, opaque: review.opaque)
    } catch {
      if error.isOfReading { throw error }
      return ImageWalk(
        image: image, tree: nil, faults: [error.problem(of: image.root, in: layout)], contents: [],
        opaque: [])
    }
  }

  /// What stands wrong with it in `layout`: the manifest that broke the walk, blobs that are missing or of another size. Found
  /// when it is asked for: of thousands of images that share what is missing it would be most of what is known.
  func problems(in layout: Layout) -> [LayoutProblem] {
    (tree?.blobs.compactMap { layout.problem(with: $0) } ?? []) + faults
  }

  /// Whether nothing stands wrong with it but perhaps blobs.
  var isSound: Bool { tree != nil && faults.isEmpty }

  /// The images that list what is left out, by its digest; `walks` has each image's root once.
  static func omissionImages(_ walks: [ImageWalk], in layout: Layout) -> [Digest: CountedImages] {
    var names: [Digest: CountedImages] = [:]
    for image in layout.images where !layout.omissions.isEmpty {
      names[image.root.digest, default: CountedImages()].add(image.label)
    }
    var images: [Digest: CountedImages] = [:]
    for walk in walks {
      guard let named = names[walk.image.root.digest] else { continue }
      for part in walk.tree?.omitted ?? [] { images[part.digest, default: CountedImages()].add(named) }
    }
    return images
  }
}

/// Images of which the first is named and the others are counted: thousands may list thousands of the same parts.
public struct CountedImages: Sendable {
  /// nil: there is none.
  public private(set) var first: String?
  public private(set) var count = 0

  public init() {}

  public mutating func add(_ name: String) {
    first = first ?? name
    count += 1
  }

  mutating func add(_ others: CountedImages) {
    first = first ?? others.first
    count += others.count
  }
}

/// What the configs of one image say of its layers.
private struct ConfigReview {
  private let layout: Layout
  /// Where configs are looked for that are not right there.
  private let others: [Layout]
  private(set) var problems: [LayoutProblem] = []
  private(set) var contents: [(layer: Descriptor, diffID: Digest)] = []
  private(set) var opaque: Set<Digest> = []
  /// What kept configs from being read at all.
  private(set) var failure: LayoutError?

  init(_ layout: Layout, _ others: [Layout]) {
    self.layout = layout
    self.others = others
  }

  mutating func look(at manifest: ImageManifest) {
    // An artifact may call anything its config, and hold what is no file system.
    guard failure == nil, manifest.mayBeRunnable, manifest.layers.contains(where: \.mediaType.isLayer)
    else { return }
    let read: ImageConfig?
    do throws(LayoutError) { read = try layout.config(manifest.config, orIn: others) } catch {
      failure = error
      return
    }
    guard let config = read else { return }
    guard config.describes(manifest) else {
      problems.append(.configDisagrees(manifest.config.digest))
      return
    }
    guard let ids = config.rootfs?.diffIDs, ids.count == manifest.layers.count else { return }
    for (index, (layer, diffID)) in zip(manifest.layers, ids).enumerated() {
      if !layer.mediaType.isComparableLayer {
        opaque.insert(layer.digest)
      } else if let diffID {
        contents.append((layer: layout.shared(layer), diffID: diffID))
      } else {
        problems.append(.notAConfig(manifest.config.digest, .malformed(.diffIDNotADigest(layer: index))))
      }
    }
  }
}

extension LayoutError {
  /// Whether a disk, a person or what may be spent on any kept the archive from being read, so that nothing is known of what
  /// it holds.
  fileprivate var isOfReading: Bool {
    switch self {
    case .cancelled, .archive(.file(_, _, _)), .archive(.shrunk(_)), .archive(.exchanged(_)), .tangled,
      .tooManyBlobs, .tooManyValues:
      true
    default: false
    }
  }

  /// The damage that kept an image with this root from being followed.
  fileprivate func problem(of root: Descriptor, in layout: Layout) -> LayoutProblem {
    switch self {
    case .missing(let digest) where digest == root.digest: .missing(root)
    case .missing(let digest):
      .missing(Descriptor(mediaType: .ociManifest, digest: digest, size: 0))
    case .wrongContent(let digest, .mismatch(_, let actual)): .damaged(digest, actual: actual)
    case .wrongContent(let digest, .short(let expected, let actual)):
      .wrongSize(digest, expected: expected, actual: actual)
    case .wrongContent(let digest, .long(let expected)):
      .wrongSize(digest, expected: expected, actual: layout.blobs[digest]?.size ?? 0)
    case .notAManifest(let digest, let error): .notAManifest(digest, error)
    default: .missing(root)
    }
  }
}
