import Transfers

/// Everything that stands in the way of a transfer, shown at once.
struct Obstacles {
  let failures: [ImageFailure]
  let blockers: [any Error]

  /// Prints each obstacle; the status that a run would end with, nil when the way is clear.
  func show(on console: Console) -> ExitStatus? {
    let texts =
      blockers.map(ErrorText.init)
      + (failures.isEmpty
        ? [] : [ErrorText(TransferError.imagesFailed(failures, total: failures.count))])
    for text in texts { console.complain(text.lines) }
    return texts.first?.status
  }
}
