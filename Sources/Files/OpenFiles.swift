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
    /// Of all that were ever opened.
    var identities: [Int: FileIdentity] = [:]
    var uses: UInt64 = 0
  }

  private let state = Mutex(State())

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
    try state.withLock { (state) throws(FileError) in
      if let file = Self.held(number, &state) { return file }
      let file = try open()
      let identity = FileIdentity(try file.status())
      guard state.identities[number, default: identity] == identity else { throw .exchanged(path: file.path) }
      state.identities[number] = identity
      if state.held.count >= Self.most,
        let oldest = state.held.min(by: { $0.value.lastUse < $1.value.lastUse })
      {
        state.held[oldest.key] = nil
      }
      state.held[number] = Held(file: file, lastUse: state.uses)
      return file
    }
  }

  /// Closes and forgets the files after a number: others may have their names from now on.
  func forget(after number: Int) {
    state.withLock { state in
      state.held = state.held.filter { $0.key <= number }
      state.identities = state.identities.filter { $0.key <= number }
    }
  }
}
