import Digests
import Images
import Synchronization

/// One blob's progress, told to the observer. Ends when it goes out of scope, however that comes about.
struct TransferMeter: ~Copyable, Sendable {
  private static let lastID = Atomic<Int>(0)

  private let id: Int
  private let observer: any TransferObserver

  init(_ blob: Descriptor, observer: any TransferObserver) {
    id = Self.lastID.wrappingAdd(1, ordering: .relaxed).newValue
    self.observer = observer
    observer.began(id, blob)
  }

  deinit { observer.ended(id) }

  /// A plain function to hand to whatever moves the bytes.
  var advance: @Sendable (Int64) -> Void {
    let (id, observer) = (id, observer)
    return { observer.advanced(id, to: $0) }
  }
}
