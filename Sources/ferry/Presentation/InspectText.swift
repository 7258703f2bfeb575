import Digests
import Layouts
import Images
import Transfers

/// What an archive holds, for people.
struct InspectText {
  private let console: Console

  init(_ console: Console) {
    self.console = console
  }

  func show(_ archive: InspectedArchive, long: Bool) {
    console.result("\(archive.path)  \(Amounts.bytes(archive.size))  archive digest \(archive.digest)")
    if archive.form == .dockerSave {
      console.result("  written for docker load; its manifests are made from that")
    } else if !archive.isWrittenByFerry {
      console.result("  written by another tool")
    }
    if !archive.volumes.isEmpty {
      let there = archive.volumes.count { $0.state == .present }
      let state: Wording =
        ProblemText.isIncomplete(archive.problems, volumes: archive.volumes) ? "INCOMPLETE: " : ""
      console.result(
        "  \(state)\(Amounts.count(archive.volumes.count, "volume"))"
          + (there == archive.volumes.count ? "" : ", \(there) of them whole and here"))
    }
    if archive.isFrontAlone {
      console.result(
        "  what describes it was read, and nothing behind that: whether its layers are there 'ferry verify' tells"
      )
    }
    let leftOut = Set(archive.omissions.map(\.descriptor.digest))
    var table = Table([.left, .right, .left, .left])
    for image in archive.images {
      table.add(
        name(of: image), Amounts.bytes(image.size), platforms(of: image, leftOut: leftOut),
        "\(image.root.digest)")
    }
    for line in table.lines(indent: "  ") { console.result(line) }
    for image in archive.images {
      guard let from = image.convertedFrom else { continue }
      console.result("  \(SchemaText.converted(image.name, from: from, to: image.root.digest))")
    }
    for image in archive.images {
      guard let given = image.givenDigest else { continue }
      console.result("  \(GivenDigestText.line(for: image.name, was: given, is: image.root.digest))")
    }
    if long {
      for image in archive.images { layers(of: image, leftOut: leftOut) }
      for referrer in archive.referrers { show(referrer) }
    }
    if long {
      for (repository, text) in archive.descriptions {
        console.result("  description of \(repository)")
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
          console.result("    \(line)")
        }
      }
    } else if !archive.descriptions.isEmpty {
      console.result(
        "  descriptions of \(Amounts.count(archive.descriptions.count, "repository", plural: "repositories")); --long shows them"
      )
    }
    let saved = archive.totalSize - archive.uniqueSize
    console.result(
      "  \(Amounts.images(archive.images.count, archive.referrers.count)), \(Amounts.bytes(archive.totalSize)); "
        + "sharing saves \(Amounts.bytes(saved)), leaving \(Amounts.bytes(archive.uniqueSize))")
    let omissions = OmissionText.lines(
      archive.omissions, of: archive.omissionImages, sources: archive.knownSources, isLong: long)
    for line in omissions { console.result("  \(line)") }
    if let line = TreeText.line(forSignatures: archive.signatureCount) { console.result("  \(line)") }
    for other in archive.others { console.result("  \(ProblemText.line(for: other))") }
    for child in archive.unknownManifests {
      console.result("  \(UncarriedText.line(forUnknown: child))")
    }
    for missing in archive.missingImages { console.result("  \(MissingImageText.line(for: missing))") }
    for problem in archive.problems { console.result("  \(ProblemText.line(for: problem))") }
    if archive.isPiped, archive.isWrittenByFerry, !archive.problems.isEmpty {
      console.result(
        "  an unfinished export looks like that: its name, which a pipe does not tell, ends in .partial")
    }
  }

  private func name(of image: InspectedArchive.Image) -> Wording {
    if image.hasName { return "\(image.name)" }
    guard !image.name.isEmpty else { return "(no name)" }
    let reason: Wording =
      image.name.isNameOfAnother(than: image.root.digest) ? ": another image's digest" : ""
    return "'\(image.name.cut(to: 200))' (no name\(reason))"
  }

  /// What a manifest is for, as far as the archive says.
  private func kind(of member: InspectedArchive.Member, leftOut: Set<Digest>) -> Wording {
    if member.isAttestation { return "attestation" }
    if let platform = member.platform {
      return member.otherPlatform.map { "\(platform) (by its config \($0))" } ?? "\(platform)"
    }
    return leftOut.contains(member.config.digest) ? "config left out" : "artifact"
  }

  private func platforms(of image: InspectedArchive.Image, leftOut: Set<Digest>) -> Wording {
    let runnable = image.members.filter { !$0.isAttestation }
    let names = runnable.prefix(Self.mostPlatforms).map { kind(of: $0, leftOut: leftOut) }
    let more: [Wording] = runnable.count > names.count ? ["\(runnable.count - names.count) more"] : []
    let attestations = image.members.count - runnable.count
    let referrers = image.referrers.count
    return
      (names + more + (attestations > 0 ? [Amounts.count(attestations, "attestation")] : [])
      + (referrers > 0 ? [Amounts.count(referrers, "referrer")] : [])
      + (image.isWhole ? [] : ["NOT WHOLE"]))
      .joined(separator: ", ")
  }

  /// The most platforms that are named of an image, where not all is shown.
  private static let mostPlatforms = 40

  private func show(_ referrer: InspectedReferrer) {
    let type = referrer.artifactType.map { "  \($0)" } ?? ""
    console.result("  \(referrer.name)  \(Amounts.bytes(referrer.size))\(type)")
    console.result("    refers to \(referrer.subject)")
  }

  private func layers(of image: InspectedArchive.Image, leftOut: Set<Digest>) {
    console.result("  \(name(of: image))")
    for member in image.members {
      console.result("    \(kind(of: member, leftOut: leftOut))  \(member.digest)")
      var table = Table([.left, .right, .left, .left])
      for (index, blob) in ([member.config] + member.layers).enumerated() {
        table.add(
          index == 0 ? "config" : "layer \(index)", Amounts.bytes(blob.size), "\(blob.digest)",
          "\(blob.mediaType.rawValue)")
      }
      for line in table.lines(indent: "      ") { console.result(line) }
    }
  }
}
