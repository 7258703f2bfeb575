import Digests
import Images
import Registry
import Transfers

/// The words for images that cannot be carried, and for blobs that cannot be had, several at once.
enum FailureText {
  /// The most images that are named.
  private static let mostNamed = 20
  /// The most repositories that are named, each with its reason.
  private static let mostHolders = 5

  /// A blob that no repository gave which lists it, with the reason of each; what to do is the foremost one's.
  static func notHad(_ digest: Digest, from failures: [HolderFailure]) -> ErrorText {
    let foremost = failures.foremost.map { $0.error.text }
    let holders = failures.prefix(mostHolders).map { failure in
      "\(failure.repository): \(failure.error.text.summary)" as Wording
    }
    let more: Wording = failures.count > holders.count ? "; and \(failures.count - holders.count) more" : ""
    return ErrorText(
      "none of \(Amounts.count(failures.count, "repository", plural: "repositories")) gave \(digest): "
        + holders.joined(separator: "; ") + more,
      remedy: foremost?.remedy, foremost?.status ?? .networkFailed)
  }

  /// A blob that cannot be had, with the images that need it.
  static func blob(
    _ text: ErrorText, of images: [String], total: Int, othersCanGo: Bool
  ) -> ErrorText {
    let named = images.prefix(mostNamed).map(Wording.value)
    let more = images.count - named.count
    let names = Wording.list(more > 0 ? named + ["\(more) more"] : named)
    // What the cause itself offers is said here, where it is known whether it is to be had.
    let remedy: Wording =
      othersCanGo
      ? "--keep-going carries the others."
      : images.count < total ? "The others can be carried without \(images.count == 1 ? "it" : "them")." : ""
    return ErrorText(
      "\(text.summary)\n\(images.count) of \(Amounts.count(total, "image")) "
        + "\(images.count == 1 ? "needs" : "need") it: \(names)",
      remedy: remedy.isEmpty ? nil : remedy, text.status)
  }

  /// All failures at once. The status is theirs when they agree, else the first one's.
  static func failed(_ failures: [ImageFailure], of total: Int) -> ErrorText {
    let texts = failures.map { ($0.image, ErrorText($0.error)) }
    guard texts.count > 1 || total > 1, let first = texts.first?.1 else {
      let only = texts.first?.1
      return ErrorText(
        only?.summary ?? "an image failed", remedy: only?.remedy, only?.status ?? .unforeseen)
    }
    guard texts.count == 1 || texts.contains(where: { $0.1 != first }) else {
      let many = failures.count == total ? "all" : "\(failures.count) of"
      return ErrorText(
        "\(first.summary); that stops \(many) \(Amounts.count(total, "image"))", remedy: first.remedy,
        first.status)
    }
    var lines: [Wording] = ["\(failures.count) of \(Amounts.count(total, "image")) cannot be carried:"]
    // A remedy that all share is said once; others stand with what they speak of.
    let isShared = Set(texts.map(\.1.remedy)).count == 1
    for (image, text) in texts.prefix(50) {
      lines.append("  \(image): \(text.summary)")
      if !isShared, let remedy = text.remedy {
        lines += remedy.lines.map { "    \($0)" }
      }
    }
    if texts.count > 50 { lines.append("  and \(texts.count - 50) more") }
    let remedies = (isShared ? [first.remedy].compactMap(\.self) : []) + ["--keep-going carries the others."]
    return ErrorText(lines.joined(separator: "\n"), remedy: remedies.joined(separator: "\n"), first.status)
  }

  /// Different images that archives have under one name.
  static func namedTwice(_ images: [NamedTwice], _ name: String, becoming target: Reference) -> ErrorText {
    let holders: [Wording] = images.prefix(mostNamed).map { "  \($0.digest) in \($0.archive)" }
    let more: [Wording] = images.count > mostNamed ? ["  and \(images.count - mostNamed) more"] : []
    return ErrorText(
      (["\(images.count) different images are called \(name), and would all become \(target):"] + holders
        + more)
        .joined(separator: "\n"),
      remedy:
        "Import the archives one after the other, each with a --map of its own, or choose one image by its digest: "
        + "--image \(images[0].digest)", .destinationConflict)
  }

  /// Different images whose names become one.
  static func collision(of sources: [String], at target: Reference) -> ErrorText {
    let references = sources.compactMap { try? Reference(anyTag: $0) }
    let summary: Wording = "\(Wording.list(sources)) would all become \(target)"
    let hosts = Set(references.map(\.host)).sorted()
    guard hosts.count > 1, Set(references.map(\.repository)).count < references.count else {
      return ErrorText(
        summary, remedy: "Tell them apart with --map, or choose with --image.", .destinationConflict)
    }
    // No rule tells two registries' repositories of one path apart.
    return ErrorText(
      summary,
      remedy:
        "A rule of --map does not see the registry: import what is of each by itself, as by --image '\(hosts[0])/*', "
        + "each below another --to.", .destinationConflict)
  }

