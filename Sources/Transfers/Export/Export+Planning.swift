import Archives
import Digests
import FoundationEssentials
import Images
import Layouts

extension Export {
  /// Lays the archives out and looks for whatever stands in their way. Blocks.
  func plan(
    _ images: [ExportImage], known: KnownContent, failures: [ImageFailure]
  ) throws -> PreparedExport {
    var blockers: [any Error] = []
    var archives: [PreparedExport.Archive] = []
    let descriptions = try descriptions(of: images)
    for (path, group) in try outputs(for: images, blockers: &blockers) {
      let plan = try self.plan(
        group, descriptions, known: known, without: request.isOneArchive ? failures : [])
      let place = path.map { ArchivePlace($0, volumeSize: request.volumeSize) }
      if let path, let problem = problem(cutting: plan, to: path) { blockers.append(problem) }
      guard request.onlyVolumes.isEmpty else {
        if let place { blockers += self.blockers(rewriting: plan, in: place) }
        archives.append(archive(path, plan, .toWrite))
        blockers += archives.last.map { self.blockers(writing: $0) } ?? []
        continue
      }
      let state = place.map { self.state(of: $0, for: plan) } ?? PreparedExport.State.toWrite
      if case .blocked = state, let place { blockers.append(obstacle(at: place, for: plan)) }
      var archive = archive(path, plan, state)
      if !archive.isUpToDate, let path, let unfinished = ArchiveWriter.unfinished(path) {
        archive.continuation = continuation(of: unfinished, as: plan, failures: failures, &blockers)
        if archive.continuation != nil { archive.movedTags = movedTags(since: unfinished, in: plan) }
      }
      blockers += self.blockers(writing: archive)
      archives.append(archive)
    }
    let space = try space(for: archives, blockers: &blockers)
    return PreparedExport(
      images: images, archives: archives, descriptions: descriptions, known: known, failures: failures,
      blockers: blockers, space: space)
  }

  private func archive(
    _ path: String?, _ plan: ArchivePlan, _ state: PreparedExport.State
  ) -> PreparedExport.Archive {
    PreparedExport.Archive(
      path: path, volumeSize: request.volumeSize, onlyVolumes: request.onlyVolumes, plan: plan, state: state)
  }

  /// The plan of one archive of `images`, which says that it lacks those that failed.
  func plan(
    _ images: [ExportImage], _ descriptions: [RegistryLocation: String], known: KnownContent,
    without failures: [ImageFailure]
  ) throws -> ArchivePlan {
    let referrers = images.flatMap(\.referrers)
    let named = images.map { ($0.reference, $0.tree.root) }
    let tagged = referrers.filter { !$0.isListed }.map { ($0.reference, $0.tree.root) }
    let blobs = images.flatMap(\.blobs)
    return try ArchivePlan(
      images: named + tagged,
      referrers: referrers.filter(\.isListed).map { ($0.reference, $0.tree.root) },
      manifests: images.flatMap(\.tree.manifests) + referrers.flatMap(\.tree.manifests),
      blobs: blobs.filter { !known.holds($0) },
      omissions: images.flatMap(\.omissions) + known.omissions(from: blobs), knownSources: known.sources,
      extraFiles: files(describing: images, descriptions),
      lacking: settings.keepGoing ? failures.map(Lack.init) : [])
  }

