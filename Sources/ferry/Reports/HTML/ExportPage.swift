import Digests
import Images
import Layouts
import Transfers

extension ReportPage {
  /// The page of an export, or of the plan of one.
  init(_ prepared: PreparedExport, failures: [ImageFailure], finished: [String?]?) {
    var sharing = BlobSharing()
    let content =
      prepared.images.map { ($0.reference, $0.tree) } + prepared.referrers.map { ($0.reference, $0.tree) }
    for (reference, tree) in content { sharing.add(tree.parts, of: reference.repositoryName) }
    let lost = Set(failures.map(\.image))
    let whole = prepared.archives.filter { finished?.contains($0.path) ?? true }
    let state = finished == nil ? "planned" : "exported"
    let rows = content.map { reference, tree in
      let isLost = lost.contains(reference.description)
      return Row(
        name: reference.description, digest: tree.root.digest.description,
        bytes: tree.size, ownBytes: sharing.ownBytes(of: tree.parts),
        state: isLost ? "failed" : state, tone: isLost ? .bad : finished == nil ? .plain : .good)
    }
    let unresolved = lost.subtracting(rows.map(\.name))
    let what = Amounts.images(prepared.images.count + unresolved.count, prepared.referrers.count)
    let blockers = prepared.blockers.map { Remark(text: Self.words(for: $0), tone: .bad) }
    let uncarried = prepared.images.flatMap { image in
      image.referrersLeft.map {
        Remark(text: UncarriedText.line(for: $0, of: image.reference), tone: .plain)
      }
        + image.tree.unknownManifests.map {
          Remark(text: UncarriedText.line(forUnknown: $0, of: "\(image.reference)"), tone: .plain)
        }
    }
    let known = KnownText.lines(
      prepared.knownOmissions, sources: prepared.archives.flatMap(\.plan.knownSources)
    ).map { Remark(text: $0, tone: .plain) }
    let worth = KnownText.worth(of: prepared).map { Remark(text: $0, tone: .warn) }
    let isWhole = failures.isEmpty && blockers.isEmpty
    self.init(
      title: finished == nil ? "Plan to export \(what)" : "Export of \(what)",
      verdict: isWhole
        ? finished == nil ? "Nothing stands in the way." : "Every byte was proved against its digest."
        : blockers.isEmpty
          ? "\(Amounts.count(failures.count, "image")) failed." : "Something stands in the way.",
      tone: isWhole ? .good : .bad,
      facts: whole.flatMap { archive -> [(name: Wording, value: Wording)] in
        [
          ("Archive", "\(archive.path ?? "standard output")"), ("Archive digest", "\(archive.digest)"),
          ("Archive size", Amounts.bytes(archive.plan.totalSize)),
        ]
      } + [
        ("All images", Amounts.bytes(prepared.totalSize)),
        ("Shared content once", Amounts.bytes(prepared.uniqueSize)),
      ],
      remarks: blockers + failures.map(Self.remark) + known + worth + uncarried, rows: rows,
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
}