  /// An image of an archive that is put aside, with those that have its name in others.
  static func leftOut(of archive: String, _ others: [NamedTwice]) -> ErrorText {
    let holders = others.prefix(mostNamed).map { "\($0.archive) has \($0.digest)" as Wording }
    let more: [Wording] = others.count > mostNamed ? ["and \(others.count - mostNamed) more"] : []
    let rest: Wording = holders.isEmpty ? "" : "; by the same name " + Wording.list(holders + more)
    return ErrorText(
      "it lies in \(archive), of which nothing can be taken\(rest)",
      remedy: others.first.map { "If that is the one that is meant: --image \($0.digest)" },
      .integrityFailure)
  }

  /// An image of which each of `archives` has something that another lacks.
  static func divided(_ name: String, among archives: [String]) -> ErrorText {
    ErrorText(
      "\(name) lies in \(Wording.list(Wording.few(archives))), in each of them with something that another lacks",
      remedy:
        "Take one platform of it (--platform), name one archive at a time, each with a tag of its own (--as), or "
        + "export all of it into one.",
      .destinationConflict)
  }

  /// What belongs to an image, called `name`, that nothing tells.
  static func untold(_ digest: Digest, in archive: String, of name: String?) -> ErrorText {
    let image: Wording = name.map { "\($0.cut(to: 200))" } ?? "an image without a name"
    return ErrorText(
      "\(archive) lists \(digest) as what belongs to \(image), and no archive here tells which image that is",
      remedy: (name == nil ? "" : "Give the archive that has the image too, in the same command; ")
        + "--no-referrers leaves out what belongs to images.", .notFound)
  }

  /// Images without a whole name, and exactly what names them.
  static func unnamed(_ images: [UnnamedImage], in archive: String) -> ErrorText {
    let tags = images.compactMap(\.tag)
    if tags.count == images.count, Set(tags).count == tags.count {
      let what: Wording =
        tags.count == 1
        ? "its image only '\(tags[0])', which is a tag"
        : "its images only \(Wording.list(tags)), which are tags"
      return ErrorText(
        "\(archive) calls \(what) without a repository",
        remedy: "Give the repository below --to: --as REPOSITORY, as in --as team/app", .usage)
    } else if images.count == 1 {
      let reason: Wording = images[0].namesAnother ? "is another image's, by its digest" : "is none"
      let what: Wording = images[0].name.isEmpty ? "" : "; '\(images[0].name.cut(to: 200))' \(reason)"
      return ErrorText(
        "\(archive) gives no name to its image \(images[0].digest)\(what)",
        remedy:
          "Give it one below --to: --as REPOSITORY:TAG, as in --as team/app:1.0; of several without a name, each by "
          + "itself: --image \(images[0].digest) --as REPOSITORY:TAG", .usage)
    } else {
      let lines: [Wording] = images.prefix(20).map {
        "  \($0.digest)" + ($0.name.isEmpty ? "" : "  \($0.name.cut(to: 200))")
      }
      let more: [Wording] = images.count > 20 ? ["  and \(images.count - 20) more"] : []
      return ErrorText(
        (["\(archive) gives no names to \(images.count) images:"] + lines + more).joined(separator: "\n"),
        remedy: "Import each by itself: --image \(images[0].digest) --as REPOSITORY:TAG", .usage)
    }
  }
}

/// Everything that stands in the way of a transfer, shown at once.
struct Obstacles {
  let failures: [ImageFailure]
  let blockers: [any Error]
  /// Of how many images.
  let total: Int
  /// Whether images that fail do not stop the others.
  let keepsGoing: Bool

  /// Prints each obstacle; the status that a run ends with, nil when the way is clear.
  func show(on console: Console) -> ExitStatus? {
    let texts =
      blockers.map(ErrorText.init)
      + (failures.isEmpty
        ? [] : [ErrorText(TransferError.imagesFailed(failures, total: total))])
    for text in texts { console.complain(text.lines) }
    return blockers.isEmpty && keepsGoing && !failures.isEmpty ? .someFailed : texts.first?.status
  }
}

extension Console {
  /// Every image that failed, with what may help: at the end, where it is seen.
  func complain(of failures: [ImageFailure]) {
    for failure in failures {
      let text = ErrorText(failure.error)
      complain("  \(failure.image): \(text.summary)")
      if let remedy = text.remedy { complain("    \(remedy)") }
    }
  }
}
