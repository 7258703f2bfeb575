public import Files
import Tar

/// What lies under the names of an archive that is to be written. It gives way only where Ferry made it, as can be seen in it:
/// its user may have something else there that is nowhere else. Damaged archives, and sets of which volumes are missing, are
/// known by what is left of them.
public enum FormerArchive {
  /// The files that an archive of `plan` takes the place of; with `numbers` those of these volumes alone. Those that got their
  /// names from a run which was killed meanwhile are not among them: it goes on there. Throws `FileError`'s `foreign` for the
  /// first that Ferry did not make. Blocks.
  public static func files(
    at place: ArchivePlace, for plan: ArchivePlan, numbers: [Int]? = nil
  ) throws(LayoutError) -> [String] {
    var files = place.existing
    guard !files.isEmpty else { return [] }
    if let numbers {
      let names = place.paths(for: plan.totalSize)
      let wanted = Set(numbers.filter { names.indices.contains($0 - 1) }.map { names[$0 - 1] })
      files.removeAll { !wanted.contains($0) }
    } else {
      let published = published(at: place)
      files.removeAll(where: published.contains)
    }
    if let other = files.first(where: { !DataFile.isPlain($0) }) {
      throw .archive(.foreign(path: other, .kind))
    }
    guard !files.isEmpty else { return [] }
    let own =
      place.volumeSize == nil
      ? try isArchive(place.path) ? Set(files) : []
      : try volumes(ArchivePlace.volumes(of: place.path), at: place, of: plan)
    if let other = files.first(where: { !own.contains($0) }) {
      throw .archive(.foreign(path: other, .content))
    }
    return files
  }

  /// Refuses what cannot give way at the plain file `path`, before it is known what is to be there. Throws `FileError`'s
  /// `foreign`. Blocks.
  public static func check(_ path: String) throws(LayoutError) {
    if isMarked(path) { return }
    guard try isArchive(path) else { throw .archive(.foreign(path: path, .content)) }
  }

  /// Whether it is one, damaged or not, or nothing yet, as what mktemp makes. One that was changed on purpose holds what Ferry
  /// did not write.
  private static func isArchive(_ path: String) throws(LayoutError) -> Bool {
    if let file = try? DataFile.open(reading: path, following: false), file.isEmpty { return true }
    let layout: Layout
    do throws(LayoutError) { layout = try Layout.open(path) } catch {
      if error == .cancelled { throw error }
      return isMarked(path)
    }
    guard layout.isWrittenByFerry, !(layout.problems + layout.remarks).contains(where: \.isAddition) else {
      return false
    }
    // Another tool may have packed it again, and something else into it.
    return layout.problems.isEmpty || isMarked(path)
  }

  /// Whether a file begins as every archive of Ferry's, which needs no more than that: what comes second in it is
  /// `index.json`, and says first of all whose it is.
  static func isMarked(_ path: String) -> Bool {
    let size = Int64(LayoutFile.bytes.count)
    let offset = 2 * TarHeader.blockSize + size + Int64(TarHeader.padding(after: size))
    let mark = Array(#"{"annotations":{"\#(IndexFile.ferryFileAnnotation)":"#.utf8)
    guard let file = try? DataFile.open(reading: path, following: false) else { return false }
    return (try? file.read(mark.count, at: offset)) == mark
  }

  /// Those of the `found` files that are volumes of an archive of Ferry's: of the one that the first of them begins, or
  /// without that one of `plan`.
  static func volumes(
    _ found: [(number: Int, path: String)], at place: ArchivePlace, of plan: ArchivePlan?
  ) throws(LayoutError) -> Set<String> {
    var own: Set<String> = []
    // Those of one set have numbers of one length.
    let sets = Dictionary(grouping: found.filter { DataFile.isPlain($0.path) }) {
      VolumeName($0.path)?.digits
    }
    for set in sets.values {
      var volumes: [Int: ArchiveInput.FoundVolume] = [:]
      for (number, path) in set { volumes[number] = try .measure(path) }
      for number in try numbers(of: volumes, at: place, of: plan) {
        if let volume = volumes[number] { own.insert(volume.path) }
      }
    }
    return own
  }

  private static func numbers(
    of found: [Int: ArchiveInput.FoundVolume], at place: ArchivePlace, of plan: ArchivePlan?
  ) throws(LayoutError) -> Set<Int> {
    let wanted = place.volumeSize ?? 0
    guard let first = found[1] else { return try numbers(of: found, at: place, wanted, plan) }
    guard isMarked(first.path) else { return [] }
    var known: Set<Int>?
    // All but the last are as large as the first, unless that was cut short: then most likely as large as asked for.
    for size in [first.size, wanted] {
      guard let former = try self.plan(of: VolumeSet(place.path, found, volumeSize: size)) else { continue }
      known = try numbers(of: found, at: place, size, former).union(known ?? [])
      if let known, known.count > 1 || found.count == 1 { return known }
    }
    if let known { return known }
    // Nobody knows any more what it was, but that it was Ferry's.
    return try numbers(of: found, at: place, wanted, plan).union([1])
  }

  /// Those that are volumes of an archive of `plan`, each of `size` bytes.
  private static func numbers(
    of found: [Int: ArchiveInput.FoundVolume], at place: ArchivePlace, _ size: Int64, _ plan: ArchivePlan?
  ) throws(LayoutError) -> Set<Int> {
    guard let plan, (1...VolumeName.largestSize).contains(size) else { return [] }
    let set = VolumeSet(place.path, found, volumeSize: size, totalSize: plan.totalSize)
    return set.canHold(plan.totalSize) ? try VolumeCheck(plan: plan, set: set).own() : []
  }

  /// The plan of the archive that is there in volumes; nil where that cannot be told.
  private static func plan(of set: VolumeSet) throws(LayoutError) -> ArchivePlan? {
    guard (1...VolumeName.largestSize).contains(set.volumeSize) else { return nil }
    do throws(LayoutError) {
      let source = try LayoutSource.open(tar: set.content(), memoryLimit: Decompressor.usualMemory)
      return try LayoutCheck.examine(LayoutFront.read(source)).plan
    } catch {
      if error == .cancelled { throw error }
      return nil
    }
  }

  /// The volumes that a run gave their names which was killed before all had theirs.
  private static func published(at place: ArchivePlace) -> Set<String> {
    guard place.volumeSize != nil, let state = ArchiveJournal.state(of: place.path),
      state.volumeSize == place.volumeSize, let count = state.publishing
    else { return [] }
    return Set(place.named(of: count).map(\.path))
  }
}
