import Digests
import Images
import Layouts
import Transfers

/// An import's plan and outcome, for people.
struct ImportText {
  private let console: Console

  init(_ console: Console) {
    self.console = console
  }

  /// What `--dry-run` shows: the whole old → new table.
  func plan(_ prepared: PreparedImport) {
    var table = Table([.left, .left, .left, .right, .left])
    for image in prepared.images {
      table.add(
        "\(image.source)", "→", "\(image.target)", Amounts.bytes(image.tree.size), words(for: image))
    }
    for line in table.lines() { console.result(line) }
    var total: Wording =
      "\(Self.count(prepared.images)), \(Amounts.bytes(prepared.totalSize)); "
      + "\(Amounts.bytes(prepared.uniqueSize)) unique in those to push"
    if let present = prepared.presentSize { total += ", of which \(Amounts.bytes(present)) there already" }
    console.result(total)
    for line in OmissionText.lines(prepared.leftOut) { console.result(line) }
    // Whoever reads a plan must not take it for a proof of what it did not read.
    guard prepared.hasContent, !prepared.isReadThrough else { return }
    console.result(
      prepared.isStreamed
        ? "configs and layers were not read: 'ferry verify' proves them"
        : "layers were not read: 'ferry verify' proves them")
  }

  private static func count(_ images: [ImportImage]) -> Wording {
    let referrers = images.count { $0.referral != nil }
    return Amounts.images(images.count - referrers, referrers)
  }

  private func words(for image: ImportImage) -> Wording {
    switch image.state {
    case .new: "new"
    case .identical: "there already"
    case .partsMissing: "there, \(image.missing) of its parts missing"
    case .trusted: "there by its tag"
    case .replaces(let digest): "moves from \(digest.short)"
    case .replacesUnseen: "moves from what is not shown"
    case .taken(let digest): "taken by \(digest.short)"
    case .skipped(let digest): "skipped, it is \(digest.short)"
    case .skippedWithSubject: "skipped with its image"
    case .included: "there already, with others"
    case .extends(let digest): "adds to \(digest.short)"
    case .incomplete: "not whole"
    case .unknown: "cannot tell"
    case .refused: "refused"
    }
  }

  /// Prints all that stands in the way; the status that a run would end with, or 4 when tags would move or images be skipped.
  func verdict(on prepared: PreparedImport, keepsGoing: Bool) -> ExitStatus {
    let obstacles = Obstacles(
      failures: prepared.failures, blockers: prepared.blockers,
      total: prepared.images.count, keepsGoing: keepsGoing)
    if let status = obstacles.show(on: console) { return status }
    for failure in prepared.incomplete {
      console.complain("  \(failure.image): \(ErrorText(failure.error).summary)")
    }
    guard prepared.incomplete.isEmpty else { return .someFailed }
    let moves = prepared.images.contains { image in
      image.isToPush && (image.state.present != nil || image.state == .replacesUnseen)
    }
    return moves || prepared.images.contains(where: \.isSkipped) ? .differences : .done
  }

  /// What a finished run shows: every image with its new name and the digest read back.
  func summary(of result: ImportResult) {
    let pushed = Set(result.pushed.map(\.name))
    let listed = console.showsResultsWithNotes ? [] : result.prepared.images
    // Several names of one image may have become one.
    var shown: Set<Reference> = []
    for image in listed
    where (pushed.contains(image.name) || image.isThere) && shown.insert(image.target).inserted {
      console.result("\(image.target)  \(image.digest)")
    }
    let there = result.prepared.images.filter(\.isThere)
    let trusted = there.filter { $0.state == .trusted }
    let identical = there.filter { $0.state != .trusted }
    let completed = result.pushed.filter { $0.missing > 0 }
    var parts: [Wording] = []
    if !result.pushed.isEmpty {
      parts.append(
        "\(Self.count(result.pushed)) pushed and read back"
          + (completed.isEmpty
            ? ""
            : " (\(Self.count(completed)) of these had lost \(Amounts.count(completed.map(\.missing).saturatingSum(), "part")))")
      )
    }
    if !identical.isEmpty { parts.append("\(Self.count(identical)) there already") }
    if !trusted.isEmpty { parts.append("\(Self.count(trusted)) there by tag alone (--trust-tags)") }
    if !result.skipped.isEmpty { parts.append("\(Self.count(result.skipped)) skipped") }
    let unfinished = result.failures.count {
      if case LayoutError.unfinished = $0.error { true } else { false }
    }
    let others = Set(result.prepared.passedOver.unread.map(\.path))
    let unread = result.failures.count { others.contains($0.image) }
    let failed = result.failures.count - unfinished - unread
    if failed > 0 { parts.append("\(Amounts.count(failed, "image")) failed") }
    if unfinished > 0 { parts.append("\(Amounts.count(unfinished, "unfinished export")) not read") }
    if unread > 0 { parts.append("\(Amounts.count(unread, "place")) not looked into") }
    if parts.isEmpty { parts.append("nothing to do") }
    let sizes = [result.uploadedSize, result.mountedSize, result.presentSize]
    var amounts: Wording = ""
    if sizes.contains(where: { $0 > 0 }) {
      amounts =
        "; \(Amounts.bytes(sizes[0])) uploaded, \(Amounts.bytes(sizes[1])) mounted, "
        + "\(Amounts.bytes(sizes[2])) found in place"
    }
    console.say(parts.joined(separator: ", ") + amounts)
    let pushedNames = Set(result.pushed.map(\.source) + identical.map(\.source))
    let leftOut = result.prepared.leftOut.filter { !pushedNames.isDisjoint(with: $0.images) }
    // What the destination lacks is told however quiet.
    for line in OmissionText.lines(leftOut.filter { !$0.isThere }) { console.complain(line) }
    for line in OmissionText.lines(leftOut.filter(\.isThere)) { console.say(line) }
  }
}
