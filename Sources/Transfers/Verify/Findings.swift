import Digests
import Images
import Layouts

/// Collects what is wrong with an archive, each problem once, with the images it hurts.
struct Findings {
  private var order: [LayoutProblem] = []
  private var hurt: [LayoutProblem: Set<String>] = [:]
  /// What is missing, as it was first met.
  private var missing: [Digest: Descriptor] = [:]
  /// Which images need a blob or manifest.
  private var users: [Digest: Set<String>] = [:]
  private let names: [String]

  init(_ layout: Layout) {
    names = layout.images.map(\.name)
    for problem in layout.problems { add(problem, hurting: []) }
  }

  mutating func add(_ walk: ImageWalk) {
    let name = walk.image.name
    users[walk.image.root.digest, default: []].insert(name)
    for manifest in walk.tree?.manifests ?? [] { users[manifest.digest, default: []].insert(name) }
    for blob in walk.tree?.blobs ?? [] { users[blob.digest, default: []].insert(name) }
    for problem in walk.problems { add(problem, hurting: [name]) }
  }

  mutating func add(_ problem: LayoutProblem, about digest: Digest) {
    add(problem, hurting: users[digest] ?? [])
  }

  private mutating func add(_ problem: LayoutProblem, hurting images: Set<String>) {
    var problem = problem
    if case .missing(let descriptor) = problem {
      // Images may call one blob by different types.
      problem = .missing(missing[descriptor.digest] ?? descriptor)
      missing[descriptor.digest] = missing[descriptor.digest] ?? descriptor
    }
    if hurt[problem] == nil { order.append(problem) }
    hurt[problem, default: []].formUnion(images)
  }

  /// Compares each layer's decompressed content with what the configs say of it.
  mutating func compareContent(_ walks: [ImageWalk], readings: [BlobReading]) {
    let byDigest = Dictionary(readings.map { ($0.digest, $0) }, uniquingKeysWith: { first, _ in first })
    for walk in walks {
      for (layer, expected) in walk.contents {
        guard let reading = byDigest[layer.digest], reading.problem == nil else { continue }
        if let actual = reading.diffID {
          guard actual != expected else { continue }
          add(
            .contentDiffers(layer: layer.digest, expected: expected, actual: actual),
            hurting: [walk.image.name])
        } else {
          add(.cannotUnpack(layer: layer.digest), hurting: [walk.image.name])
        }
      }
    }
  }

  var all: [VerifiedArchive.Finding] {
    order.map { problem in
      let images = hurt[problem] ?? []
      return VerifiedArchive.Finding(problem: problem, images: names.filter(images.contains))
    }
  }
}
