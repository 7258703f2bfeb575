import Digests
import Images
import Transfers

/// What a check found, for people.
struct CheckText {
  private let console: Console

  init(_ console: Console) {
    self.console = console
  }

  /// A line for each image that is not as it was, for each that is new, and one for all.
  func show(_ result: SourceCheckResult) {
    for image in result.images {
      if let line = Self.line(for: image) { console.result(line) }
    }
    for tag in result.new?.tags ?? [] {
      let isNewRepository = result.new?.repositories.contains(tag.repositoryName) == true
      console.result("new      \(tag)" + (isNewRepository ? ", in a repository that is new" : ""))
    }
    for manifest in result.new?.untagged ?? [] { console.result("new      \(manifest), which no tag names") }
    showShortage(of: result.subject)
    console.result(Self.summary(of: result))
    if let line = UntaggedText.line(unlistedAt: result.new?.untaggedUnlisted) { console.complain(line) }
    showWhatWasNotRead(of: result.subject)
  }

  /// A line for each image that is not there as it should be, for each part with what is wrong with it, and one for all.
  func show(_ result: DestinationCheckResult) {
    for image in result.images {
      if let line = Self.line(for: image) { console.result(line) }
    }
    for fault in result.faults { console.result(Self.line(for: fault)) }
    for referrer in result.unlisted { console.result(Self.line(for: referrer)) }
    showShortage(of: result.subject)
    console.result(Self.summary(of: result))
    for line in OmissionText.lines(result.leftOut) { console.say(line) }
    for (image, referrer) in result.uncarried {
      console.complain(UncarriedText.line(for: referrer, of: image))
    }
    showWhatWasNotRead(of: result.subject)
  }

  private func showShortage(of subject: CheckSubject) {
    let failed = Set(subject.lacking)
    let unlisted = (subject.unlisted ?? []).map(\.description)
    for name in unlisted {
      console.result(
        "missing  \(name): on the list, and not in \(Self.names(of: subject))"
          + (failed.contains(name) ? ": it failed when the archive was made" : ""))
    }
    for name in subject.lacking where !unlisted.contains(name) {
      console.result("missing  \(name): it failed when the archive was made")
    }
  }

  /// Whoever reads that all is well must not take it for a proof of what was not read.
  private func showWhatWasNotRead(of subject: CheckSubject) {
    guard subject.isOfArchives, !subject.isReadThrough else { return }
    console.say(
      "layers of \(subject.files.count == 1 ? "the archive itself" : "the archives themselves"), \(Self.names(of: subject)), "
        + "were not read here: 'ferry verify' proves them")
  }

  /// Says what could not be told, and what to do about it; of images with one reason once.
  func complain(of result: SourceCheckResult) {
    complain(of: result.failures.prefix(result.failures.count - (result.new?.failures.count ?? 0)))
    let places = result.new?.failures ?? []
    for failure in places {
      console.complain("cannot tell what is new in \(failure.image): \(ErrorText(failure.error).summary)")
    }
    if !places.isEmpty { console.say("--no-new asks for the images alone") }
  }

  func complain(of result: DestinationCheckResult) { complain(of: result.failures[...]) }

  private func complain(of failures: ArraySlice<ImageFailure>) {
    var order: [ErrorText] = []
    var names: [Wording: [String]] = [:]
    for failure in failures {
      let text = ErrorText(failure.error)
      if names[text.summary] == nil { order.append(text) }
      names[text.summary, default: []].append(failure.image)
    }
    for text in order {
      let images = Wording.list(Wording.few(names[text.summary] ?? []))
      console.complain("cannot tell of \(images): \(text.summary)")
      if let remedy = text.remedy { console.complain(remedy) }
    }
  }

  /// How a check of the source ends.
  static func status(of result: SourceCheckResult) -> ExitStatus {
    if result.hasDifferences { return .differences }
    return status(
      of: result.failures,
      isAll: result.images.allSatisfy { if case .unknown = $0.state { true } else { false } })
  }

