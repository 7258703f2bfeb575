import Archives

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

  /// How an archive with `plan` would go on from it, with room for every detour.
  public func continuation(as plan: ArchivePlan) -> ArchiveContinuation {
    ArchiveContinuation(of: plan, from: state, fileSize: size, room: .max)
  }
}

extension UnfinishedArchive {
  /// The archive whose unfinished file, or one of whose unfinished volumes, is called `path`; nil for any other name.
  static func archive(ofPartial path: String) -> String? {
    let ending = ArchiveWriter.partialPath(of: "")
    guard path.hasSuffix(ending) else { return nil }
    let name = String(path.dropLast(ending.count))
    return VolumeName(name)?.base ?? name
  }

  /// Refuses to read what an export that was broken off left: what of it is there looks whole, for all but the
  /// layers was written first. `path` may be a link to it, or the name that it is to have in the end. Throws
  /// ``LayoutError/unfinished(path:images:)``.
  public static func refuse(_ path: String) throws(LayoutError) {
    for name in [path, DirectoryListing.canonical(path) ?? path] {
      guard let archive = archive(ofPartial: name) else { continue }
      throw .unfinished(path: path, images: ArchiveWriter.unfinished(archive)?.images.map(\.name) ?? [])
    }
    guard !DataFile.exists(path) else { return }
    let partial = ArchiveWriter.partialPath(of: path)
    guard let found = DataFile.exists(partial) ? partial : ArchivePlace.partialVolumes(of: path).first?.path
    else {
      return
    }
    throw .unfinished(path: found, images: ArchiveWriter.unfinished(path)?.images.map(\.name) ?? [])
  }
}
