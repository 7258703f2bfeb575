/// How many names are looked at: a registry may list millions, and a hint is not worth minutes.
private let mostCandidates = 50_000

/// The names of `all` that someone who wrote `name` may have meant, nearest first.
func nearNames(to name: String, among all: some Sequence<String>, limit: Int = 3) -> [String] {
  let wanted = Array(name.utf8)
  let most = max(2, wanted.count / 3)
  return
    all.prefix(mostCandidates)
    // A registry may list what it says that it does not have.
    .filter { $0 != name }
    .filter { abs($0.utf8.count - wanted.count) <= most || $0.contains(name) }
    .map { (candidate: $0, distance: editDistance(wanted, Array($0.utf8))) }
    .filter { $0.distance <= most || $0.candidate.contains(name) }
    .sorted { ($0.distance, $0.candidate) < ($1.distance, $1.candidate) }
    .prefix(limit)
    .map(\.candidate)
}

/// How many insertions, deletions and changes of one byte lead from `left` to `right` (Levenshtein).
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
  var row = Array(0...right.count)
  for (i, a) in left.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, b) in right.enumerated() {
      let best = min(row[j] + 1, row[j + 1] + 1, diagonal + (a == b ? 0 : 1))
      diagonal = row[j + 1]
      row[j + 1] = best
    }
  }
  return row[right.count]
}
