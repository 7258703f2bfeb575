public import Images
import Synchronization

/// The descriptors of one archive, or one export, each of them in memory once, whoever keeps it: many images list the same
/// layers.
public final class SharedDescriptors: Sendable {
  private struct State {
    var known: Set<Descriptor> = []
    /// Types that many descriptors have, each once, and the bytes of all others.
    var types: [MediaType: MediaType] = [:]
    var typeBytes = 0
  }

  private let state = Mutex(State())

  public init() {}

  /// The most types that are kept once for all who have them.
  private static let mostTypes = 1000
  /// The most that all other types add up to, in bytes.
  static let mostTypeBytes = 16 << 20

  /// How many there are.
  var count: Int { state.withLock { $0.known.count } }

  /// What the types of those that were given add up to where each is in memory by itself, in bytes.
  var typeBytes: Int { state.withLock { $0.typeBytes } }

  /// The type, digest and size of `descriptor`, as those before have them.
  public func shared(_ descriptor: Descriptor) -> Descriptor {
    state.withLock { state in
      let plain = descriptor.plain
      if let index = state.known.firstIndex(of: plain) { return state.known[index] }
      let type = plain.mediaType
      guard let common = state.types[type] else {
        if state.types.count < Self.mostTypes {
          state.types[type] = type
        } else {
          state.typeBytes += type.rawValue.utf8.count
        }
        state.known.insert(plain)
        return plain
      }
      let new = Descriptor(mediaType: common, digest: plain.digest, size: plain.size)
      state.known.insert(new)
      return new
    }
  }
}
