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
