/// The copies of a relocation that are made but may not be on the disk yet. A pure value.
///
/// The journal hears of them only when they are: a record that outlived its bytes would lose what lies where
/// they came from. And until it has heard, that must stay.
struct UnsettledSteps {
  private var steps: [BlobMove.Step] = []

  /// How many bytes are settled at once, but for the last step: none stops that, nor Ctrl-C.
  private static let most: Int64 = 32 << 20

  /// What the journal is to be told once the bytes are on the disk, in order.
  var records: [JournalRecord] { steps.map(\.record) }

  /// Whether all must be settled before `step` is made.
  func isDue(before step: BlobMove.Step) -> Bool {
    steps.reduce(0) { $0 + $1.count } >= Self.most
      || steps.contains { $0.from < step.to + step.count && step.to < $0.from + $0.count }
  }

  mutating func add(_ step: BlobMove.Step) { steps.append(step) }

  mutating func removeAll() { steps.removeAll() }
}
