/// A progress state as lines of text.
enum ProgressLines {
  /// One line for each running transfer and one for the total, none wider than `width` columns.
  static func bars(_ state: ProgressState, width: Int) -> [Wording] {
    let running = state.running.sorted { $0.key < $1.key }.map(\.value)
    var lines = running.prefix(16).map { transfer in
      bar(
        label: "\(transfer.name)", done: transfer.position, size: transfer.size,
        tail: "\(Amounts.bytes(transfer.position)) of \(Amounts.bytes(transfer.size))", width: width)
    }
    lines.append(clip(total(state), to: width))
    return lines
  }

  /// `1.2 GiB of 40.0 GiB (3 %), 110.0 MiB/s, 6 min left`
  static func total(_ state: ProgressState) -> Wording {
    var text: Wording =
      "\(Amounts.bytes(state.done)) of \(Amounts.bytes(state.expected)) (\(state.percent) %)"
    if let rate = state.rate { text += ", \(Amounts.bytes(Int64(rate)))/s" }
    if let left = state.secondsLeft { text += ", \(Amounts.duration(seconds: left)) left" }
    return text
  }

  private static func bar(label: Wording, done: Int64, size: Int64, tail: Wording, width: Int) -> Wording {
    let room = width - label.width - tail.width - 5
    guard room >= 8 else { return clip("\(label) \(tail)", to: width) }
    let share = size > 0 ? min(1, Double(done) / Double(size)) : 1
    let filled = Int(Double(room) * share)
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: room - filled)
    return "\(label) [\(bar)] \(tail)"
  }

  private static func clip(_ text: Wording, to width: Int) -> Wording {
    text.width < width ? text : text.prefix(max(1, width - 1))
  }
}
