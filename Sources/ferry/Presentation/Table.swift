/// Columns of text, aligned.
struct Table {
  enum Alignment {
    case left
    case right
  }

  private var rows: [[Wording]] = []
  private let alignments: [Alignment]

  init(_ alignments: [Alignment]) {
    self.alignments = alignments
  }

  mutating func add(_ cells: Wording...) {
    rows.append(cells)
  }

  /// The rows as lines, each behind `indent`, without trailing blanks.
  func lines(indent: Wording = "") -> [Wording] {
    var widths = alignments.map { _ in 0 }
    for row in rows {
      for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.width) }
    }
    return rows.map { row in
      var line = indent
      for (column, cell) in row.enumerated() {
        let padding: Wording = "\(String(repeating: " ", count: widths[column] - cell.width))"
        line += (column > 0 ? "  " : "") + (alignments[column] == .right ? padding + cell : cell + padding)
      }
      return line.withoutTrailingBlanks()
    }
  }
}
