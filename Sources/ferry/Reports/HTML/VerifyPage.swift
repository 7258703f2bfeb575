import Digests
import FoundationEssentials
import Images
import Layouts
import Transfers

extension ReportPage {
  /// The page of verified archives. `receipts` are nil when none were asked.
  init(_ verified: [VerifiedArchive], receipts: [Receipt]?, failures: [ImageFailure]) {
    var sharing = BlobSharing()
    for content in verified.flatMap(\.contents) {
      sharing.add(content.parts, of: Reference.repositoryName(of: content.name))
    }
    var rows: [Row] = []
    var remarks = failures.map(Self.remark)
    var arrived = 0
    for archive in verified {
      let hurt = Set(archive.findings.flatMap(\.images))
      let arrivals = receipts.map { archive.arrivals(in: $0) }
      for (index, content) in archive.contents.enumerated() {
        let isHurt = hurt.contains(content.name)
        let arrival = arrivals?[index]
        if arrival?.hasArrived == true { arrived += 1 }
        let isGood = !isHurt && arrival?.hasArrived ?? true
        rows.append(
          Row(
            name: content.name,
            target: (arrival?.state.places ?? []).map { "\($0.target)" }.joined(separator: "\n"),
            digest: content.root.digest.description, bytes: content.size,
            ownBytes: sharing.ownBytes(of: content.parts),
            state: isHurt ? "damaged" : arrival?.state.name ?? "whole", tone: isGood ? .good : .bad))
      }
      remarks += ProblemText.salient(among: archive.findings).map { finding in
        Remark(text: "\(archive.path): \(ProblemText.line(for: finding))", tone: .bad)
      }
      // That nothing is known of an image, its state says.
      remarks += (arrivals ?? []).filter { !$0.hasArrived && !$0.state.places.isEmpty }
        .map { Remark(text: ArrivalText.line(for: $0), tone: .bad) }
      remarks += archive.lacking.map {
        Remark(text: "\(archive.path): \(LackText.line(for: $0))", tone: .warn)
      }
    }
    let isWhole = failures.isEmpty && verified.allSatisfy(\.isWhole)
    let referrers = verified.map(\.referrers.count).saturatingSum()
    let what = Amounts.images(rows.count - referrers, referrers)
    var verdict: Wording =
      isWhole ? "Whole: every byte is the one its digest names." : "Damaged, or not to be read."
    if receipts != nil {
      verdict += arrived == rows.count ? " All of \(what) arrived." : " \(arrived) of \(rows.count) arrived."
    }
    self.init(
      title: receipts == nil ? "Verification of \(what)" : "Arrival of \(what)", verdict: verdict,
      tone: isWhole && (receipts == nil || arrived == rows.count) ? .good : .bad,
      facts: verified.flatMap(Self.facts) + (receipts ?? []).map(Self.fact), remarks: remarks, rows: rows,
      repositories: sharing.byRepository)
  }

  private static func facts(of archive: VerifiedArchive) -> [(name: Wording, value: Wording)] {
    var facts: [(name: Wording, value: Wording)] = [
      ("Archive", "\(archive.path)"), ("Archive digest", "\(archive.digest)"),
      ("Archive size", "\(Amounts.bytes(archive.size)), \(Amounts.count(archive.blobCount, "blob"))"),
    ]
    if !archive.omissions.isEmpty {
      facts.append(("Left out on purpose", Amounts.count(archive.omissions.count, "blob")))
    }
    if let signature = archive.signature {
      facts.append(("Signed by", "\(signature.keyID)  \(signature.trustedComment)"))
    }
    return facts
  }

  private static func fact(of receipt: Receipt) -> (name: Wording, value: Wording) {
    (
      "Receipt",
      "import to \(receipt.destination) of \(ErrorText.list(receipt.archives.map(\.name))), "
        + "finished \(receipt.finished.formatted(.iso8601))"
    )
  }
}
