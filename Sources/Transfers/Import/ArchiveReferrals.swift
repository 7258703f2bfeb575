public import Digests
public import Images
import Layouts

/// That an image of an archive is there for another one's sake: a signature, an SBOM, an attestation.
public struct Referral: Hashable, Sendable {
  /// The manifest it refers to, in the same repository.
  public let subject: Digest
  /// The kind of tag that says so; nil when its manifest does.
  public let tag: ReferrerTag.Kind?
  /// 1 when an image is referred to, 2 when that is itself a referrer, and so on; 0 when the archive does not
  /// hold what is referred to.
  public internal(set) var depth = 1

  /// What `image`'s name or manifest says of a subject; nil when that is nothing.
  init?(_ image: LayoutImage, manifest: () throws -> Manifest) rethrows {
    if let tag = image.reference?.tag ?? image.bareTag {
      guard let named = ReferrerTag(tag), let subject = named.subject else { return nil }
      self.init(subject: subject, tag: named.kind)
    } else {
      guard image.isReferrer || image.name.isEmpty, let subject = try manifest().subject else { return nil }
      self.init(subject: subject.digest, tag: nil)
    }
  }

  fileprivate init(subject: Digest, tag: ReferrerTag.Kind?) {
    self.subject = subject
    self.tag = tag
  }
}

/// An image, and the archive that it lies in.
struct ArchivedImage: Sendable {
  var image: LayoutImage
  let layout: Layout
  /// The archive that lists it by its name, where it is not that one.
  var listing: Layout?
  /// Where its manifests are looked for that are not right there.
  var others: [Layout] = []

  init(image: LayoutImage, layout: Layout) {
    self.image = image
    self.layout = layout
  }

  /// The archive in whose list it stands by its name.
  var home: Layout { listing ?? layout }
}

/// The images of archives told apart: those that are there for themselves, and those that refer to one of them, in whichever
/// archive that lies.
struct ArchiveReferrals {
  /// In the archives' order.
  private(set) var images: [ArchivedImage] = []
  /// Listed without a name, and a part of one of the images.
  private(set) var parts: [ArchivedImage] = []
  /// Behind what they refer to.
  private(set) var referrers: [(image: ArchivedImage, referral: Referral)] = []

  private typealias Candidate = (image: ArchivedImage, referral: Referral)

  /// The most referrers that few images have.
  private static let mostAttached = 1 << 15

  /// Looks at `images` of the archives alone. `tree` gives what an image consists of, `replaced` the manifests in whose place
  /// that stands. Throws what they throw, and when the task was cancelled. Blocks.
  static func find(
    among images: [ArchivedImage], tree: (ArchivedImage) throws -> ImageTree,
    replaced: (ArchivedImage) throws -> [Digest] = { _ in [] }
  ) throws -> Self {
    var found = Self()
    found.images.reserveCapacity(images.count)
    var candidates: [Candidate] = []
    let subjects = try cutSubjects(among: images, tree: tree)
    for archived in images {
      try Task.checkCancellation()
      let (image, layout) = (archived.image, archived.layout)
      if let subject = image.tagOfCutDigest.flatMap({ subjects[$0] }) {
        candidates.append((archived, Referral(subject: subject, tag: .list)))
        continue
      }
      if let referral = try Referral(image, manifest: { try layout.manifest(image.root) }) {
        candidates.append((archived, referral))
      } else {
        found.images.append(archived)
      }
    }
    try found.setPartsAside(tree: tree)
    if !candidates.isEmpty {
      // What has no name of its own belongs to every repository that has its subject: to all of many that is more than any
      // list of either.
      let effort = Effort(
        of: images.first?.layout.path ?? "", limit: Self.mostAttached + 4 * images.count)
      try found.attach(candidates, effort, tree: tree, replaced: replaced)
    }
    return found
  }

  /// Whether one of `images` may refer to another one, or be a part of it. Of tens of thousands of names mostly none does.
  static func mayConcern(_ images: [LayoutImage]) -> Bool {
    images.contains { image in
      image.isReferrer || image.name.isEmpty
        || (image.reference?.tag ?? image.bareTag).flatMap { ReferrerTag($0) } != nil
    }
  }

  /// The manifests that lists under a tag refer to which has no room for all of a digest, by those tags.
  private static func cutSubjects(
    among images: [ArchivedImage], tree: (ArchivedImage) throws -> ImageTree
  ) throws -> [String: Digest] {
    guard images.contains(where: { $0.image.tagOfCutDigest != nil }) else { return [:] }
    var subjects: [String: Digest] = [:]
    var seen: Set<ArchivedRoot> = []
    for image in images where seen.insert(ArchivedRoot(image)).inserted {
      try Task.checkCancellation()
      for manifest in (try? tree(image))?.manifests ?? [] where manifest.digest.algorithm != .sha256 {
        subjects[ReferrerTag(.list, of: manifest.digest).tag] = manifest.digest
      }
    }
    return subjects
  }

