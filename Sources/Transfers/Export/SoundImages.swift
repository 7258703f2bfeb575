import Digests
import Images
import Layouts

/// Images that can stand in one archive, and those that cannot, because what they say contradicts what others say or
/// what is there. Each fault is the fault of the images that have it; the others are carried.
struct SoundImages {
  let images: [ExportImage]
  private(set) var failures: [ImageFailure] = []
  private var errors: [Int: any Error] = [:]

  /// Looks at `images`, which are to come into one archive, or each into its own (`isApart`). `holds` asks the
  /// registry of an image whether it has a blob with the size that the image gives it. Blocks.
  init(_ images: [ExportImage], isApart: Bool, holds: (Descriptor, ExportImage) throws -> Bool) {
    self.images = images
    judgeSizes(of: images, holds)
    judgeNames(of: images)
    judgeEmptiness(of: images, isApart: isApart)
    failures = errors.sorted { $0.key < $1.key }.map {
      ImageFailure(image: images[$0.key].reference.description, error: $0.value)
    }
  }

  /// The images without those that failed.
  var sound: [ExportImage] { images.indices.filter { errors[$0] == nil }.map { images[$0] } }

  private mutating func fail(_ image: Int, _ error: any Error) { errors[image] = errors[image] ?? error }

  /// A digest has one size, whoever lists it.
  private mutating func judgeSizes(
    of images: [ExportImage], _ holds: (Descriptor, ExportImage) throws -> Bool
  ) {
    var first: [Digest: Int64] = [:]
    var disputed: Set<Digest> = []
    var known: [Digest: Int64] = [:]
    for image in images {
      for manifest in image.manifests { known[manifest.digest] = Int64(manifest.bytes.count) }
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
      for (image, part) in claims where part.size != right {
        let other = right ?? claims.map(\.part.size).first { $0 != part.size } ?? part.size
        fail(image, TransferError.wrongSizeListed(digest, listed: part.size, actual: other))
      }
    }
  }

  /// What refers to the images is named by them, and a tag may move between two looks at it.
  private mutating func judgeNames(of images: [ExportImage]) {
    var roots: [Reference: Set<Digest>] = [:]
    for image in images {
      for (reference, root) in image.names { roots[reference, default: []].insert(root) }
    }
    for (index, image) in images.enumerated() {
      for (reference, root) in image.names {
        guard let other = roots[reference]?.subtracting([root]).min() else { continue }
        fail(index, LayoutError.conflictingReferences(reference, min(root, other), max(root, other)))
      }
    }
  }

  /// An archive of indexes that list nothing holds no image.
  private mutating func judgeEmptiness(of images: [ExportImage], isApart: Bool) {
    let empty = images.indices.filter { images[$0].manifests.allSatisfy(\.mediaType.isIndex) }
    guard isApart || empty.count == images.count - errors.count || empty.count == images.count else { return }
    for index in empty {
      let image = images[index]
      fail(
        index,
        LayoutError.noImage(path: image.reference.description, others: [image.tree.root.mediaType]))
    }
  }
}

extension ExportImage {
  fileprivate var manifests: [Manifest] { tree.manifests + referrers.flatMap(\.tree.manifests) }

  /// All that its manifests, and those of its referrers, point at.
  fileprivate var listed: [Descriptor] {
    manifests.flatMap { $0.children + $0.blobs }.map {
      Descriptor(mediaType: $0.mediaType, digest: $0.digest, size: $0.size)
    }
  }

  fileprivate var names: [(Reference, Digest)] {
    [(reference, tree.root.digest)] + referrers.map { ($0.reference, $0.tree.root.digest) }
  }
}
