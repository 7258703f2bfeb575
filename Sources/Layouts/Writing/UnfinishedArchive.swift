public import Digests
import Files

/// An archive that an earlier run began, as its journal describes it.
public struct UnfinishedArchive: Hashable, Sendable {
  /// Where its bytes are.
  public let partial: String
  let size: Int64
  let state: JournalState

  /// Of the volumes it is cut into, in bytes; nil when it is one file.
  public var volumeSize: Int64? { state.volumeSize }

  /// Whether it was proved, and was getting its names when it was broken off.
  public var isProved: Bool { state.publishing != nil }

  /// The images it is to hold.
  public var images: [JournalImage] { state.images }

  /// How an archive with `plan` would be resumed from it, with room for every detour.
  public func continuation(as plan: ArchivePlan) -> ArchiveContinuation {
    ArchiveContinuation(of: plan, from: state, fileSize: size, room: .max)
  }

  /// What an earlier run left where the archive `path` is to be; nil when that is nothing that can be
  /// resumed.
  public static func find(_ path: String) -> UnfinishedArchive? {
    guard let state = ArchiveJournal.state(of: path) else { return nil }
    let place = ArchivePlace(path, volumeSize: state.volumeSize)
    let size = place.unfinishedSize(publishing: state.publishing)
    guard size > 0 else { return nil }
    return UnfinishedArchive(partial: place.partialPath(of: 1), size: size, state: state)
  }

  /// Removes what other runs left beside the finished archive `digest` at `path`, whose `plan` tells how many volumes they may
  /// have made: one that was killed after its last step, or that wrote the same archive at the same time and came too late.
  public static func removeLeftovers(of path: String, digest: Digest? = nil, plan: ArchivePlan? = nil) {
    // Locked first: what is there may be another run's, which has only begun.
    guard DataFile.exists(ArchiveJournal.path(of: path)), let journal = try? ArchiveJournal.open(of: path)
    else {
      return
    }
    let state = try? journal.read()
    let place = ArchivePlace(path, volumeSize: state?.volumeSize)
    if let digest, state?.archive == digest,
      (try? PartialArchive.check(place, of: plan, journal: journal.found, replacing: false)) != nil
    {
      place.removeUnfinished()
    }
    guard !DataFile.exists(partialPath(of: path)), ArchivePlace.partialVolumes(of: path).isEmpty else {
      return journal.removeIfNew()
    }
    journal.remove()
  }

  /// Where an archive in one file is until all of it is proved.
  static func partialPath(of path: String) -> String { ArchivePlace(path).partialPath(of: 1) }

  /// The archive whose unfinished file, or one of whose unfinished volumes, is called `path`; nil for any other name.
  static func archive(ofPartial path: String) -> String? {
    let ending = partialPath(of: "")
    guard path.hasSuffix(ending) else { return nil }
    return volume(ofPartial: path)?.base ?? String(path.dropLast(ending.count))
  }

  /// The volume whose unfinished file is called `path`; nil for any other name.
  static func volume(ofPartial path: String) -> VolumeName? {
    let ending = partialPath(of: "")
    return path.hasSuffix(ending) ? VolumeName(String(path.dropLast(ending.count))) : nil
  }

  /// Refuses a set of which a volume, the one that is to be at `volume`, is not finished. Throws
  /// ``LayoutError/unfinished(path:images:)``.
  static func refuse(missing volume: String, of archive: String) throws(LayoutError) {
    let partial = partialPath(of: volume)
    guard DataFile.exists(partial) else { return }
    throw .unfinished(path: partial, images: find(archive)?.images.map(\.name) ?? [])
  }

  /// Refuses to read what an export that was broken off left: what of it is there looks whole, for all but the
  /// layers was written first. `path` may be a link to it, what somebody compressed it to, or the name that it is to have in the end.
  /// Throws ``LayoutError/unfinished(path:images:)``.
  public static func refuse(_ path: String) throws(LayoutError) {
    for name in [path, DirectoryListing.canonical(path) ?? path] {
      guard let archive = archive(ofPartial: ArchiveLooks.uncompressed(name)) else { continue }
      throw .unfinished(path: path, images: find(archive)?.images.map(\.name) ?? [])
    }
    guard !DataFile.exists(path) else { return }
    let partial = partialPath(of: path)
    guard let found = DataFile.exists(partial) ? partial : ArchivePlace.partialVolumes(of: path).first?.path
    else {
      return
    }
    throw .unfinished(path: found, images: find(path)?.images.map(\.name) ?? [])
  }
}
