import Digests
import Files
import Images
import Layouts
import Tar

/// The second stage of an export: lays the archives out, byte by byte, and looks for whatever stands in their way.
struct ExportPlanner {
  private let request: ExportRequest
  private let keepsGoing: Bool

  init(_ request: ExportRequest, keepsGoing: Bool) {
    self.request = request
    self.keepsGoing = keepsGoing
  }

  /// Throws ``LayoutError`` when images cannot stand in one archive. Blocks.
  func plan(_ resolved: ResolvedExport) throws -> PreparedExport {
    var blockers: [any Error] = []
    var archives: [PreparedExport.Archive] = []
    let composition = ArchiveComposition(
      known: resolved.known, descriptions: resolved.descriptions, descriptors: resolved.descriptors,
      namesMissing: request.isOneArchive && keepsGoing)
    let output = ExportOutput(request).knowingWhatIsRead()
    let images = try settled(resolved.images)
    let outputs = outputs(for: images, blockers: &blockers)
    // The only archive holds them all.
    let named = outputs.count > 1 ? ImagesByName(images) : nil
    for (target, group) in outputs {
      let plan = try composition.plan(group, without: resolved.failures)
      let archive = archive(
        target, plan, images: named?.images(in: plan) ?? group, failures: resolved.failures, &blockers)
      blockers += output.blockers(writing: archive)
      archives.append(archive)
    }
    blockers += output.enclosureBlockers()
    let space = output.space(for: archives, blockers: &blockers)
    return PreparedExport(
      images: images, archives: archives, composition: composition, failures: resolved.failures,
      leftOut: resolved.leftOut, untaggedUnlisted: resolved.untaggedUnlisted, blockers: blockers, space: space
    )
  }

  /// Images that are converted as they become by what archives that are there say of their layers: then it can be told whether
  /// these are the ones. What they say is seen when the archives are, or are written anew.
  private func settled(_ images: [ExportImage]) throws -> [ExportImage] {
    guard images.contains(where: \.isToConvert) else { return images }
    var contents: [Digest: Digest] = [:]
    var ignored: [any Error] = []
    for (target, group) in outputs(for: images, blockers: &ignored) where group.contains(where: \.isToConvert)
    {
      guard case .files(let place) = target else { continue }
      let existing = ExistingOutput(place: place, replacesExisting: request.replacesExisting)
      contents.merge(existing.layerContents()) { first, _ in first }
    }
    return contents.isEmpty ? images : try images.map { try $0.converted(with: contents) }
  }

  /// The archive of `plan`, and what of it is at its target already.
  private func archive(
    _ target: PreparedExport.Archive.Target, _ plan: ArchivePlan, images: [ExportImage],
    failures: [ImageFailure], _ blockers: inout [any Error]
  ) -> PreparedExport.Archive {
    var state = PreparedExport.State.toWrite
    var continuation: ArchiveContinuation?
    var movedTags: [(image: String, from: Digest, to: Digest)] = []
    if case .files(let place) = target {
      if let problem = problem(cutting: plan, to: place) { blockers.append(problem) }
      let existing = ExistingOutput(place: place, replacesExisting: request.replacesExisting)
      if request.onlyVolumes.isEmpty {
        state = existing.state(for: plan)
        if case .blocked = state { blockers.append(existing.obstacle(for: plan)) }
        if !state.isUpToDate, let unfinished = UnfinishedArchive.find(place.path) {
          continuation = self.continuation(of: unfinished, as: plan, failures: failures, &blockers)
          if continuation != nil { movedTags = self.movedTags(since: unfinished, in: plan, images) }
        }
      } else {
        blockers += existing.blockers(rewriting: request.onlyVolumes, of: plan)
      }
    }
    return PreparedExport.Archive(
      target: target, onlyVolumes: request.onlyVolumes, plan: plan, state: state, images: images,
      continuation: continuation, movedTags: movedTags)
  }

  /// What keeps a plan from being cut as asked; nil when nothing does.
  private func problem(cutting plan: ArchivePlan, to place: ArchivePlace) -> TransferError? {
    guard place.volumeSize != nil else { return nil }
    let count = place.count(for: plan.totalSize)
    guard count <= VolumeName.most else {
      return .tooManyVolumes(path: place.path, count: count, limit: VolumeName.most)
    }
    guard let number = request.onlyVolumes.first(where: { $0 > count }) else { return nil }
    return .noSuchVolume(path: place.path, number: number, count: count)
  }

