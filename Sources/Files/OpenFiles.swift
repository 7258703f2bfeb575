import Synchronization

/// The files that are open of the many that make up one content, by their numbers: at most ``most``, of which the one that
/// was not used for the longest time is closed for another. A file that is opened again has to be the one it was.
final class OpenFiles: Sendable {
  /// More may be open for a moment: those that are being read while others take their places.
  static let most = 16

  private struct Held {
    let file: DataFile
    var lastUse: UInt64
  }

  private struct State {
    var held: [Int: Held] = [:]
    /// Of all that were ever opened: what they were when they were opened, or closed for another.
    var known: [Int: FileStatus] = [:]
    var uses: UInt64 = 0
  }

  /// Whether the files are written to, and made where they are not there.
  private let areWritten: Bool
  private let state = Mutex(State())

  init(areWritten: Bool) { self.areWritten = areWritten }

  /// The file of that number if it is open.
  func held(_ number: Int) -> DataFile? { state.withLock { Self.held(number, &$0) } }

  private static func held(_ number: Int, _ state: inout State) -> DataFile? {
    state.uses += 1
    state.held[number]?.lastUse = state.uses
    return state.held[number]?.file
  }

  /// The file of that number, which `open` opens when it is not. Throws ``FileError/exchanged(path:)`` when it was open
  /// before and another file has its name now.
  func file(_ number: Int, opening open: () throws(FileError) -> DataFile) throws(FileError) -> DataFile {
    // One alone makes a file. What is only read is opened by whoever needs it: a slow disk keeps nobody else waiting.
    if let file = held(number) { return file }
    var opened: DataFile?
    if !areWritten { opened = try open() }
    return try state.withLock { (state) throws(FileError) in
      if let file = Self.held(number, &state) { return file }
      let file: DataFile
      if let opened { file = opened } else { file = try open() }
      let status = try file.status()
      if let known = state.known[number],
        !Self.isSame(status, as: known, areWritten: areWritten, losesInodes: FileStatus.losesInodes(file))
      {
        throw .exchanged(path: file.path)
      }
      state.known[number] = status
      if state.held.count >= Self.most,
        let oldest = state.held.min(by: { $0.value.lastUse < $1.value.lastUse })
      {
        if areWritten, let last = try? oldest.value.file.status() { state.known[oldest.key] = last }
        state.held[oldest.key] = nil
      }
      state.held[number] = Held(file: file, lastUse: state.uses)
      return file
    }
  }

  /// Whether a file is the one that was `known`. Where inodes are lost its size and, unless it is written to, its age have to
  /// do.
  static func isSame(
    _ status: FileStatus, as known: FileStatus, areWritten: Bool, losesInodes: @autoclosure () -> Bool
  ) -> Bool {
    guard status.device == known.device else { return false }
    if status.inode == known.inode { return true }
    guard losesInodes() else { return false }
    return areWritten
      ? status.size > 0 && status.size >= known.size
      : status.size == known.size && status.modified == known.modified
  }

  /// Closes and forgets the files after a number: others may have their names from now on.
  func forget(after number: Int) {
    state.withLock { state in
      state.held = state.held.filter { $0.key <= number }
      state.known = state.known.filter { $0.key <= number }
    }
  }
}
