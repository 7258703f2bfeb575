import Digests
import Images
import Layouts

/// Collects what is wrong with an archive, each problem once, with the images it hurts. There may be hundreds of thousands
/// of problems, and parts that thousands of images share.
struct Findings {
  /// The images that each problem hurts, by their numbers.
  private enum Hurt {
    case none
    case one(Int32)
    case several(Set<Int32>)

    mutating func insert(_ image: Int32) {
      switch self {
      case .none: self = .one(image)
      case .one(image): break
      case .one(let other): self = .several([image, other])
      case .several(var images):
        self = .none
        images.insert(image)
        self = .several(images)
      }
    }

    var images: Set<Int32> {
      switch self {
      case .none: []
      case .one(let image): [image]
      case .several(let images): images
      }
    }
  }

  private var order: [LayoutProblem] = []
  /// Of each problem of ``order``.
  private var hurt: [Hurt] = []
  /// Into ``order``: all but missing blobs.
  private var places: [LayoutProblem: Int32] = [:]
  /// Which images need a blob or manifest.
  private var users = PartUsers()
  private let layout: Layout
  /// The images' numbers, by their roots.
  private var images: [Digest: Int32] = [:]
  /// Where in the archive's list each image stands, by its number: it may have thousands of names.
  private var entries: [[Int]] = []
  /// Whether a config was found that disagrees with a manifest.
  private var hasStrayConfig = false

  init(_ layout: Layout) {
    self.layout = layout
    for (index, image) in layout.images.enumerated() {
      if let number = images[image.root.digest] {
        entries[Int(number)].append(index)
      } else {
        images[image.root.digest] = Int32(entries.count)
        entries.append([index])
      }
    }
    for problem in layout.problems { add(problem, hurting: []) }
  }

  /// `isCut`: what is missing need not be; nobody has looked.
  mutating func add(_ walk: ImageWalk, isCut: Bool = false) {
    guard let number = images[walk.image.root.digest] else { return }
    users.add(number, to: walk.image.root.digest)
    if let tree = walk.tree {
      for parts in [tree.manifests, tree.blobs, tree.omitted] {
        for part in parts { users.add(number, to: part.digest) }
      }
      if hasStrayConfig {
        for config in tree.blobs where places[.configDisagrees(config.digest)] != nil {
          add(.configDisagrees(config.digest), hurting: [number])
        }
      }
    }
    for problem in walk.problems(in: layout) {
      if case .missing(let descriptor) = problem {
        users.add(number, to: descriptor.digest)
        if isCut { continue }
      }
      add(problem, hurting: [number])
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
    add(problem, hurting: users[digest])
  }

  private mutating func add(_ problem: LayoutProblem, hurting images: some Sequence<Int32>) {
    let place = Int(place(of: problem))
    for image in images { hurt[place].insert(image) }
  }

  private mutating func place(of problem: LayoutProblem) -> Int32 {
    let new = Int32(order.count)
    if case .missing(let descriptor) = problem {
      // As it was first met: images may call one blob by different types.
      if let known = users.placeOfLack(of: descriptor.digest, orSet: new) { return known }
    } else {
      if let known = places[problem] { return known }
      places[problem] = new
      if case .configDisagrees = problem { hasStrayConfig = true }
    }
    order.append(problem)
    hurt.append(.none)
    return new
  }

  /// Compares each layer's decompressed content with what the configs say of it.
  mutating func compareContent(_ walks: [ImageWalk], readings: [BlobReading]) {
    let byDigest = Dictionary(readings.map { ($0.digest, $0) }, uniquingKeysWith: { first, _ in first })
    for walk in walks {
      guard let number = images[walk.image.root.digest] else { continue }
      for (layer, expected) in walk.contents {
        guard let reading = byDigest[layer.digest], reading.problem == nil else { continue }
        if let actual = reading.contents.first(where: { $0.algorithm == expected.algorithm }) {
          guard actual != expected else { continue }
          add(
            .contentDiffers(layer: layer.digest, expected: expected, actual: actual), hurting: [number])
        } else {
          add(.cannotUnpack(layer: layer.digest), hurting: [number])
        }
      }
    }
  }

  var all: [VerifiedArchive.Finding] {
    // Of problems that hurt the same images the names are in memory once.
    var names: [Set<Int32>: [String]] = [:]
    return zip(order, hurt).map { problem, hurt in
      let volumes = layout.volumes(of: problem)
      var images = hurt.images
      if let digest = problem.subject { images.formUnion(users[digest]) }
      if case .unreadableImage(let name, _) = problem {
        return VerifiedArchive.Finding(problem: problem, images: [name], volumes: volumes)
      }
      // A volume hurts whom it takes something from.
      if volumes.first?.problem == problem {
        for digest in volumes.flatMap(layout.lost(in:)) { images.formUnion(users[digest]) }
      }
      let labels = names[images] ?? labels(of: images)
      names[images] = labels
      return VerifiedArchive.Finding(problem: problem, images: labels, volumes: volumes)
    }
  }

  private func labels(of images: Set<Int32>) -> [String] {
    images.flatMap { entries[Int($0)] }.sorted().map { layout.images[$0].label }
  }
}

/// Which of many images have each part, by the images' numbers. Each image names its parts in one go.
private struct PartUsers {
  private struct Part {
    /// Into ``links``: the last image that named it; -1 when none did.
    var last: Int32 = -1
    /// Into the list of problems: that it is missing; -1 when it is not.
    var lack: Int32 = -1
  }

  private var parts: [Digest: Part] = [:]
  /// An image, and the link of the one that named the same part before it; -1 when none did.
  private var links: [(image: Int32, before: Int32)] = []

  mutating func add(_ image: Int32, to part: Digest) {
    let before = parts[part]?.last ?? -1
    guard before < 0 || links[Int(before)].image != image else { return }
    parts[part, default: Part()].last = Int32(links.count)
    links.append((image, before))
  }

  /// Where it is told that `part` is missing; nil where it is told now, at `place`.
  mutating func placeOfLack(of part: Digest, orSet place: Int32) -> Int32? {
    let known = parts[part, default: Part()].lack
    guard known < 0 else { return known }
    parts[part, default: Part()].lack = place
    return nil
  }

  subscript(part: Digest) -> [Int32] {
    var images: [Int32] = []
    var next = parts[part]?.last ?? -1
    while next >= 0 {
      images.append(links[Int(next)].image)
      next = links[Int(next)].before
    }
    return images
  }
}