  static func status(of result: DestinationCheckResult) -> ExitStatus {
    if result.isDamaged { return .integrityFailure }
    if result.hasDifferences { return .differences }
    // An image may be damaged by its name alone.
    return status(
      of: result.failures,
      isAll: result.images.allSatisfy { if case .unknown = $0.state { true } else { false } })
  }

  /// Where nothing could be told, the reason's own status.
  private static func status(of failures: [ImageFailure], isAll: Bool) -> ExitStatus {
    guard let first = failures.first else { return .done }
    return isAll ? ErrorText(first.error).status : .someFailed
  }

  /// What there is to say of an image; nil of one that is as it was, or of which nothing could be told.
  static func line(for image: SourceImage) -> Wording? {
    switch image.state {
    case .same, .listed, .unknown: nil
    case .moved(let digest): "moved    \(image.name): \(image.convertedFrom ?? image.digest) → \(digest)"
    case .gone: "gone     \(image.name): \(image.convertedFrom ?? image.digest)"
    }
  }

  static func line(for image: DestinationImage) -> Wording? {
    switch image.state {
    case .there, .included, .unknown: nil
    case .differs(let digest):
      "differs  \(image.target) holds \(digest), not \(image.digest) of \(image.name)"
        + (image.mayBeChanged
          ? ": it may be the same, converted or compressed on the way, which a check of the import's receipt tells"
          : "")
    case .missing: "missing  \(image.target): \(image.digest) of \(image.name)"
    case .incomplete(let count): "missing  \(Amounts.count(count, "part")) of \(image.target)"
    case .damaged(let count): "damaged  \(image.target): \(Amounts.count(count, "part")) with wrong bytes"
    }
  }

  static func line(for fault: FaultyPart) -> Wording {
    let digest = fault.descriptor.digest
    let what: Wording =
      switch fault.fault {
      case .missing: "missing: \(digest) in \(fault.repository)"
      case .otherSize: "wrong bytes: \(digest) in \(fault.repository) has another size"
      case .wrongBytes(.mismatch(_, let actual)):
        "wrong bytes: \(digest) in \(fault.repository) hashes to \(actual)"
      case .wrongBytes: "wrong bytes: \(digest) in \(fault.repository) has more bytes, or fewer"
      }
    return "\(what)\n  hurts " + Wording.list(Wording.few(fault.images))
  }

  static func line(for referrer: UnlistedReferrer) -> Wording {
    "missing  \(referrer.digest) in the list of what refers to \(referrer.subject), in \(referrer.repository)"
  }
}

/// A check in one line.
extension CheckText {
  static func summary(of result: SourceCheckResult) -> Wording {
    let unchanged = result.images.filter(\.state.isUnchanged)
    let right = unchanged.compactMap { image in
      image.reference.map { ListedName(reference: $0, digests: image.digests) }
    }
    let hosts = result.subject.hosts.sorted()
    let place: Wording = hosts.isEmpty ? "" : " at \(Wording.list(hosts))"
    var text = beginning(
      of: result.subject,
      all: result.images.map { ($0.reference, $0.digest, $0.subject != nil, $0.state.isUnchanged) },
      right: right, being: "unchanged\(place)")
    let moved = result.images.count { if case .moved = $0.state { true } else { false } }
    let gone = result.images.count { if case .gone = $0.state { true } else { false } }
    if moved > 0 { text += ", \(moved) moved" }
    if gone > 0 { text += ", \(gone) gone" }
    guard let new = result.new else { return text }
    let isBlind = !new.failures.isEmpty
    let untagged = new.untagged?.count ?? 0
    switch new.tags.count + untagged {
    case 0: text += isBlind ? "; whether anything is new cannot be told" : "; nothing is new since"
    case let count:
      let kinds =
        (new.tags.isEmpty ? [] : [Amounts.count(new.tags.count, "tag")])
        + (untagged == 0 ? [] : [Amounts.count(untagged, "untagged manifest")])
      text += "; \(Wording.list(kinds)) \(count == 1 ? "is" : "are") new since"
      if !new.repositories.isEmpty {
        text +=
          ", in \(Amounts.count(new.repositories.count, "new repository", plural: "new repositories"))"
          + ((new.tags + (new.untagged ?? [])).contains { !new.repositories.contains($0.repositoryName) }
            ? " and others" : "")
      }
      if isBlind { text += ", and there may be more" }
    }
    return text
  }

