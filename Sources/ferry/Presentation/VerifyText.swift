import Digests
import Images
import Transfers

/// A verification's outcome, for people.
struct VerifyText {
  private let console: Console

  init(_ console: Console) {
    self.console = console
  }

  func show(_ archive: VerifiedArchive) {
    if let signature = archive.signature {
      console.result("\(archive.path)  signed by \(signature.keyID)  \(signature.trustedComment)")
    }
    let findings = ProblemText.salient(among: archive.findings)
    for finding in findings {
      console.result("\(archive.path): \(ProblemText.line(for: finding))")
      let hurt = finding.images(most: Self.mostImages)
      guard hurt.count > 0 else { continue }
      let shown = hurt.names.map(Wording.value).joined(separator: ", ")
      let more = hurt.count - hurt.names.count
      console.result("  hurts \(more > 0 ? "\(shown) and \(more) more" : shown)")
    }
    let lost = archive.findings.count - findings.count
    if lost > 0 {
      console.result(
        "\(archive.path): missing: \(Amounts.count(lost, "blob")) that lie there; --json lists them")
    }
    let what: Wording =
      "\(Amounts.images(archive.images.count - archive.referrers.count, archive.referrers.count)), \(Amounts.count(archive.blobCount, "blob")), "
      + Amounts.bytes(archive.size)
      + (archive.volumes.isEmpty ? "" : " in \(Amounts.count(archive.volumes.count, "volume"))")
    guard archive.isWhole else {
      let isIncomplete = ProblemText.isIncomplete(
        archive.findings.problems, volumes: archive.volumes)
      console.result(
        "\(archive.path)  \(isIncomplete ? "INCOMPLETE" : "DAMAGED")  \(what), \(Amounts.count(archive.findings.count, "problem"))"
      )
      let usual =
        archive.findings.areOfVolumes && archive.findings.contains { !$0.volumes.isEmpty }
        ? ProblemText.bringVolumes(for: archive.findings) : ""
      let remedy = ProblemText.remedy(for: archive.findings.problems, or: usual)
      if !remedy.isEmpty { console.say(remedy) }
      return
    }
    let absent = archive.absentCount
    var text: Wording = "\(archive.path)  \(absent > 0 ? "intact" : "whole")  \(what)"
    if archive.layersUnpacked > 0 {
      text += ", \(Amounts.count(archive.layersUnpacked, "layer")) unpacked and compared"
    }
    if archive.layersNotCompared > 0 {
      text += ", \(archive.layersNotCompared) not compared: ferry cannot tell what they hold"
    }
    if archive.omissions.count > absent {
      text += ", \(archive.omissions.count - absent) left out on purpose"
    }
    if absent > 0 { text += ", \(absent) not here" }
    console.result("\(text)  \(archive.digest)")
    for image in archive.contents where !image.platforms.isEmpty {
      let shown = image.platforms.prefix(Self.mostPlatforms).map { "\($0)" as Wording }
      let more = image.platforms.count - shown.count
      let platforms = Wording.list(more > 0 ? shown + ["\(more) more"] : shown)
      console.result(
        "  here of \(image.name): \(platforms); import takes \(image.platforms.count == 1 ? "that one" : "one of them with --platform")"
      )
    }
    if archive.isRepacked {
      console.result("  repacked by another tool: the archive digest proves what is in it")
    }
    for problem in archive.surplus.prefix(20) { console.result("  \(ProblemText.line(for: problem))") }
    if archive.surplus.count > 20 { console.result("  and \(archive.surplus.count - 20) more") }
    let omissions = OmissionText.lines(
      archive.omissions, of: archive.omissionImages, sources: archive.knownSources)
    for line in omissions { console.result("  \(line)") }
    for image in archive.contents {
      guard let from = image.convertedFrom else { continue }
      console.result("  \(SchemaText.converted(image.name, from: from, to: image.root.digest))")
    }
    if let line = TreeText.line(forSignatures: archive.signatureCount) { console.result("  \(line)") }
    for other in archive.others { console.result("  \(ProblemText.line(for: other))") }
    for child in archive.unknownManifests {
      console.result("  \(UncarriedText.line(forUnknown: child))")
    }
    for missing in archive.missingImages { console.result("  \(MissingImageText.line(for: missing))") }
  }

  /// What of `list` is in none of the archives at `paths`.
  func show(_ missing: [Reference], of list: ListedReferences, in paths: [String]) {
    for reference in missing { console.result("missing  \(reference): on the list, and in no archive") }
    let count = list.references.count
    let place: Wording = paths.count <= 3 ? Wording.list(paths) : "\(paths.count) archives"
    console.result(
      "\(count - missing.count) of \(Amounts.count(count, "image")) on the list \(count == 1 ? "is" : "are") in \(place)"
    )
  }

  /// How many platforms of an image are named.
  private static let mostPlatforms = 40
  /// The names, cut short where a shared layer hurts hundreds.
  /// How many of the images that a problem hurts are named.
  private static let mostImages = 10
}

/// Whether an archive's images have arrived, for people.
struct ArrivalText {
  private let console: Console

  init(_ console: Console) {
    self.console = console
  }

  func show(_ arrivals: [Arrival], of archive: VerifiedArchive) {
    let path = archive.path
    for arrival in arrivals { console.result("  \(Self.line(for: arrival))") }
    let count = arrivals.count(where: \.hasArrived)
    console.result(
      count == arrivals.count
        ? "\(path)  arrived  all of \(Amounts.images(count - archive.referrers.count, archive.referrers.count))"
        : "\(path)  NOT ARRIVED  \(arrivals.count - count) of \(arrivals.count)")
  }

  /// What there is to say of one image, behind its state.
  static func line(for arrival: Arrival) -> Wording {
    "\(arrival.state.name)  \(arrival.image)" + detail(of: arrival)
  }

  private static func detail(of arrival: Arrival) -> Wording {
    switch arrival.state {
    case .arrived(let places): " → " + Wording.list(places.map(\.target.description))
    case .incomplete(let place, let missing):
      " → \(place.target), without \(Amounts.count(missing, "blob")) that the archive has"
    case .differs(let places):
      ": \(Wording.list(places.map { "\($0.target) holds \($0.digest)" as Wording })), not \(arrival.root.digest)"
    case .missing: ": no receipt names it"
    }
  }
}
