import Digests

/// Bytes of a blob that have to lie elsewhere in the file.
struct BlobMove: Hashable, Sendable {
  let blob: Digest
  /// The blob's byte that they begin with.
  let first: Int64
  let count: Int64
  var from: Int64
  let to: Int64

  /// One copy between places that do not overlap.
  struct Step: Hashable, Sendable {
    let from: Int64
    let to: Int64
    let count: Int64
    /// What the journal is told afterwards.
    let record: JournalRecord
  }

  /// How much is copied at once, in bytes.
  static let stepSize: Int64 = 4 << 20
  /// The same by way of the scratch, where the disk is waited for after each of the two copies.
  static let detourSize: Int64 = 32 << 20
  /// Bytes that move less far go by way of the scratch: in steps as short as the way they would take for
  /// ever.
  static let shortestWay: Int64 = 1 << 20

  /// Hands out the copies that make this move, in order. Whenever it is broken off, every byte lies where the
  /// journal says. `scratch` is a free place for `detourSize` bytes.
  func forEachStep<Failure: Error>(
    scratch: Int64, stepSize: Int64 = stepSize, detourSize: Int64 = detourSize,
    shortestWay: Int64 = shortestWay,
    _ body: (Step) throws(Failure) -> Void
  ) throws(Failure) {
    let way = abs(to - from)
    let isDetour = way < min(count, shortestWay)
    let size = isDetour ? detourSize : min(stepSize, way)
    var done: Int64 = 0
    while done < count {
      let length = min(size, count - done)
      // Towards the file's front the front goes first, towards its end the end.
      let start = to < from ? done : count - done - length
      if isDetour {
        try body(step(start, length, from: from + start, to: scratch))
        try body(step(start, length, from: scratch, to: to + start))
      } else {
        try body(step(start, length, from: from + start, to: to + start))
      }
      done += length
    }
  }

  private func step(_ start: Int64, _ length: Int64, from: Int64, to: Int64) -> Step {
    Step(
      from: from, to: to, count: length,
      record: .moved(blob, first: first + start, count: length, offset: to))
  }
}