  static func summary(of result: DestinationCheckResult) -> Wording {
    let right = result.images.filter(\.state.isRight).compactMap { image in
      image.reference.map { ListedName(reference: $0, digests: [image.digest, image.archiveDigest]) }
    }
    let text = beginning(
      of: result.subject,
      all: result.images.map { ($0.reference, $0.archiveDigest, $0.subject != nil, $0.state.isRight) },
      right: right,
      being: "at \(result.destination)" + (result.isForPlatforms ? ", for the platforms asked for" : ""))
    guard let readBack = result.readBack else { return text + "; no blob was read back (--read-back)" }
    return text + "; " + words(for: readBack)
  }

  /// How much was read of how much.
  static func words(for readBack: ReadBackResult) -> Wording {
    let share = readBack.totalBytes > 0 ? Double(readBack.readBytes) / Double(readBack.totalBytes) : 1
    let percent = readBack.readBytes == readBack.totalBytes ? 100 : min(99, Int(share * 100))
    return "read back \(Amounts.bytes(readBack.readBytes)) of \(Amounts.bytes(readBack.totalBytes)) "
      + "(\(percent == 0 && readBack.readBytes > 0 ? "less than 1" : "\(percent)") %)"
      + (readBack.earlierBytes > 0
        ? ", \(Amounts.bytes(readBack.earlierBytes)) of it in a run that was broken off" : "")
  }

  /// `418 of 418 images on the list are in fleet.tar and unchanged at nvcr.io`. `all` says of each image what it is called,
  /// whether it is a referrer, and whether it is right; `right` names those that are.
  private static func beginning(
    of subject: CheckSubject, all: [(reference: Reference?, digest: Digest, isReferrer: Bool, isRight: Bool)],
    right: [ListedName], being state: Wording
  ) -> Wording {
    let names = names(of: subject)
    let images = all.filter { !$0.isReferrer }
    let referrers = all.filter(\.isReferrer)
    guard let list = subject.list else {
      var text: Wording = count(images.count(where: \.isRight), of: images.count, "image")
      if !referrers.isEmpty {
        text += " and " + count(referrers.count(where: \.isRight), of: referrers.count, "referrer")
      }
      return text + " of \(names) \(all.count == 1 ? "is" : "are") \(state)" + shortage(of: subject)
    }
    let found = list.references.count - list.missing(from: right).count
    let others = all.filter { image in image.reference.map { !list.lists($0, image.digest) } ?? true }
    var text: Wording =
      count(found, of: list.references.count, "image")
      + " on the list \(list.references.count == 1 ? "is" : "are") in \(names) and \(state)"
    if !others.isEmpty {
      text += ", and \(others.count(where: \.isRight)) of \(Amounts.count(others.count, "other")) in it"
    }
    return text + shortage(of: subject)
  }

  private static func shortage(of subject: CheckSubject) -> Wording {
    subject.lacking.isEmpty
      ? "" : "; \(Amounts.count(subject.lacking.count, "image")) failed when it was made"
  }

  private static func count(_ number: Int, of total: Int, _ noun: String) -> Wording {
    "\(number) of \(Amounts.count(total, noun))"
  }

  /// What the files are called.
  static func names(of subject: CheckSubject) -> Wording {
    subject.files.count <= 3
      ? Wording.list(subject.files.map { $0.path == StandardInput.name ? "standard input" : $0.path })
      : "\(subject.files.count) \(subject.isOfArchives ? "archives" : "receipts")"
  }
}