  /// How an earlier run's work is resumed; nil when it is thrown away. An archive of quite other images is
  /// somebody's work that a mistyped name must not destroy.
  private func continuation(
    of unfinished: UnfinishedArchive, as plan: ArchivePlan, failures: [ImageFailure],
    _ blockers: inout [any Error]
  ) -> ArchiveContinuation? {
    guard unfinished.volumeSize == request.volumeSize else {
      if !request.replacesExisting {
        blockers.append(
          TransferError.cutOtherwise(
            path: unfinished.partial, begun: unfinished.volumeSize, wanted: request.volumeSize))
      }
      return nil
    }
    let wanted = Set(plan.images.map { JournalImage($0).requestedName } + failures.map(\.image))
    guard unfinished.images.contains(where: { wanted.contains($0.requestedName) }) else {
      if !request.replacesExisting {
        blockers.append(
          TransferError.unfinishedOther(
            partial: unfinished.partial, images: unfinished.images.map(\.requestedName)))
      }
      return nil
    }
    return unfinished.continuation(as: plan)
  }

  private func movedTags(
    since unfinished: UnfinishedArchive, in plan: ArchivePlan, _ images: [ExportImage]
  ) -> [(image: String, from: Digest, to: Digest)] {
    // What they become was another thing before their layers were there.
    let converted = Set(images.filter { $0.original != nil }.map(\.reference.description))
    let before = Dictionary(unfinished.images.map { ($0.name, $0.digest) }) { first, _ in first }
    return plan.images.compactMap { image in
      guard let digest = before[image.name], digest != image.root.digest, !converted.contains(image.name)
      else { return nil }
      return (image.name, digest, image.root.digest)
    }
  }

  /// Where the archives go and which images each holds.
  private func outputs(
    for images: [ExportImage], blockers: inout [any Error]
  ) -> [(target: PreparedExport.Archive.Target, images: [ExportImage])] {
    guard !images.isEmpty else { return [] }
    switch request.output {
    case .file(let path): return [(.files(ArchivePlace(path, volumeSize: request.volumeSize)), images)]
    case .stream(let descriptor, let name): return [(.stream(descriptor: descriptor, name: name), images)]
    case .directory(let directory):
      let named = Dictionary(grouping: images, by: \.requested.archiveName)
      for (name, sharing) in named.sorted(by: { $0.key < $1.key }) where sharing.count > 1 {
        blockers.append(TransferError.fileNameCollision(name: name, images: sharing.map(\.requested)))
      }
      let prefix = directory.hasSuffix("/") ? directory : directory + "/"
      return images.map { image in
        let path = prefix + image.requested.archiveName
        return (.files(ArchivePlace(path, volumeSize: request.volumeSize)), [image])
      }
    }
  }
}

/// An export's images by their names, to find those of each of thousands of archives.
private struct ImagesByName {
  private let images: [ExportImage]
  /// Two images have one name when the one was asked for as the other's platform.
  private let numbers: [Reference: [Int]]

  init(_ images: [ExportImage]) {
    self.images = images
    numbers = Dictionary(grouping: images.indices) { images[$0].reference }
  }

  /// Those that an archive of `plan` holds, in their order: the one it is for, and what it holds because that refers to
  /// an image, where it was asked for by its own name as well.
  func images(in plan: ArchivePlan) -> [ExportImage] {
    let held = Set(plan.images.compactMap(\.reference).flatMap { numbers[$0] ?? [] })
    return held.count == images.count ? images : held.sorted().map { images[$0] }
  }
}

extension Reference {
  /// The file name of an archive of this image alone: `<repository with / as _>__<tag>.tar`. Never holds a
  /// colon, which several readers take for the start of a tag.
  fileprivate var archiveName: String {
    let name = String(repository.map { $0 == "/" ? "_" : $0 })
    let suffix = tag ?? digest.map { "\($0.algorithm.rawValue)-\($0.hex)" } ?? Self.defaultTag
    return "\(name)__\(suffix).tar"
  }
}
