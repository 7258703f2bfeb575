import Digests
import Images
import Layouts

/// Collects what is wrong with an archive, each problem once, with the images it hurts.
struct Findings {
  private var order: [LayoutProblem] = []
  /// The roots of the images that each problem hurts.
  private var hurt: [LayoutProblem: Set<Digest>] = [:]
  /// What is missing, as it was first met.
  private var missing: [Digest: Descriptor] = [:]
  /// The roots of the images that need a blob or manifest.
  private var users: [Digest: Set<Digest>] = [:]
  private let layout: Layout
  /// Where in the archive's list each root stands: an image may have thousands of names.
  private let numbers: [Digest: [Int]]

  init(_ layout: Layout) {
    self.layout = layout
    numbers = Dictionary(grouping: layout.images.indices) { layout.images[$0].root.digest }
    for problem in layout.problems { add(problem, hurting: []) }
  }

  /// `isCut`: what is missing need not be; nobody has looked.
  mutating func add(_ walk: ImageWalk, isCut: Bool = false) {
    let root = walk.image.root.digest
    users[root, default: []].insert(root)
    for manifest in walk.tree?.manifests ?? [] { users[manifest.digest, default: []].insert(root) }
    for part in (walk.tree?.blobs ?? []) + (walk.tree?.omitted ?? []) {
      users[part.digest, default: []].insert(root)
    }
    for config in walk.tree?.blobs ?? [] where hurt[.configDisagrees(config.digest)] != nil {
      add(.configDisagrees(config.digest), hurting: [root])
    }
    for case .missing(let descriptor) in walk.problems {
      users[descriptor.digest, default: []].insert(root)
    }
    for problem in walk.problems {
      if case .missing = problem, isCut { continue }
      add(problem, hurting: [root])
    }
  }

  /// What is wrong with no blob's content: it hurts the images that need what is missing, if anything is.
  mutating func add(_ problem: LayoutProblem) {
    if case .missing(let descriptor) = problem {
      add(problem, about: descriptor.digest)
    } else {
      add(problem, hurting: [])
    }
  }

  mutating func add(_ problem: LayoutProblem, about digest: Digest) {
    add(problem, hurting: users[digest] ?? [])
  }

  private mutating func add(_ problem: LayoutProblem, hurting roots: Set<Digest>) {
    var problem = problem
    if case .missing(let descriptor) = problem {
      // Images may call one blob by different types.
      problem = .missing(missing[descriptor.digest] ?? descriptor)
      missing[descriptor.digest] = missing[descriptor.digest] ?? descriptor
    }
    if hurt[problem] == nil { order.append(problem) }
    hurt[problem, default: []].formUnion(roots)
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
            hurting: [walk.image.root.digest])
        } else {
          add(.cannotUnpack(layer: layer.digest), hurting: [walk.image.root.digest])
        }
      }
    }
  }

  var all: [VerifiedArchive.Finding] {
    order.map { problem in
      let volumes = layout.volumes(of: problem)
      var roots = hurt[problem] ?? []
      if let digest = problem.subject { roots.formUnion(users[digest] ?? []) }
      // A volume hurts whom it takes something from.
      if volumes.first?.problem == problem {
        for digest in volumes.flatMap(layout.lost(in:)) { roots.formUnion(users[digest] ?? []) }
      }
      return VerifiedArchive.Finding(
        problem: problem,
        images: roots.flatMap { numbers[$0] ?? [] }.sorted().map { layout.images[$0].label },
        volumes: volumes)
    }
  }
}
