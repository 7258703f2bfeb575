import Transfers

/// Everything that stands in the way of a transfer, shown at once.
struct Obstacles {
  let failures: [ImageFailure]
  let blockers: [any Error]
  /// Of how many images.
  let total: Int
  /// Whether images that fail do not stop the others.
  let keepsGoing: Bool

  /// Prints each obstacle; the status that a run ends with, nil when the way is clear.
  func show(on console: Console) -> ExitStatus? {
    let texts =
      blockers.map(ErrorText.init)
      + (failures.isEmpty
        ? [] : [ErrorText(TransferError.imagesFailed(failures, total: total))])
    for text in texts { console.complain(text.lines) }
    return blockers.isEmpty && keepsGoing && !failures.isEmpty ? .someFailed : texts.first?.status
  }
}