  /// How an earlier run's work is gone on with; nil when it is thrown away. An archive of quite other images is
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
    let wanted = Set(plan.images.map(\.name) + failures.map(\.image))
    guard unfinished.images.contains(where: { wanted.contains($0.name) }) else {
      if !request.replacesExisting {
        blockers.append(
          TransferError.unfinishedOther(
            partial: unfinished.partial, images: unfinished.images.map(\.name)))
      }
      return nil
    }
    return unfinished.continuation(as: plan)
  }

  private func movedTags(
    since unfinished: UnfinishedArchive, in plan: ArchivePlan
  ) -> [(image: String, from: Digest, to: Digest)] {
    let before = Dictionary(unfinished.images.map { ($0.name, $0.digest) }) { first, _ in first }
    return plan.images.compactMap { image in
      guard let digest = before[image.name], digest != image.root.digest else { return nil }
      return (image.name, digest, image.root.digest)
    }
  }

  /// The archives' paths and which images each holds.
  private func outputs(
    for images: [ExportImage], blockers: inout [any Error]
  ) throws -> [(path: String?, images: [ExportImage])] {
    guard !images.isEmpty else { return [] }
    switch request.output {
    case .file(let path): return [(path, images)]
    case .stream: return [(nil, images)]
    case .directory(let directory):
      let named = Dictionary(grouping: images, by: \.reference.archiveName)
      for (name, sharing) in named.sorted(by: { $0.key < $1.key }) where sharing.count > 1 {
        blockers.append(TransferError.fileNameCollision(name: name, images: sharing.map(\.reference)))
      }
      let prefix = directory.hasSuffix("/") ? directory : directory + "/"
      return images.map { (prefix + $0.reference.archiveName, [$0]) }
    }
  }

  /// What is at `path` already. An archive of these very images is taken for whole: it has its final name, and
  /// nothing gets that before every byte was proved. Descriptions may have changed since.
  func state(of place: ArchivePlace, for plan: ArchivePlan) -> PreparedExport.State {
    let existing = place.existing
    guard !existing.isEmpty else { return .toWrite }
    // Some volumes got their names, then the run was killed: that is gone on with.
    if let unfinished = ArchiveWriter.unfinished(place.path), unfinished.isProved,
      unfinished.volumeSize == place.volumeSize, !ArchivePlace.partialVolumes(of: place.path).isEmpty
    {
      return .toWrite
    }
    if let input = try? ArchiveInput(writtenTo: place), let layout = try? Layout.open(input),
      layout.volumes.isEmpty || layout.volumes.map(\.size) == place.sizes(for: layout.totalSize),
      layout.problems.isEmpty, layout.isFerrys,
      layout.images.map(\.name) == plan.images.map(\.name),
      layout.images.map(\.root.digest) == plan.images.map(\.root.digest),
      Set(layout.omissions.values) == Set(plan.omissions)
    {
      return .upToDate(layout.archiveDigest)
    }
    return request.replacesExisting && existing.allSatisfy(DataFile.isPlain) ? .toReplace : .blocked
  }

  /// The room the archives need and have.
  private func space(
    for archives: [PreparedExport.Archive], blockers: inout [any Error]
  ) throws -> (available: Int64, needed: Int64)? {
    let directory: String
    switch request.output {
    case .stream: return nil
    case .file(let path): directory = parentDirectory(of: path)
    case .directory(let path): directory = existingAncestor(of: path)
    }
    guard FileManager.default.fileExists(atPath: directory) else {
      blockers.append(TransferError.noDirectory(path: directory))
      return nil
    }
    let needed = archives.filter { !$0.isUpToDate }.map(\.writtenSize).saturatingSum()
    do throws(ArchiveError) {
      // What an earlier, unfinished run left is overwritten: its room counts as free.
      let reusable = archives.reduce(Int64(0)) { sum, archive in
        sum + (archive.place?.allocated ?? 0)
      }
      let available = try FreeSpace(at: directory).available + reusable
      if needed > available {
        blockers.append(
          TransferError.notEnoughSpace(path: directory, needed: needed, available: available))
      }
      return (available, needed)
    } catch {
      blockers.append(error)
      return nil
    }
  }

  private func parentDirectory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The nearest directory above `path` that exists; the rest is made when the first archive is written.
  func existingAncestor(of path: String) -> String {
    var path = path
    while path.hasSuffix("/") && path.count > 1 { path.removeLast() }
    while !FileManager.default.fileExists(atPath: path), path != ".", path != "/" {
      path = parentDirectory(of: path)
    }
    return path
  }
}

extension Reference {
  /// The file name of an archive of this image alone: `<repository with / as _>__<tag>.tar`. Never holds a
  /// colon, which several readers take for the start of a tag.
  var archiveName: String {
    let name = String(repository.map { $0 == "/" ? "_" : $0 })
    let suffix = tag ?? digest.map { "sha256-\($0.hex)" } ?? Self.defaultTag
    return "\(name)__\(suffix).tar"
  }
}
