import Synchronization

/// What uploads have taught about a registry, for the rest of the run.
final class UploadHabits: Sendable {
  /// Ways to send a blob's bytes.
  enum Way: Hashable {
    /// All of them in the closing PUT.
    case whole
    /// By PATCH, in one or more chunks; the closing PUT is empty.
    case chunks

    var other: Self { self == .whole ? .chunks : .whole }
  }

  private struct State {
    var refused: Set<Way> = []
    var chunk: ChunkSize
  }

  private let wholeLimit: Int64
  private let state: Mutex<State>

  init(_ sizes: UploadSizes) {
    wholeLimit = sizes.wholeLimit
    state = Mutex(State(chunk: ChunkSize(sizes)))
  }

  /// The way for a blob of `size` bytes, of which so many as `reach` can be sent again; nil for all.
  func way(forSize size: Int64, reach: Int64?) -> Way {
    let wanted = size > min(wholeLimit, reach ?? .max) ? Way.chunks : .whole
    return state.withLock { $0.refused.contains(wanted) ? wanted.other : wanted }
  }

  /// The registry refuses `way`, and took a blob the other way.
  func noteRefusal(of way: Way) {
    state.withLock { state in
      state.refused = [way]
    }
  }

  var chunk: ChunkSize { state.withLock { $0.chunk } }

  func learn(_ chunk: ChunkSize) { state.withLock { $0.chunk.adopt(chunk) } }
}
