import Digests
import FoundationEssentials
import Images
import Layouts
import Transfers

extension ReportPage {
  /// The page of an export, or of the plan of one.
  init(_ prepared: PreparedExport, failures: [ImageFailure], finished: [String?]?) {
    var sharing = BlobSharing()
    let content =
      prepared.images.map { ($0.named, $0.digest, $0.tree) }
      + prepared.referrers.map { ($0.reference, $0.tree.root.digest, $0.tree) }
    for (reference, _, tree) in content { sharing.add(tree.parts, of: reference.repositoryName) }
    let lost = Set(failures.map(\.image))
    let written = finished.map { Set($0) }
    let whole = prepared.archives.filter { written?.contains($0.path) ?? true }
    let state = finished == nil ? "planned" : "exported"
    let rows = content.map { reference, digest, tree in
      let isLost = lost.contains(reference.description)
      return Row(
        name: reference.description, digest: digest.description,
        bytes: tree.size, ownBytes: sharing.ownBytes(of: tree.parts),
        state: isLost ? "failed" : state, tone: isLost ? .bad : finished == nil ? .plain : .good)
    }
    let unresolved = lost.subtracting(rows.map(\.name))
    let what = Amounts.images(prepared.images.count + unresolved.count, prepared.referrers.count)
    let blockers = prepared.blockers.map { Remark(text: Self.words(for: $0), tone: .bad) }
    let uncarried = prepared.images.flatMap { image in
      image.referrersLeft.map {
        Remark(text: UncarriedText.line(for: $0, of: image.named.description), tone: .plain)
      }
        + image.unknownManifests.map {
          Remark(text: UncarriedText.line(forUnknown: $0, of: "\(image.named)"), tone: .plain)
        }
    }
    let known = KnownText.lines(
      prepared.knownOmissions, sources: prepared.archives.flatMap(\.plan.knownSources)
    ).map { Remark(text: $0, tone: .plain) }
    let unlisted = UntaggedText.line(unlistedAt: prepared.untaggedUnlisted)
    let worth = (KnownText.worth(of: prepared) + [unlisted].compactMap(\.self)).map {
      Remark(text: $0, tone: .warn)
    }
    let converted = prepared.images.compactMap { image in
      image.convertedFrom.map {
        Remark(
          text: SchemaText.converted(
            image.requested.description, from: $0, to: image.isToConvert ? nil : image.digest),
          tone: .plain)
      }
    }
    let isWhole = failures.isEmpty && blockers.isEmpty && prepared.leftOut.isEmpty
    self.init(
      title: finished == nil ? "Plan to export \(what)" : "Export of \(what)",
      verdict: isWhole
        ? finished == nil ? "Nothing stands in the way." : "Every byte was proved against its digest."
        : !blockers.isEmpty
          ? "Something stands in the way."
          : failures.isEmpty
            ? "Not all that is listed can be asked for."
            : "\(Amounts.count(failures.count, "image")) failed.",
      tone: isWhole ? .good : .bad,
      facts: whole.flatMap { archive -> [(name: Wording, value: Wording)] in
        [
          ("Archive", "\(archive.path ?? "standard output")"),
          ("Archive digest", archive.knownDigest.map { "\($0)" } ?? "known when its images are converted"),
          ("Archive size", Amounts.bytes(archive.plan.totalSize)),
        ]
      } + [
        ("All images", Amounts.bytes(prepared.totalSize)),
        ("Shared content once", Amounts.bytes(prepared.uniqueSize)),
      ],
      remarks: blockers + (failures + prepared.leftOut).map(Self.remark) + known + worth + uncarried
        + converted,
      rows: rows,
      repositories: sharing.byRepository)
  }

  /// A failed image, with what to do about it.
  static func remark(on failure: ImageFailure) -> Remark {
    Remark(text: "\(failure.image): \(words(for: failure.error))", tone: .bad)
  }

  static func words(for error: any Error) -> Wording {
    let text = ErrorText(error)
    return [text.summary, text.remedy].compactMap(\.self).joined(separator: "\n")
  }

