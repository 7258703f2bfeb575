internal import Synchronization

/// The idle handles of a client. The one used last is given first: its connections are the freshest.
final class HandlePool: Sendable {
  private let idle = Mutex<[TransferHandle]>([])

  /// A handle for the calling thread alone, until it is given back.
  func take() throws(TransportError) -> TransferHandle {
    if let handle = idle.withLock({ $0.popLast() }) { return handle }
    guard let handle = TransferHandle() else {
      throw .other(url: "", code: 2, reason: "libcurl could not be initialised")
    }
    return handle
  }

  func give(_ handle: TransferHandle) {
    idle.withLock { $0.append(handle) }
  }
}
