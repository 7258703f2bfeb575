import Digests
import Images
import Transfers

extension ReportPage {
  /// The page of a check of the source.
  init(_ result: SourceCheckResult) {
    var sharing = BlobSharing()
    for image in result.images {
      sharing.add(image.parts, of: image.reference?.repositoryName ?? image.name)
    }
    let rows =
      result.images.map { image in
        Row(
          name: image.name, digest: image.digest.description, bytes: image.size,
          ownBytes: sharing.ownBytes(of: image.parts), state: image.state.name,
          tone: image.state.isUnchanged ? .good : .bad)
      }
    let blind = result.new?.failures ?? []
    let changes = result.images.compactMap(CheckText.line).map { Remark(text: $0, tone: .bad) }
    let new =
      (result.new?.tags ?? []).map { Remark(text: "new: \($0)", tone: .warn) }
      + (result.new?.untagged ?? []).map { Remark(text: "new: \($0), which no tag names", tone: .warn) }
    let unlisted = [UntaggedText.line(unlistedAt: result.new?.untaggedUnlisted)].compactMap(\.self).map {
      Remark(text: $0, tone: .warn)
    }
    let unknown = result.failures.dropLast(blind.count).map(Self.remark)
    let unseen = blind.map { failure in
      Remark(
        text: "what is new in \(failure.image) cannot be told: \(Self.words(for: failure.error))", tone: .warn
      )
    }
    let isGood = CheckText.status(of: result) == .done
    self.init(
      title: "Check of \(CheckText.names(of: result.subject)) at its source",
      verdict: CheckText.summary(of: result) + ".", tone: isGood ? .good : .bad,
      facts: Self.facts(of: result.subject) + [
        (
          "Looked for what is new in",
          result.new.map { Wording.list($0.places.map(\.description)) } ?? "nothing"
        )
      ],
      remarks: Self.shortage(of: result.subject) + changes + new + unknown + unseen + unlisted,
      rows: rows,
      repositories: sharing.byRepository)
  }

  /// The page of a check of a destination.
  init(_ result: DestinationCheckResult) {
    var sharing = BlobSharing()
    for image in result.images { sharing.add(image.parts, of: image.target.repositoryName) }
    let rows = result.images.map { image in
      Row(
        name: image.name, target: "\(image.target)", digest: image.digest.description, bytes: image.size,
        ownBytes: sharing.ownBytes(of: image.parts), state: image.state.name,
        tone: image.state.isRight ? .good : .bad)
    }
    let changes = result.images.compactMap(CheckText.line).map { Remark(text: $0, tone: .bad) }
    let faults = result.faults.map { Remark(text: CheckText.line(for: $0), tone: .bad) }
    let unlisted = result.unlisted.map { Remark(text: CheckText.line(for: $0), tone: .bad) }
    let leftOut = OmissionText.lines(result.leftOut).map { Remark(text: $0, tone: .warn) }
    let uncarried = result.uncarried.map {
      Remark(text: UncarriedText.line(for: $0.referrer, of: $0.image), tone: .plain)
    }
    self.init(
      title: "Check of \(CheckText.names(of: result.subject)) at \(result.destination)",
      verdict: CheckText.summary(of: result) + ".", tone: result.isRight ? .good : .bad,
      facts: Self.facts(of: result.subject) + [
        ("Destination", "\(result.destination)"),
        ("Read back", result.readBack.map(CheckText.words) ?? "nothing: the registry's word was taken"),
      ],
      remarks: Self.shortage(of: result.subject) + changes + faults + unlisted
        + result.failures.map(Self.remark) + leftOut + uncarried,
      rows: rows, repositories: sharing.byRepository)
  }

  private static func facts(of subject: CheckSubject) -> [(name: Wording, value: Wording)] {
    subject.files.flatMap { file -> [(name: Wording, value: Wording)] in
      guard let digest = file.digest else { return [("Receipt", "\(file.path)")] }
      return [("Archive", "\(file.path)"), ("Archive digest", "\(digest)")]
    }
  }

  /// What the files do not hold and should.
  private static func shortage(of subject: CheckSubject) -> [Remark] {
    (subject.unlisted ?? []).map { Remark(text: "on the list, and in no archive: \($0)", tone: .bad) }
      + subject.lacking.map { Remark(text: "failed when the archive was made: \($0)", tone: .bad) }
  }
}
