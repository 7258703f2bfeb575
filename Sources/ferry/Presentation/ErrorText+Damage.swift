import Layouts
import Transfers

extension ErrorText {
  /// The words for images and archives that are not what they should be.
  init(damage error: TransferError) {
    switch error {
    case .unclearConfig(let images, let digest, let error):
      self.init(
        "the config \(digest) of \(Self.list(Self.few(images))): \(Self.words(for: error, of: "config"))",
        remedy: "Nothing of it was kept. \(Self.wrongAtSource)", .integrityFailure)
    case .wrongSizeListed(let digest, let listed, let actual):
      self.init(
        "it gives \(digest) a size of \(listed) bytes; it has, or others give it, \(actual)",
        remedy: Self.wrongAtSource, .integrityFailure)
    case .configDisagrees(let config):
      self.init(
        "its config \(config) speaks of other layers than its manifest lists", remedy: Self.wrongAtSource,
        .integrityFailure)
    case .damaged(let archive, let findings, let way):
      self.init(
        (["\(archive) is damaged:"] + Self.lines(for: findings)).joined(separator: "\n"),
        remedy: "Nothing was pushed. "
          + Self.remedy(
            for: findings.map(\.problem),
            or: "Carry the archive over again, or export once more; ferry verify shows what is hurt.")
          + Self.words(for: way),
        .integrityFailure)
    case .damagedBlob(let archive, let digest, let error):
      self.init(
        "\(archive) is damaged: \(digest): \(Self.words(for: error))",
        remedy:
          "Nothing of that blob was kept. Carry the archive over again, or export once more; ferry verify "
          + "shows what is hurt.",
        .integrityFailure)
    case .notWhole(let archive, let findings, let way):
      self.init(
        (["\(archive) is not whole:"] + Self.lines(for: findings)).joined(separator: "\n"),
        remedy: "Nothing was pushed. " + Self.remedy(for: findings.map(\.problem), or: Self.bringVolumes)
          + Self.words(for: way),
        .integrityFailure)
    case .imageNotWhole(let archive, let problems, let volumes):
      let place: Wording = volumes.isEmpty ? "" : ", which should be in \(Self.list(Self.few(volumes)))"
      let damage = problems.first { !$0.isAbsence }
      let damaged: Wording = volumes.isEmpty ? "" : " (\(Self.list(Self.few(volumes))))"
      self.init(
        damage.map { "it is damaged in \(archive)\(damaged): \(ProblemText.line(for: $0))" }
          ?? "\(archive) lacks \(Amounts.count(problems.count, "blob")) of it\(place)", .integrityFailure)
    default: self.init("something unforeseen went wrong: \(String(describing: error))", .unforeseen)
    }
  }

  /// What helps where no export and no copy does.
  private static let wrongAtSource: Wording =
    "It is wrong at its source: have the image built or pushed anew there."

  /// What helps against `problems`: `usual`, unless the archive was made like that.
  static func remedy(for problems: [LayoutProblem], or usual: Wording) -> Wording {
    !problems.isEmpty && problems.allSatisfy(ProblemText.isOfItsMaking)
      ? "It was made like that, and another copy is no better: export it once more, or have it built anew."
      : usual
  }

  /// How to take what is whole.
  private static func words(for way: WayAround?) -> Wording {
    switch way {
    case .allowMissing: "\n--allow-missing takes the images that are whole."
    case .keepGoing: "\n--keep-going takes the images that are whole."
    case nil: ""
    }
  }

  /// The first twenty of an archive's findings, each with the images that it hurts.
  static func lines(for findings: [VerifiedArchive.Finding]) -> [Wording] {
    let shown = ProblemText.salient(among: findings)
    var lines: [Wording] = []
    for finding in shown.prefix(20) {
      lines.append("  \(ProblemText.line(for: finding))")
      if !finding.images.isEmpty { lines.append("    hurts \(list(few(finding.images)))") }
    }
    if shown.count > 20 { lines.append("  and \(shown.count - 20) more") }
    return lines
  }
}
