import Digests
import Images
import Layouts

/// What of indexes is asked for, so that no more of them has to be whole.
enum PlatformScope: Hashable, Sendable {
  case all
  /// What they list for this goes in their place.
  case one(Platform)
  /// What they list for these is looked at, and they stay what they are.
  case some([Platform])
}

/// What there is of an index that is not whole, but for the platforms that are asked for.
enum SparedPart: Sendable {
  case platform(ListedPlatform)
  case index(ImageTree)
}

/// What an archive that is damaged has of its images.
struct DamagedImages: Sendable {
  /// What keeps images from being taken out of it, by their roots.
  var absences: [Digest: TransferError] = [:]
  /// Of those that are not whole, but for the platforms that alone are asked for, what there is for these.
  var spared: [Digest: SparedPart] = [:]
}

/// What is wrong with an archive of which something is missing or damaged, and which of its images that spares.
struct ArchiveDamage {
  private let layout: Layout
  private let scope: PlatformScope

  init(of layout: Layout, _ scope: PlatformScope = .all) {
    self.layout = layout
    self.scope = scope
  }

  /// What is not there of an archive that is cut, or not what it should be, with the images that hurts; nil when
  /// nothing is wrong or the archive is one file.
  func incompleteness(_ way: WayAround?) throws -> TransferError? {
    guard !layout.volumes.isEmpty, !layout.problems.isEmpty else { return nil }
    return .incompleteArchive(archive: layout.path, try findings(), way: way)
  }

  /// By what option the images that are complete can be taken; nil when by none, or there are none. The same
  /// is asked whether it was given or is to be offered. `known` is what ``examination()`` has found.
  func wayAround(_ known: DamagedImages? = nil) throws -> WayAround? {
    guard isOfParts else { return nil }
    let way: WayAround = layout.problems.allSatisfy(\.isAbsence) ? .allowMissing : .keepGoing
    let found = try known ?? examination()
    // What no image is hurt by must not be taken for harmless.
    guard
      way == .allowMissing || !found.absences.isEmpty || !found.spared.isEmpty || !unreadable.isEmpty
    else { return nil }
    if layout.images.contains(where: { found.absences[$0.root.digest] == nil }) { return way }
    return try wholePlatform().map { .platform($0) }
  }

  /// A platform of which all is here where of every image something else is not; nil when there is none, or one is asked for.
  private func wholePlatform() throws -> Platform? {
    guard scope == .all, unreadable.isEmpty, layout.images.count <= Self.mostImages,
      let first = layout.images.first, let listed = try? layout.platforms(of: first)
    else { return nil }
    for platform in listed.prefix(Self.mostPlatforms).compactMap(\.platform) {
      let damage = ArchiveDamage(of: layout, .one(platform))
      if try damage.examination().absences.isEmpty { return platform }
    }
    return nil
  }

  /// In an archive of how many images, and for how many platforms, it is tried to find one.
  private static let (mostImages, mostPlatforms) = (20, 20)

  /// Images that its lists name and of which nothing can be read, with what is wrong.
  var unreadable: [(name: String, problem: LayoutProblem)] {
    layout.problems.compactMap { problem in
      if case .unreadableImage(let name, _) = problem { (name, problem) } else { nil }
    }
  }

  /// The same as failures of an import.
  func failures(of name: (String) -> Bool) -> [ImageFailure] {
    unreadable.filter { name($0.name) }.map { name, problem in
      ImageFailure(
        image: name,
        error: TransferError.imageNotWhole(archive: layout.path, problems: [problem], volumes: []))
    }
  }

  /// Whether `findings` spare an image.
  func sparesImages(_ findings: FindingList) -> Bool {
    let hurt = findings.images
    return layout.images.contains { !hurt.contains($0.label) }
  }

  /// All that the structure and `readings` show to be wrong, and what else was found.
  func findings(readings: [BlobReading] = [], adding found: [LayoutProblem] = []) throws -> FindingList {
    var findings = Findings(layout)
    var walked: Set<Digest> = []
    for image in layout.images where walked.insert(image.root.digest).inserted {
      try Task.checkCancellation()
      try findings.add(ImageWalk.follow(image, in: layout))
    }
    for reading in readings {
      if let problem = reading.problem { findings.add(problem, about: reading.digest) }
    }
    for problem in found {
      if let blob = problem.blob { findings.add(problem, about: blob) } else { findings.add(problem) }
    }
    return findings.all
  }

