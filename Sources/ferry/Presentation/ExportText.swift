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
    var table = Table([.left, .right, .left, .left])
    for image in prepared.images {
      table.add(
        "\(image.requested)", Amounts.bytes(image.tree.size), Self.digest(of: image),
        image.isSchema1 && !image.isToConvert ? ListText.schema1 : "")
    }
    for line in table.lines() { console.result(line) }
    var archives = Table([.left, .right, .left, .left])
    for archive in prepared.archives {
      archives.add(
        "\(archive.title ?? "standard output")", Amounts.bytes(archive.writtenSize),
        state(of: archive), archive.knownDigest.map { "\($0)" } ?? "digest unknown before it is converted")
    }
    for line in archives.lines(indent: "→ ") { console.result(line) }
    for archive in prepared.archives {
      for (image, from, to) in archive.movedTags {
        console.result(NoteText.line(for: .tagMoved(image: image, from: from, to: to)))
      }
      guard let path = archive.path, let continuation = archive.continuation, continuation.claimed > 0
      else { continue }
      console.result(
        NoteText.line(
          for: .continuing(
            path: path, have: continuation.claimed, moved: continuation.moved, of: archive.blobSize)))
    }
    for line in known(in: prepared) + omissions(in: prepared) + unlisted(by: prepared) {
      console.result(line)
    }
    // Where nothing could be planned, the reason is all there is to say.
    guard !prepared.images.isEmpty || prepared.failures.isEmpty else { return }
    console.result(
      "\(Amounts.images(prepared.images.count, prepared.referrers.count)), \(Amounts.bytes(prepared.totalSize)), "
        + "of which \(Amounts.bytes(prepared.uniqueSize)) unique")
    if let space = prepared.space {
      console.result(
        "needs \(Amounts.bytes(space.needed)) on disk, \(Amounts.bytes(space.available)) free")
    }
  }

  /// What an image is known by; of one that is converted, what it was known by first.
  private static func digest(of image: ExportImage) -> Wording {
    guard let from = image.convertedFrom else { return "\(image.digest)" }
    return image.isToConvert ? "\(from) → schema 2" : "\(from) → \(image.digest)"
  }

  /// What the archives leave out, by what knows of it.
  private func known(in prepared: PreparedExport) -> [Wording] {
    KnownText.lines(prepared.knownOmissions, sources: prepared.archives.flatMap(\.plan.knownSources))
      + KnownText.worth(of: prepared)
  }

  /// What the archives leave out, each once.
  private func omissions(in prepared: PreparedExport) -> [Wording] {
    var omissions = prepared.archives.first?.plan.omissions ?? []
    if prepared.archives.count > 1 {
      var known: Set<Digest> = []
      omissions = prepared.archives.flatMap(\.plan.omissions).filter {
        known.insert($0.descriptor.digest).inserted
      }
    }
    return OmissionText.each(omissions) { named in
      var images = Dictionary(named.map { ($0.descriptor.digest, CountedImages()) }) { first, _ in first }
      for image in prepared.images where !images.isEmpty {
        let name = image.named.description
        for part in Set(image.omissions.map(\.descriptor.digest) + image.tree.blobs.map(\.digest)) {
          images[part]?.add(name)
        }
      }
      return images
    }
  }

  private func state(of archive: PreparedExport.Archive) -> Wording {
    switch archive.state {
    case .toWrite: "to write"
    case .upToDate: "there already"
    case .blocked: "in the way"
    case .toReplace: "to replace"
    }
  }

  /// Prints all that stands in the way; the status that a run would end with.
  func verdict(on prepared: PreparedExport, keepsGoing: Bool) -> ExitStatus {
    let obstacles = Obstacles(
      failures: prepared.failures, blockers: prepared.blockers,
      total: prepared.images.count + prepared.failures.count, keepsGoing: keepsGoing)
    if let status = obstacles.show(on: console) { return status }
    guard prepared.leftOut.isEmpty else { return .someFailed }
    return prepared.archives.contains { $0.isToReplace } ? .differences : .done
  }

  /// What a finished run shows.
  func summary(of result: ExportResult) {
    let listed = console.showsResultsWithNotes ? [] : result.prepared.archives
    let finished = Set(result.finished)
    for archive in listed where finished.contains(archive.path) {
      console.result("\(archive.path ?? "-")  \(archive.digest)")
    }
    let prepared = result.prepared
    let asked = Set(prepared.images.map(\.reference))
    let there = prepared.archives.filter(\.isUpToDate).flatMap(\.plan.images)
      .count { $0.reference.map(asked.contains) == true }
    let written = prepared.images.count - (result.failures.count - prepared.failures.count) - there
    var parts: [Wording] = []
    var carried = 0
    if written > 0 {
      let size = prepared.archives.filter { !$0.isUpToDate }.map(\.writtenSize).saturatingSum()
      let volumes = Set(prepared.archives.flatMap(\.onlyVolumes)).count
      carried = prepared.archives.filter { !$0.isUpToDate && finished.contains($0.path) }
        .flatMap(\.plan.images).count { $0.reference.map(asked.contains) != true }
      parts.append(
        volumes > 0
          ? "\(Amounts.count(volumes, "volume")) written again and proved, \(Amounts.bytes(size))"
          : "\(Amounts.images(written, carried)) exported and proved, \(Amounts.bytes(size))")
    }
    if there > 0 { parts.append("\(Amounts.count(there, "image")) there already") }
    var text = parts.joined(separator: "; ")
    if !result.failures.isEmpty {
      text += (text.isEmpty ? "" : "; ") + "\(Amounts.count(result.failures.count, "image")) failed"
    }
    let left = prepared.images.reduce(0) { $0 + $1.referrersLeft.count }
    if left > 0 { text += "; \(Amounts.count(left, "referrer")) not carried, see above" }
    console.say(text)
    if carried > 0 {
      console.say(
        "podman load and ctr images import may stop at referrers: for them, --no-referrers leaves those out")
    }
    for line in omissions(in: prepared) { console.say(line) }
  }

  /// However quiet: what is missing from the archive is to be known.
  func warn(of prepared: PreparedExport) {
    for line in known(in: prepared) + unlisted(by: prepared) { console.complain(line) }
  }

  private func unlisted(by prepared: PreparedExport) -> [Wording] {
    [UntaggedText.line(unlistedAt: prepared.untaggedUnlisted)].compactMap(\.self)
  }
}

extension PreparedExport.Archive {
  fileprivate var isToReplace: Bool {
    if case .toReplace = state { true } else { false }
  }
}
