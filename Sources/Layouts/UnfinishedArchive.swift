/// An archive that an earlier run began, as its journal describes it.
public struct UnfinishedArchive: Hashable, Sendable {
  /// Where its bytes are.
  public let partial: String
  let size: Int64
  let state: JournalState

  /// The images it is to hold.
  public var images: [JournalImage] { state.images }

  /// How an archive with `plan` would go on from it, with room for every detour.
  public func continuation(as plan: ArchivePlan) -> ArchiveContinuation {
    ArchiveContinuation(of: plan, from: state, fileSize: size, room: .max)
  }
}
