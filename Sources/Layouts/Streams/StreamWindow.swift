/// The last bytes of a blob that passes by, so that what was read last can be read again.
struct StreamWindow: Sendable {
  /// The most that is held, in bytes: what an upload may have to send again after a cut line.
  static let size = 16 << 20

  /// A ring: the byte at an offset in the blob stands at that offset modulo the ring's size.
  private var ring: [UInt8] = []
  /// Where in the blob what is held begins and ends.
  private(set) var start: Int64 = 0
  private(set) var end: Int64 = 0

  /// Forgets all, for a blob of `size` bytes.
  mutating func restart(for size: Int64) {
    let needed = Int(min(size, Int64(Self.size)))
    if ring.count < needed { ring = [UInt8](repeating: 0, count: needed) }
    start = 0
    end = 0
  }

  /// Takes the next bytes of the blob, at most as many as it holds.
  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    var rest = unsafe bytes[...]
    while unsafe !rest.isEmpty {
      let place = Int(end % Int64(ring.count))
      let count = unsafe min(rest.count, ring.count - place)
      unsafe ring.withUnsafeMutableBytes { ring in
        unsafe UnsafeMutableRawBufferPointer(rebasing: ring[place..<(place + count)]).copyBytes(
          from: rest.prefix(count))
      }
      end += Int64(count)
      unsafe rest = rest.dropFirst(count)
    }
    start = max(start, end - Int64(ring.count))
  }

  /// Copies what is held from `offset` on, which lies in the window; not necessarily all.
  func copy(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int {
    let place = Int(offset % Int64(ring.count))
    let count = min(buffer.count, Int(end - offset), ring.count - place)
    unsafe buffer.copyBytes(from: ring[place..<(place + count)])
    return count
  }
}
