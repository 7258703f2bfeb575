import Digests
import Images
import Layouts

/// Images that can stand in one archive, and those that cannot, because what they say contradicts what others say or
/// what is there. Each fault is the fault of the images that have it; the others are carried.
struct SoundImages {
  private let images: [ExportImage]
  private var errors: [Int: any Error] = [:]

  private init(_ images: [ExportImage]) { self.images = images }

  /// Looks at `images`, which are to come into one archive, or each into its own (`isApart`). `holds` asks the
  /// registry of an image whether it has a blob with the size that the image gives it. Blocks.
  static func judge(
    _ images: [ExportImage], isApart: Bool, holds: (Descriptor, ExportImage) throws -> Bool
  ) -> SoundImages {
    var judged = SoundImages(images)
    judged.judgeSizes(holds)
    judged.judgeNames()
    judged.judgeEmptiness(isApart: isApart)
    return judged
  }

  /// Those that failed, in their order.
  var failures: [ImageFailure] {
    errors.sorted { $0.key < $1.key }.map {
      ImageFailure(image: images[$0.key].requested.description, error: $0.value)
    }
  }

  /// The images without those that failed.
  var sound: [ExportImage] {
    errors.isEmpty ? images : images.indices.filter { errors[$0] == nil }.map { images[$0] }
  }

  private mutating func fail(_ image: Int, _ error: any Error) { errors[image] = errors[image] ?? error }

  /// A digest has one size, whoever lists it.
  private mutating func judgeSizes(_ holds: (Descriptor, ExportImage) throws -> Bool) {
    var first: [Digest: Int64] = [:]
    var disputed: Set<Digest> = []
    var known: [Digest: Int64] = [:]
    for image in images {
      for manifest in image.allManifests { known[manifest.digest] = manifest.size }
      for part in image.listed
      where first.updateValue(part.size, forKey: part.digest) ?? part.size != part.size {
        disputed.insert(part.digest)
      }
    }
    for (digest, size) in known where first[digest] ?? size != size { disputed.insert(digest) }
    guard !disputed.isEmpty else { return }
    var claims: [Digest: [(image: Int, part: Descriptor)]] = [:]
    for (index, image) in images.enumerated() {
      for part in Set(image.listed) where disputed.contains(part.digest) {
        claims[part.digest, default: []].append((index, part))
      }
    }
    for (digest, claims) in claims {
      var sizes = Set([known[digest]].compactMap(\.self))
      if sizes.isEmpty {
        var failure: (any Error)?
        for (image, part) in claims {
          do {
            if try holds(part, images[image]) { sizes.insert(part.size) }
          } catch {
            failure = failure ?? error
            fail(image, error)
          }
        }
        // What could not be asked for is no image's fault.
        if sizes.isEmpty, let failure {
          for (image, _) in claims { fail(image, failure) }
          continue
        }
      }
      let right = sizes.count == 1 ? sizes.first : nil
      let listed = claims.map(\.part.size)
      let second = listed.first { $0 != listed.first }
      for (image, part) in claims where part.size != right {
        let other = right ?? (part.size == listed.first ? second : listed.first) ?? part.size
        fail(image, TransferError.wrongSizeListed(digest, listed: part.size, actual: other))
      }
    }
  }

  /// What refers to the images is named by them, and a tag may move between two looks at it.
  private mutating func judgeNames() {
    /// What a name stands for: the lowest of the digests that it was found to name, and the one after that.
    var roots: [Reference: (least: Digest, next: Digest?)] = [:]
    for image in images {
      for (reference, root) in image.names {
        guard let known = roots[reference] else {
          roots[reference] = (root, nil)
          continue
        }
        if root < known.least {
          roots[reference] = (root, known.least)
        } else if root > known.least, known.next.map({ root < $0 }) ?? true {
          roots[reference] = (known.least, root)
        }
      }
    }
    for (index, image) in images.enumerated() {
      for (reference, root) in image.names {
        guard let known = roots[reference], let next = known.next else { continue }
        let other = root == known.least ? next : known.least
        fail(index, LayoutError.conflictingReferences(reference, min(root, other), max(root, other)))
      }
    }
  }

  /// An archive of indexes that list nothing holds no image.
  private mutating func judgeEmptiness(isApart: Bool) {
    let empty = images.indices.filter { images[$0].allManifests.allSatisfy(\.mediaType.isIndex) }
    guard isApart || empty.count == images.count - errors.count || empty.count == images.count else { return }
    for index in empty {
      let image = images[index]
      fail(
        index,
        LayoutError.noImage(path: image.requested.description, others: [image.tree.root.mediaType]))
    }
  }
}

extension ExportImage {
  fileprivate var allManifests: [Descriptor] { tree.manifests + referrers.flatMap(\.tree.manifests) }

  /// All that its manifests, and those of its referrers, point at.
  fileprivate var listed: [Descriptor] {
    ([tree] + referrers.map(\.tree)).flatMap { tree in
      tree.manifests.filter { $0.digest != tree.root.digest } + tree.blobs + tree.omitted
    }
  }

  fileprivate var names: [(Reference, Digest)] {
    [(reference, tree.root.digest)] + referrers.map { ($0.reference, $0.tree.root.digest) }
  }
}