  /// What there is of the images.
  func examination() throws -> DamagedImages {
    guard !layout.problems.isEmpty else { return DamagedImages() }
    var found = DamagedImages()
    var seen: Set<Digest> = []
    let harmed = Dictionary(grouping: layout.problems.filter { $0.subject != nil }) { $0.subject }
    let unread = Dictionary(grouping: unreadable, by: \.name)
    let images = layout.images + layout.images.flatMap(layout.parts)
    for image in images where seen.insert(image.root.digest).inserted {
      try Task.checkCancellation()
      guard let error = try absence(of: image, harmed) else { continue }
      if let one = try part(of: image, harmed) {
        found.spared[image.root.digest] = one
      } else {
        found.absences[image.root.digest] = error
      }
    }
    // What one list gives a name to and another cannot tell is not what was asked for by it.
    for image in unread.isEmpty ? [] : layout.images {
      guard let named = unread[image.name] else { continue }
      found.absences[image.root.digest] = imageNotWhole(named.map(\.problem))
    }
    var listed: [Digest: [LayoutProblem]] = [:]
    for problem in layout.hurt.isEmpty ? [] : layout.problems {
      for root in layout.hurt[problem] ?? [] { listed[root, default: []].append(problem) }
    }
    for (root, problems) in listed where seen.contains(root) {
      found.absences[root] = imageNotWhole(problems)
    }
    return found
  }

  /// Whether there may be images all the same.
  var isOfParts: Bool { layout.problems.allSatisfy { $0.isAbsence || $0.isOfContent } }

  /// Whether all that is wrong is of images that are known: behind where another tool's archive is cut there may be others.
  var isOfKnownImages: Bool {
    layout.problems.allSatisfy { $0.isOfContent || $0.isAbsence && layout.isWrittenByFerry }
  }

  /// Whether all that is wrong is of single blobs and manifests: behind a cut there may be images that nobody has heard of.
  var sparesParts: Bool { layout.problems.allSatisfy(\.isOfContent) }

  /// What an index that is not whole has for the platforms that are asked for, where that is.
  private func part(of image: LayoutImage, _ harmed: [Digest?: [LayoutProblem]]) throws -> SparedPart? {
    guard sparesParts else { return nil }
    func isWhole(_ part: Descriptor) throws -> Bool {
      let alone = LayoutImage(reference: image.reference, name: image.name, root: part)
      return try absence(of: alone, harmed) == nil
    }
    switch scope {
    case .all: return nil
    case .one(let platform):
      guard let one = try? TakenPlatform(for: platform).choose(platform, from: image, in: layout),
        try isWhole(one.descriptor)
      else { return nil }
      return .platform(one)
    case .some(let platforms):
      guard image.root.mediaType.isIndex, let index = try? layout.manifest(image.root) else { return nil }
      var alone: Digest?
      if platforms.count == 1 {
        alone = try? TakenPlatform(for: platforms[0]).choose(platforms[0], from: image, in: layout)?
          .descriptor.digest
      }
      let absent = Set(index.children.map(\.digest).filter { layout.omissions[$0] != nil })
      guard let cut = IndexCut(of: index.children, for: platforms, and: alone, absent: absent),
        try index.children.allSatisfy({ try cut.left.contains($0.digest) || isWhole($0) })
      else { return nil }
      let tree = try ImageTree(
        root: image.root,
        includes: { part in
          !cut.left.contains(part.digest) && layout.omissions[part.digest].map { $0.reason == .known } ?? true
        }, share: layout.shared, fetch: layout.manifest)
      return .index(tree)
    }
  }

  /// What keeps an image from being taken out of the archive; nil when it is complete. `harmed` are problems of single
  /// blobs and manifests, by their digests.
  private func absence(of image: LayoutImage, _ harmed: [Digest?: [LayoutProblem]]) throws -> TransferError? {
    let walk = try ImageWalk.follow(image, in: layout, isDeep: true)
    var problems = walk.problems(in: layout)
    var known = Set(problems)
    for part in harmed.isEmpty ? [] : walk.tree?.parts ?? [] {
      for problem in harmed[part.digest] ?? [] where known.insert(problem).inserted {
        problems.append(problem)
      }
    }
    guard !problems.isEmpty else { return nil }
    return imageNotWhole(problems)
  }

  private func imageNotWhole(_ problems: [LayoutProblem]) -> TransferError {
    let volumes = Set(problems.flatMap(layout.volumes(of:)).filter { $0.state != .present }.map(\.path))
    return .imageNotWhole(archive: layout.path, problems: problems, volumes: volumes.sorted())
  }
}