  /// Some tools list the parts of an index beside it, without a name.
  private mutating func setPartsAside(tree: (ArchivedImage) throws -> ImageTree) throws {
    guard images.contains(where: \.image.isNameless) else { return }
    var parts: [ObjectIdentifier: Set<Digest>] = [:]
    var seen: Set<ArchivedRoot> = []
    for whole in images where whole.image.root.mediaType.isIndex || !whole.image.isNameless {
      guard seen.insert(ArchivedRoot(whole)).inserted else { continue }
      try Task.checkCancellation()
      // What cannot be read is said where it is looked at.
      guard let tree = try? tree(whole) else { continue }
      let others = tree.manifests.map(\.digest).filter { $0 != whole.image.root.digest }
      parts[ObjectIdentifier(whole.layout), default: []].formUnion(others)
    }
    func isPart(_ archived: ArchivedImage) -> Bool {
      archived.image.isNameless
        && parts[ObjectIdentifier(archived.layout)]?.contains(archived.image.root.digest) == true
    }
    self.parts = images.filter(isPart)
    images.removeAll(where: isPart)
  }

  /// Puts each candidate behind what it refers to.
  private mutating func attach(
    _ candidates: [Candidate], _ effort: Effort, tree: (ArchivedImage) throws -> ImageTree,
    replaced: (ArchivedImage) throws -> [Digest]
  ) throws {
    let subjects = Set(candidates.lazy.map(\.referral.subject))
    // Those of an image's manifests that something refers to, by its root: it may have thousands of names.
    var relevant: [ArchivedRoot: [Digest]] = [:]
    var walked: [ArchivedRoot: Set<RepositoryContent>] = [:]
    // Those that have a repository are looked for there alone: an image may lie in thousands, with a signature in each.
    var named: [RepositoryContent: [Int]] = [:]
    // What another tool listed without a name belongs to every repository that has its subject.
    var unnamed: [Digest: [Int]] = [:]
    for (index, candidate) in candidates.enumerated() {
      let subject = candidate.referral.subject
      if let reference = candidate.image.image.reference {
        named[RepositoryContent(repository: reference.repositoryName, digest: subject), default: []].append(
          index)
      } else {
        unnamed[subject, default: []].append(index)
      }
    }
    var attached: Set<Int> = []
    var seen: Set<RepositoryContent> = []
    var known: Set<RepositoryContent> = []
    // Level by level: what refers to the images, what refers to that.
    var level = images.map { (image: $0, depth: 0) }
    while !level.isEmpty {
      var next: [(image: ArchivedImage, depth: Int)] = []
      for (archived, depth) in level {
        // Images without a name are given one together.
        let repository = archived.image.reference?.repositoryName ?? ""
        let root = ArchivedRoot(archived)
        let place = RepositoryContent(repository: repository, digest: archived.image.digest)
        guard walked[root, default: []].insert(place).inserted else { continue }
        if relevant[root] == nil {
          relevant[root] = try (tree(archived).manifests.map(\.digest) + replaced(archived)).filter(
            subjects.contains)
        }
        for digest in relevant[root, default: []] + [archived.image.schema1Digest].compactMap(\.self) {
          try Task.checkCancellation()
          let subject = RepositoryContent(repository: repository, digest: digest)
          guard seen.insert(subject).inserted else { continue }
          try effort.take()
          for index in ((named[subject] ?? []) + (unnamed[digest] ?? [])).sorted() {
            try effort.take()
            let candidate = candidates[index]
            attached.insert(index)
            let image = candidate.image.image
            let home = RepositoryContent(repository: repository, digest: image.root.digest)
            guard candidate.referral.tag != nil || known.insert(home).inserted else { continue }
            var referral = candidate.referral
            referral.depth = depth + 1
            var referrer = candidate.image
            referrer.image = image.named(in: repository)
            referrers.append((referrer, referral))
            next.append((referrer, depth + 1))
          }
        }
      }
      level = next
    }
    for (index, candidate) in candidates.enumerated() where !attached.contains(index) {
      var referral = candidate.referral
      referral.depth = 0
      // Its subject is elsewhere: a tag is a tag like any other then.
      if referral.tag == nil, candidate.image.image.reference != nil {
        referrers.append((candidate.image, referral))
      } else {
        images.append(candidate.image)
      }
    }
  }
}

/// An image whatever it is called: another archive may have more of it.
private struct ArchivedRoot: Hashable {
  let archive: ObjectIdentifier
  let digest: Digest

  init(_ archived: ArchivedImage) {
    archive = ObjectIdentifier(archived.layout)
    digest = archived.image.root.digest
  }
}

extension LayoutImage {
  /// Its tag, where that may be the one of a list of what refers to a manifest, and does not tell to which.
  fileprivate var tagOfCutDigest: String? {
    guard let tag = reference?.tag ?? bareTag, let referrers = ReferrerTag(tag), referrers.subject == nil
    else {
      return nil
    }
    return tag
  }

  /// Whether nothing but its digest is known of it.
  fileprivate var isNameless: Bool { reference == nil && name.isEmpty }

  /// The image in `repository`, where it has no name of its own: by the tag that is all it has, or else by its digest.
  fileprivate func named(in repository: String) -> LayoutImage {
    if reference == nil, let bareTag, let tagged = try? Reference("\(repository):\(bareTag)") {
      return LayoutImage(reference: tagged, name: tagged.description, root: root)
    }
    guard reference == nil, let named = try? Reference("\(repository)@\(root.digest)") else { return self }
    return LayoutImage(reference: named, name: named.description, root: root, isReferrer: true)
  }
}

extension LayoutImage {
  /// What others may refer to of it: its manifests, as registries know them.
  func subjects(in tree: ImageTree) -> [Digest] {
    tree.manifests.map(\.digest) + [schema1Digest].compactMap(\.self)
  }
}
