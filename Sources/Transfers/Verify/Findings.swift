import Digests
import Images
public import Layouts
import Synchronization

/// Collects what is wrong with an archive, each problem once, with the images it hurts. There may be hundreds of thousands
/// of problems, and parts that thousands of images share.
struct Findings {
  private let layout: Layout
  private var found: FoundProblems
  /// The images' numbers, by their roots.
  private var images: [Digest: Int32] = [:]
  /// Into ``FoundProblems/others``.
  private var places: [LayoutProblem: Int] = [:]
  /// Whether a config was found that disagrees with a manifest.
  private var hasStrayConfig = false

  init(_ layout: Layout) {
    self.layout = layout
    found = FoundProblems(images: layout.images, volumes: layout.volumePlaces)
    for (index, image) in layout.images.enumerated() {
      if let number = images[image.root.digest] {
        found.entries[Int(number)].append(index)
      } else {
        images[image.root.digest] = Int32(clamping: found.entries.count)
        found.entries.append([index])
      }
    }
    for problem in layout.problems {
      add(problem, hurting: (layout.hurt[problem] ?? []).compactMap { images[$0] })
    }
  }

  /// `isCut`: what is missing need not be; nobody has looked.
  mutating func add(_ walk: ImageWalk, isCut: Bool = false) {
    guard let number = images[walk.image.root.digest] else { return }
    found.users.add(number, to: walk.image.root)
    if let tree = walk.tree {
      for parts in [tree.manifests, tree.blobs, tree.omitted] {
        for part in parts { found.users.add(number, to: part) }
      }
      if hasStrayConfig {
        for config in tree.blobs where places[.configDisagrees(config.digest)] != nil {
          add(.configDisagrees(config.digest), hurting: [number])
        }
      }
    }
    for problem in walk.problems(in: layout) {
      if case .missing(let descriptor) = problem {
        found.users.add(number, to: descriptor)
        if isCut { continue }
      }
      add(problem, hurting: [number])
    }
  }

  /// What is wrong with no blob's content: it hurts the images that need what is missing, if anything is.
  mutating func add(_ problem: LayoutProblem) { add(problem, hurting: []) }

  mutating func add(_ problem: LayoutProblem, about digest: Digest) {
    add(problem, hurting: found.users[digest])
  }

  /// Of what is missing it is known whom it hurts: all who need it.
  private mutating func add(_ problem: LayoutProblem, hurting images: some Sequence<Int32>) {
    if case .missing(let descriptor) = problem {
      // As it was first met: images may call one blob by different types.
      if found.users.insertMissing(descriptor) { found.order.append(.missing(descriptor)) }
      return
    }
    let place = places[problem] ?? found.others.count
    if place == found.others.count {
      places[problem] = place
      if case .configDisagrees = problem { hasStrayConfig = true }
      found.order.append(.other(Int32(clamping: place)))
      found.others.append((problem, .none))
    }
    for image in images { found.others[place].hurt.insert(image) }
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
        } else if !reading.isBoundless {
          add(.cannotUnpack(layer: layer.digest), hurting: [number])
        }
      }
    }
  }

  var all: FindingList { FindingList(found) }
}

/// What was found, as far as it is kept: of hundreds of thousands of problems most are that something is missing.
struct FoundProblems: Sendable {
  enum Entry: Sendable {
    case missing(Descriptor)
    /// Into ``others``.
    case other(Int32)
  }

  /// The images that a problem hurts, by their numbers.
  enum Hurt: Sendable {
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

  let images: [LayoutImage]
  let volumes: VolumePlaces
  /// Where in ``images`` each image stands, by its number: it may have thousands of names.
  var entries: [[Int]] = []
  var order: [Entry] = []
  var others: [(problem: LayoutProblem, hurt: Hurt)] = []
  /// Which images need a blob or manifest.
  var users = PartUsers()

  init(images: [LayoutImage], volumes: VolumePlaces) {
    self.images = images
    self.volumes = volumes
  }

  func problem(at index: Int) -> LayoutProblem {
    switch order[index] {
    case .missing(let descriptor): .missing(descriptor)
    case .other(let place): others[Int(place)].problem
    }
  }

  /// Where in ``images`` the first of those stand, and how many they are.
  func named(_ hurt: Set<Int32>, most: Int) -> (first: [Int], count: Int) {
    let first = hurt.flatMap { entries[Int($0)].prefix(most) }.sorted().prefix(most)
    return (Array(first), hurt.map { entries[Int($0)].count }.saturatingSum())
  }

