import Digests
import Layouts
import Images
import Transfers

/// An export's plan and outcome, for people.
struct ExportText {
  private let console: Console

  init(_ console: Console) {
    self.console = console
  }

  /// What `--dry-run` shows.
  func plan(_ prepared: PreparedExport) {
    var table = Table([.left, .right, .left])
    for image in prepared.images {
      table.add(
        image.reference.description, Amounts.bytes(image.tree.size), image.tree.root.digest.description)
    }
    for line in table.lines() { console.result(line) }
    var archives = Table([.left, .right, .left, .left])
    for archive in prepared.archives {
      archives.add(
        archive.path ?? "standard output", Amounts.bytes(archive.plan.totalSize),
        state(of: archive), archive.plan.archiveDigest.description)
    }
    for line in archives.lines(indent: "→ ") { console.result(line) }
    console.result(
      "\(Amounts.count(prepared.images.count, "image")), \(Amounts.bytes(prepared.totalSize)), "
        + "of which \(Amounts.bytes(prepared.uniqueSize)) unique")
    if let space = prepared.space {
      console.result(
        "needs \(Amounts.bytes(space.needed)) on disk, \(Amounts.bytes(space.available)) free")
    }
  }

  private func state(of archive: PreparedExport.Archive) -> String {
    switch archive.state {
    case .toWrite: "to write"
    case .upToDate: "there already"
    case .blocked: "in the way"
    case .toReplace: "to replace"
    }
  }

  /// Prints all that stands in the way; the status that a run would end with.
  func verdict(on prepared: PreparedExport) throws -> ExitStatus {
    let status = Obstacles(failures: prepared.failures, blockers: prepared.blockers).show(on: console)
    if let status { return status }
    return prepared.archives.contains { $0.isToReplace } ? .differences : .done
  }

  /// What a finished run shows.
  func summary(of result: ExportResult) {
    let listed = console.showsResultsWithNotes ? [] : result.prepared.archives
    for archive in listed where result.finished.contains(archive.path) {
      console.result("\(archive.path ?? "-")  \(archive.plan.archiveDigest)")
    }
    let written = result.prepared.images.count - (result.failures.count - result.prepared.failures.count)
    var text =
      "\(Amounts.count(written, "image")) exported and proved, "
      + "\(Amounts.bytes(result.prepared.uniqueSize))"
    if !result.failures.isEmpty { text += "; \(Amounts.count(result.failures.count, "image")) failed" }
    console.say(text)
  }
}

extension PreparedExport.Archive {
  fileprivate var isToReplace: Bool {
    if case .toReplace = state { true } else { false }
  }
}
