/// Random numbers that are the same on every run: a failure can be repeated.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  // SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
  }

  /// The next `count` bytes.
  public mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
  }

  /// `bytes` after one to `edits` random changes: replaced, removed, doubled or inserted pieces.
  public mutating func mutate(_ bytes: [UInt8], edits: Int = 4) -> [UInt8] {
    var changed = bytes
    for _ in 0..<Int.random(in: 1...edits, using: &self) {
      let start = Int.random(in: 0...changed.count, using: &self)
      let end = Int.random(in: start...min(changed.count, start + 12), using: &self)
      switch Int.random(in: 0..<4, using: &self) {
      case 0 where start < changed.count: changed[start] = UInt8.random(in: 0...255, using: &self)
      case 1: changed.removeSubrange(start..<end)
      case 2: changed.insert(contentsOf: changed[start..<end], at: start)
      default:
        changed.insert(
          contentsOf: Array(#"{}[]":,0-9eE.\u00"#.utf8).shuffled(using: &self).prefix(3), at: start)
      }
    }
    return changed
  }
}
