import Digests
import Images
import Transfers

extension ReportPage {
  /// The page of an import, or, without a result, of the plan of one.
  init(_ prepared: PreparedImport, result: ImportResult?) {
    var sharing = BlobSharing()
    for image in prepared.images { sharing.add(image.tree.parts, of: image.target.repositoryName) }
    let report = result.map { ImportReport($0) } ?? ImportReport(planned: prepared)
    let rows = zip(prepared.images, report.images).map { image, entry in
      Row(
        name: image.source, target: "\(entry.target)", digest: entry.digest, bytes: entry.bytes,
        ownBytes: sharing.ownBytes(of: image.tree.parts), state: entry.state, tone: Self.tone(of: entry.state)
      )
    }
    let failures = result?.failures ?? prepared.failures
    let referrers = prepared.images.count { $0.referral != nil }
    let what = Amounts.images(rows.count - referrers, referrers)
    let blockers = prepared.blockers.map { Remark(text: Self.words(for: $0), tone: .bad) }
    let isWhole = failures.isEmpty && blockers.isEmpty
    let isTrusting = prepared.images.contains { $0.state == .trusted }
    let done: Wording =
      isTrusting
      ? "Nothing failed. Of images that are trusted only the tag was looked at, not what lies below it."
      : "The registry holds every image under its new name: each was read back with its digest."
    var facts: [(name: Wording, value: Wording)] = prepared.archives.flatMap {
      archive -> [(name: Wording, value: Wording)] in
      [("Archive", "\(archive.path)"), ("Archive digest", "\(archive.digest)")]
    }
    facts.append(("Destination", "\(prepared.destination)"))
    facts.append(("All images", Amounts.bytes(prepared.totalSize)))
    if let result {
      facts.append(("Uploaded", Amounts.bytes(result.uploadedSize)))
      facts.append(("Mounted from other repositories", Amounts.bytes(result.mountedSize)))
      facts.append(("Found in place", Amounts.bytes(result.presentSize)))
    }
    self.init(
      title: result == nil ? "Plan to import \(what)" : "Import of \(what)",
      verdict: isWhole
        ? result == nil ? "Nothing stands in the way." : done
        : blockers.isEmpty
          ? "\(Amounts.count(failures.count, "image")) failed." : "Something stands in the way.",
      tone: isWhole ? .good : .bad, facts: facts, remarks: blockers + failures.map(Self.remark), rows: rows,
      repositories: sharing.byRepository)
  }

  /// How an import's state looks.
  private static func tone(of state: String) -> Tone {
    switch state {
    case "pushed", "identical", "included": .good
    case "failed", "taken", "refused", "unknown", "incomplete": .bad
    case "replaces", "extends", "lacks", "trusted": .warn
    default: .plain
    }
  }
}
