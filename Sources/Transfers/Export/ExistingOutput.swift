import Digests
import Files
import Images
import Layouts
import Tar

/// What is there already where one archive is to be written.
struct ExistingOutput {
  let place: ArchivePlace
  /// Whether what Ferry made and holds something else is to be replaced.
  let replacesExisting: Bool

  /// What is at the place already. An archive of these very images is taken for whole: it has its final name, and
  /// nothing gets that before every byte was proved. Descriptions may have changed since.
  func state(for plan: ArchivePlan) -> PreparedExport.State {
    let existing = place.existing
    guard !existing.isEmpty else { return .toWrite }
    // Some volumes got their names, then the run was killed: that is resumed.
    if let unfinished = UnfinishedArchive.find(place.path), unfinished.isProved,
      unfinished.volumeSize == place.volumeSize, !ArchivePlace.partialVolumes(of: place.path).isEmpty,
      (try? FormerArchive.files(at: place, for: plan))?.isEmpty ?? false
    {
      return .toWrite
    }
    if let input = try? ArchiveInput.written(to: place), let layout = try? Layout.open(input),
      layout.volumes.isEmpty || layout.volumes.map(\.size) == place.sizes(for: layout.totalSize),
      layout.problems.isEmpty, layout.isWrittenByFerry,
      layout.images.map(\.name) == plan.images.map(\.name),
      layout.images.map(\.root.digest) == plan.images.map(\.root.digest),
      Set(layout.omissions.values) == Set(plan.omissions)
    {
      return .upToDate(layout.archiveDigest)
    }
    let isReplaceable = replacesExisting && (try? FormerArchive.files(at: place, for: plan)) != nil
    return isReplaceable ? .toReplace : .blocked
  }

  /// What an archive at the place says that the layers of its converted images hold.
  func layerContents() -> [Digest: Digest] {
    guard !place.existing.isEmpty, let input = try? ArchiveInput.written(to: place),
      let layout = try? Layout.open(input)
    else { return [:] }
    var contents: [Digest: Digest] = [:]
    for image in layout.images where image.convertedFrom != nil {
      guard case .image(let content)? = try? layout.manifest(image.root).content,
        let config = try? layout.bytes(of: content.config, limit: ImageConfig.sizeLimit),
        let diffIDs = try? ImageConfig(bytes: config).rootfs?.diffIDs
      else { continue }
      for (layer, diffID) in zip(content.layers, diffIDs) { contents[layer.digest] = diffID }
    }
    return contents
  }

  /// What to say of something at the place that is not this archive.
  func obstacle(for plan: ArchivePlan) -> any Error {
    let former: [String]
    // All that there may be to say else has a remedy in replacing it.
    do { former = try FormerArchive.files(at: place, for: plan) } catch { return error }
    if let missing = missingImages(of: plan) { return missing }
    let path = former.first ?? place.existing.first ?? place.path
    let outputExists = TransferError.outputExists(path: path)
    let sizes = Dictionary(
      zip(place.paths(for: plan.totalSize), place.sizes(for: plan.totalSize)), uniquingKeysWith: max)
    guard place.volumeSize != nil, let input = try? ArchiveInput.written(to: place),
      input.files.count < sizes.count,
      input.files.allSatisfy({ sizes[$0] == (try? DataFile.open(reading: $0).size()) })
    else { return outputExists }
    // Without the first one it cannot be told, and sizes must do.
    if let layout = try? Layout.open(input), layout.archiveDigest != plan.archiveDigest {
      return outputExists
    }
    let missing = Set(sizes.keys).subtracting(input.files).sorted()
    return TransferError.incompleteOutput(path: place.path, missing: missing)
  }

  /// That what is there is this archive without some images, which an earlier run could not get.
  private func missingImages(of plan: ArchivePlan) -> TransferError? {
    guard let input = try? ArchiveInput.written(to: place), let layout = try? Layout.open(input),
      layout.problems.isEmpty, !layout.missingImages.isEmpty
    else { return nil }
    let wanted = Set(plan.images.map(\.name))
    let images = layout.missingImages.map(\.image).filter(wanted.contains)
    guard !images.isEmpty, wanted.isSuperset(of: layout.images.map(\.name)) else { return nil }
    return .outputMissingImages(path: place.path, images: images)
  }

  /// What keeps single volumes of `plan` from being written beside what is there: volumes that would be
  /// overwritten, a set of another archive, a set that is being written. Throws nothing: it is looked at again
  /// when they are written.
  func blockers(rewriting onlyVolumes: [Int], of plan: ArchivePlan) -> [any Error] {
    if UnfinishedArchive.find(place.path) != nil {
      return [TransferError.unfinishedSet(path: place.path)]
    }
    let names = place.paths(for: plan.totalSize)
    var blockers: [any Error] = []
    do {
      let former = try FormerArchive.files(at: place, for: plan, numbers: onlyVolumes)
      if !replacesExisting { blockers += former.map { LayoutError.exists(path: $0) } }
    } catch {
      blockers.append(error)
    }
    for (number, path) in ArchivePlace.volumes(of: place.path) where !onlyVolumes.contains(number) {
      let size = place.size(of: number, for: plan.totalSize)
      guard let actual = try? DataFile.open(reading: path).size(), actual != size else { continue }
      blockers.append(TransferError.otherVolumes(path: path, expected: size, actual: actual))
      return blockers
    }
    // Volume 1 says of which archive the others are.
    guard !onlyVolumes.contains(1), let first = names.first, DataFile.exists(first) else {
      return blockers
    }
    do {
      let digest = try Layout.open(try ArchiveInput.written(to: place)).archiveDigest
      if digest != plan.archiveDigest {
        blockers.append(
          TransferError.otherArchive(path: first, expected: digest, actual: plan.archiveDigest))
      }
    } catch {
      blockers.append(error)
    }
    return blockers
  }
}