  /// The numbers of the images that it hurts, but for those that need what it is about.
  func hurt(at index: Int) -> Set<Int32> {
    var hurt: Set<Int32>
    switch order[index] {
    case .missing(let descriptor): hurt = Set(users[descriptor])
    case .other(let place):
      hurt = others[Int(place)].hurt.images
    }
    let problem = problem(at: index)
    // A volume hurts whom it takes something from.
    if let volume = volumes.volumes(of: problem).first, volume.problem == problem {
      for digest in volumes.lost(in: volume) { hurt.formUnion(users[digest]) }
    }
    return hurt
  }
}

/// What is wrong with an archive, each problem once, with the images it hurts. There may be hundreds of thousands: what is said
/// of each is made when it is asked for.
public struct FindingList: RandomAccessCollection, Sendable {
  fileprivate final class Content: Sendable {
    /// The images that need a blob or manifest.
    private struct Users {
      let images: Set<Int32>
      let first: [Int]
      let count: Int
    }

    let found: FoundProblems
    /// Thousands of problems may be about one blob that thousands of images need: by what these are about.
    private let users = Mutex<[Digest: Users]>([:])

    /// How many are named of those.
    private static let mostNamed = 20

    init(_ found: FoundProblems) { self.found = found }

    /// The names of the images that a problem hurts, in the archive's order: at most so many of them, and how many there are.
    func images(at index: Int, most: Int) -> (names: [String], count: Int) {
      let problem = found.problem(at: index)
      if case .unreadableImage(let name, _) = problem { return ([name], 1) }
      var hurt = found.hurt(at: index)
      if let digest = problem.subject {
        let users = users(of: digest)
        if most <= Self.mostNamed, hurt.isSubset(of: users.images) {
          return (names(users.first.prefix(most)), users.count)
        }
        hurt.formUnion(users.images)
      }
      let (first, count) = found.named(hurt, most: most)
      let names = names(first)
      guard case .ambiguousName = problem else { return (names, count) }
      var told: Set<String> = []
      let once = names.filter { told.insert($0).inserted }
      return (once, count - (names.count - once.count))
    }

    private func names(_ places: some Sequence<Int>) -> [String] { places.map { found.images[$0].label } }

    private func users(of digest: Digest) -> Users {
      users.withLock { users in
        if let known = users[digest] { return known }
        let images = Set(found.users[digest])
        let (first, count) = found.named(images, most: Self.mostNamed)
        let new = Users(images: images, first: first, count: count)
        users[digest] = new
        return new
      }
    }
  }

  private let content: Content

  init(_ found: FoundProblems) {
    // Where nothing is wrong nothing of the archive is kept.
    content = Content(found.order.isEmpty ? FoundProblems(images: [], volumes: VolumePlaces()) : found)
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { content.found.order.count }

  public subscript(index: Int) -> VerifiedArchive.Finding { VerifiedArchive.Finding(content, index) }

  /// Whether the archive is cut into volumes, so that a finding may lie in some.
  public var areOfVolumes: Bool { !content.found.volumes.volumes.isEmpty }

  /// Whether Ferry wrote those volumes, and can write any of them again.
  public var areOfFerrysVolumes: Bool { content.found.volumes.isWrittenByFerry }

  /// The names of all images that any of them hurts.
  public var images: Set<String> {
    let found = content.found
    var hurt: Set<Int32> = []
    var subjects: Set<Digest> = []
    for index in indices {
      hurt.formUnion(found.hurt(at: index))
      guard let digest = found.problem(at: index).subject, subjects.insert(digest).inserted else { continue }
      hurt.formUnion(found.users[digest])
    }
    var names = Set(hurt.flatMap { found.entries[Int($0)] }.map { found.images[$0].label })
    // Of what cannot be read there is no image.
    for case (.unreadableImage(let name, _), _) in found.others { names.insert(name) }
    return names
  }

  /// The problems alone.
  public var problems: some Collection<LayoutProblem> { lazy.map(\.problem) }
}

extension VerifiedArchive {
  /// A problem and whom it hurts.
  public struct Finding: Sendable {
    private let content: FindingList.Content
    private let index: Int

    fileprivate init(_ content: FindingList.Content, _ index: Int) {
      self.content = content
      self.index = index
    }

    public var problem: LayoutProblem { content.found.problem(at: index) }
    /// The first of the images it hurts, by name, and how many it hurts; none when it touches no image.
    public func images(most: Int) -> (names: [String], count: Int) {
      content.images(at: index, most: most)
    }
    /// The volumes it lies in; none when the archive is one file.
    public var volumes: [Volume] { content.found.volumes.volumes(of: problem) }
  }
}
