/// The copies of a relocation that are made but may not be on the disk yet. A pure value.
///
/// The journal hears of them only when they are: a record that outlived its bytes would lose what lies where
/// they came from. And until it has heard, that must stay.
struct UnsettledSteps {
  private var steps: [BlobMove.Step] = []

  /// How many bytes are settled at once, but for the last step: none stops that, nor Ctrl-C.
  private static let most: Int64 = 32 << 20
  /// How many steps are settled at once: each new one is held against all.
  private static let mostSteps = 4096
  /// Of all steps, in bytes.
  private var size: Int64 = 0

  /// What the journal is to be told once the bytes are on the disk, in order.
  var records: [JournalRecord] { steps.map(\.record) }

  /// Whether all must be settled before `step` is made.
  func isDue(before step: BlobMove.Step) -> Bool {
    size >= Self.most || steps.count >= Self.mostSteps
      || steps.contains { $0.from < step.to + step.count && step.to < $0.from + $0.count }
  }

  mutating func add(_ step: BlobMove.Step) {
    steps.append(step)
    size += step.count
  }

  mutating func removeAll() {
    steps.removeAll()
    size = 0
  }
}