  /// The page of an import, or, without a result, of the plan of one.
  init(_ prepared: PreparedImport, result: ImportResult?) {
    var sharing = BlobSharing()
    for image in prepared.images { sharing.add(image.tree.parts, of: image.target.repositoryName) }
    let outcome = ImportOutcome(result)
    let rows = prepared.images.map { image in
      let state = outcome.state(of: image)
      return Row(
        name: image.source, target: "\(image.target)", digest: image.digest.description,
        bytes: image.tree.size, ownBytes: sharing.ownBytes(of: image.tree.parts), state: state,
        tone: Self.tone(of: state))
    }
    let failures = result?.failures ?? (prepared.failures + prepared.incomplete)
    let referrers = prepared.images.count { $0.referral != nil }
    let what = Amounts.images(rows.count - referrers, referrers)
    let blockers = prepared.blockers.map { Remark(text: Self.words(for: $0), tone: .bad) }
    let converted = prepared.images.compactMap { image in
      image.schema1Digest.map {
        Remark(text: SchemaText.converted(image.source, from: $0, to: image.digest), tone: .plain)
      }
    }
    let left = prepared.images.flatMap { image in
      image.referrersLeft.map {
        Remark(text: UncarriedText.line(for: $0, of: image.source), tone: .plain)
      }
    }
    let superseded = prepared.images.compactMap { image in
      image.superseded.map {
        Remark(text: NoteText.line(for: image, supersededBy: $0), tone: .plain)
      }
    }
    let given = prepared.images.compactMap { image in
      image.givenDigest.map {
        Remark(text: GivenDigestText.line(for: image.source, was: $0, is: image.digest), tone: .plain)
      }
    }
    var changed = converted
    changed += given
    changed += prepared.images.compactMap { image -> Remark? in
      guard !image.othersForPlatform.isEmpty, let platform = image.compression?.origin?.platform else {
        return nil
      }
      return Remark(
        text: PlatformText.line(
          for: image.source, platform, taking: image.digest, others: image.othersForPlatform), tone: .plain)
    }
    let isWhole = failures.isEmpty && blockers.isEmpty
    let isTrusting = prepared.images.contains { $0.state == .trusted }
    let skipped = result?.skipped ?? prepared.images.filter(\.isSkipped)
    let done: Wording =
      !skipped.isEmpty
      ? "Nothing failed, and \(Amounts.count(skipped.count, "image")) did not arrive: what was there was left."
      : isTrusting
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
      tone: !isWhole ? .bad : skipped.isEmpty ? .good : .warn, facts: facts,
      remarks: blockers + failures.map(Self.remark)
        + skipped.map { Remark(text: NoteText.line(for: $0), tone: .warn) } + superseded + changed + left
        + Self.remarks(on: prepared.passedOver),
      rows: rows, repositories: sharing.byRepository)
  }

  /// What lay beside archives in directories, if anything did.
  static func remarks(on passedOver: PassedOver) -> [Remark] {
    passedOver.isEmpty ? [] : [Remark(text: TreeText.line(for: passedOver), tone: .plain)]
  }

  /// How an import's state looks.
  private static func tone(of state: String) -> Tone {
    switch state {
    case "pushed", "identical", "included": .good
    case "failed", "taken", "refused", "unknown", "incomplete": .bad
    case "replaces", "extends", "lacks", "trusted", "skipped": .warn
    default: .plain
    }
  }

  /// The page of verified archives. `receipts` are nil when none were asked, `list` when there was none; of it, `missing`
  /// is in no archive.
  init(
    _ verified: [VerifiedArchive], receipts: [Receipt]?, list: ListedReferences?, missing: [Reference],
    failures: [ImageFailure], passedOver: PassedOver = PassedOver()
  ) {
    var sharing = BlobSharing()
    // Of one image the third name in a repository tells no more than the second.
    var met: [String: [Digest: Int]] = [:]
    for content in verified.flatMap(\.contents) {
      let repository = Reference.repositoryName(of: content.name)
      met[repository, default: [:]][content.root.digest, default: 0] += 1
      guard met[repository]?[content.root.digest] ?? 1 <= 2 else { continue }
      sharing.add(content.parts, of: repository)
    }
    var rows: [Row] = []
    var remarks = failures.map(Self.remark) + Self.remarks(on: passedOver)
    var arrived = 0
    for archive in verified {
      // Once for all names of an image.
      var sums: [Digest: (size: Int64, own: Int64)] = [:]
      let hurt = archive.findings.images
      let arrivals = receipts.map { archive.arrivals(in: $0) }
      for (index, content) in archive.contents.enumerated() {
        let bytes =
          sums[content.root.digest]
          ?? (size: content.size, own: sharing.ownBytes(of: content.parts))
        sums[content.root.digest] = bytes
        let isHurt = hurt.contains(content.name)
        let arrival = arrivals?[index]
        if arrival?.hasArrived == true { arrived += 1 }
        let isGood = !isHurt && arrival?.hasArrived ?? true
        rows.append(
          Row(
            name: content.name,
            target: (arrival?.state.places ?? []).map { "\($0.target)" }.joined(separator: "\n"),
            digest: content.root.digest.description, bytes: bytes.size, ownBytes: bytes.own,
            state: isHurt ? "damaged" : arrival?.state.name ?? "whole", tone: isGood ? .good : .bad))
      }
      remarks += ProblemText.salient(among: archive.findings).map { finding in
        Remark(text: "\(archive.path): \(ProblemText.line(for: finding))", tone: .bad)
      }
      // That nothing is known of an image, its state says.
      remarks += (arrivals ?? []).filter { !$0.hasArrived && !$0.state.places.isEmpty }
        .map { Remark(text: ArrivalText.line(for: $0), tone: .bad) }
      remarks += archive.contents.compactMap { image in
        image.convertedFrom.map {
          Remark(text: SchemaText.converted(image.name, from: $0, to: image.root.digest), tone: .plain)
        }
      }
      remarks += archive.missingImages.map {
        Remark(text: "\(archive.path): \(MissingImageText.line(for: $0))", tone: .warn)
      }
    }
    remarks += missing.map { Remark(text: "on the list, and in no archive: \($0)", tone: .bad) }
    let isWhole = failures.isEmpty && verified.allSatisfy(\.isWhole)
    let referrers = verified.map(\.referrers.count).saturatingSum()
    let what = Amounts.images(rows.count - referrers, referrers)
    var verdict: Wording =
      isWhole
      ? "\(verified.contains { $0.absentCount > 0 } ? "Intact" : "Whole"): every byte is the one its digest names."
      : "Damaged, or not to be read."
    if receipts != nil {
      verdict += arrived == rows.count ? " All of \(what) arrived." : " \(arrived) of \(rows.count) arrived."
    }
    if let list {
      verdict +=
        missing.isEmpty
        ? " All of \(Amounts.count(list.references.count, "image")) on the list are there."
        : " \(missing.count) of \(Amounts.count(list.references.count, "image")) on the list \(missing.count == 1 ? "is" : "are") missing."
    }
    self.init(
      title: receipts == nil ? "Verification of \(what)" : "Arrival of \(what)", verdict: verdict,
      tone: isWhole && missing.isEmpty && (receipts == nil || arrived == rows.count) ? .good : .bad,
      facts: verified.flatMap(Self.facts) + (receipts ?? []).map(Self.fact), remarks: remarks, rows: rows,
      repositories: sharing.byRepository)
  }

  private static func facts(of archive: VerifiedArchive) -> [(name: Wording, value: Wording)] {
    var facts: [(name: Wording, value: Wording)] = [
      ("Archive", "\(archive.path)"), ("Archive digest", "\(archive.digest)"),
      ("Archive size", "\(Amounts.bytes(archive.size)), \(Amounts.count(archive.blobCount, "blob"))"),
    ]
    let leftOut = archive.omissions.count - archive.absentCount
    if leftOut > 0 { facts.append(("Left out on purpose", Amounts.count(leftOut, "blob"))) }
    if archive.absentCount > 0 {
      facts.append(
        ("Not here", "\(Amounts.count(archive.absentCount, "manifest")) that another tool left out"))
    }
    if let signature = archive.signature {
      facts.append(("Signed by", "\(signature.keyID)  \(signature.trustedComment)"))
    }
    return facts
  }

  private static func fact(of receipt: Receipt) -> (name: Wording, value: Wording) {
    (
      "Receipt",
      "import to \(receipt.destination) of \(Wording.list(receipt.archives.map(\.name))), "
        + "finished \(receipt.finished.formatted(.iso8601))"
    )
  }

  /// The page of a command that ended before it could report more.
  init(_ text: ErrorText) {
    self.init(
      title: "ferry stopped",
      verdict: "It ended with status \(text.status.rawValue) before there was a result.",
      tone: .bad, facts: [],
      remarks: [
        Remark(text: [text.summary, text.remedy].compactMap(\.self).joined(separator: "\n"), tone: .bad)
      ], rows: [], repositories: [])
  }
}
