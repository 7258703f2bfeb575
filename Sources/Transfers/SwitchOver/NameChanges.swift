public import Digests
public import Images
import Layouts

/// One image that is confirmed at its new home: what it was called, and what it is called there.
public struct NameChange: Hashable, Sendable {
  /// With a tag, or else with a digest, and never with both.
  public let old: Reference
  public let new: Reference
  /// What its new name stands for.
  public let digest: Digest
  /// What its old name stood for, where that is something else: it was converted or compressed on the way.
  public let oldDigest: Digest?

  public init(old: Reference, new: Reference, digest: Digest, oldDigest: Digest? = nil) {
    let pulled = old.asPulled
    // What changed on the way had no name by its new digest there.
    self.old =
      pulled.tag == nil && oldDigest != nil
      ? Reference(host: old.host, repository: old.repository, digest: oldDigest) : pulled
    self.new = new.asPulled
    self.digest = digest
    self.oldDigest = oldDigest == digest ? nil : oldDigest
  }
}

/// An image that nobody has confirmed at its new home, by what it is called in the archive or the list.
public struct UnconfirmedName: Hashable, Sendable {
  /// Not fit to be printed.
  public let name: String
  /// What it was to be called; nil where that is not known.
  public let new: Reference?

  public init(name: String, new: Reference? = nil) {
    self.name = name
    self.new = new
  }
}

/// From old names to new ones, as far as a registry confirmed them: what all that pulls images is told.
public struct NameChanges: Sendable {
  /// Where the images are now.
  public let destination: RegistryLocation
  /// In the order of the old names, each once.
  public let changes: [NameChange]
  /// Names that had better not be pulled yet, or never, in order.
  public let unconfirmed: [String]
  /// The old repositories in order, with where each went.
  let repositories: [MovedRepository]
  /// Which old repositories' images a new one has or was to have.
  let origins: [RegistryLocation: Set<RegistryLocation>]

  /// A name that is unconfirmed anywhere is so everywhere, and so is one that was confirmed at another host than the
  /// destination's.
  ///
  /// `knowsAll` is whether every image of the archives is among these: a receipt names none but those that arrived.
  public init(
    at destination: RegistryLocation, confirmed: [NameChange], unconfirmed: [UnconfirmedName],
    knowsAll: Bool = true
  ) {
    self.destination = destination
    var left = unconfirmed
    var byName: [Reference: NameChange] = [:]
    let missing = Set(unconfirmed.compactMap { try? Reference(anyTag: $0.name).asPulled })
    for change in confirmed {
      guard change.new.host == destination.host, !missing.contains(change.old) else {
        left.append(UnconfirmedName(name: change.old.description))
        continue
      }
      if byName[change.old] == nil { byName[change.old] = change }
    }
    changes = byName.values.sorted { $0.old < $1.old }
    self.unconfirmed = Set(left.map(\.name)).sorted()
    var origins: [RegistryLocation: Set<RegistryLocation>] = [:]
    var absent: Set<RegistryLocation> = []
    for change in changes { origins[change.new.location, default: []].insert(change.old.location) }
    for name in left {
      guard let old = try? Reference(anyTag: name.name).location else { continue }
      absent.insert(old)
      if let new = name.new?.location { origins[new, default: []].insert(old) }
    }
    self.origins = origins
    let moved = Dictionary(grouping: changes, by: \.old.location)
    repositories = Set(moved.keys).union(absent).sorted { $0.description < $1.description }.map { old in
      let changes = moved[old] ?? []
      return MovedRepository(
        old: old,
        outcome: knowsAll || absent.contains(old)
          ? Self.outcome(of: changes, isWhole: !absent.contains(old), origins) : .left(.unknown))
    }
  }

  /// What may be said of a repository as a whole: what pulls by a rule for it pulls every tag by that.
  private static func outcome(
    of changes: [NameChange], isWhole: Bool, _ origins: [RegistryLocation: Set<RegistryLocation>]
  ) -> MovedRepository.Outcome {
    guard isWhole, let new = changes.first?.new.location else { return .left(.unconfirmed) }
    guard changes.allSatisfy({ $0.new.location == new }) else { return .left(.divided) }
    guard origins[new]?.count == 1 else { return .left(.joined(new)) }
    let keepsNames = changes.allSatisfy { $0.old.identifier == $0.new.identifier }
    return keepsNames ? .moved(to: new) : .left(.renamed)
  }
}

/// An old repository, and what can be said of all that is in it.
struct MovedRepository: Sendable {
  enum Outcome: Sendable {
    /// All of its images are there under the tags that they had.
    case moved(to: RegistryLocation)
    case left(Reason)
  }

  /// Why no rule for the whole repository is right.
  enum Reason: Sendable {
    /// An image of it is not confirmed.
    case unconfirmed
    /// A receipt does not say what else there was of it.
    case unknown
    /// Its images went to several repositories.
    case divided
    /// Its new repository has another one's images too.
    case joined(RegistryLocation)
    /// Images have other tags now, or those without a tag other digests.
    case renamed

    // Why one kind of rule is not.
    /// The new path is not the old one behind a prefix.
    case otherPath
    /// The new registry is at the old one's host.
    case sameHost
    /// By the same rule another image would be pulled for this repository.
    case misleading(RegistryLocation)
    /// The rule would hold for this repository below it as well, for which none is right.
    case above(RegistryLocation)
  }

  let old: RegistryLocation
  let outcome: Outcome

  /// Where it went, where a rule is right and needed.
  var new: RegistryLocation? {
    if case .moved(let new) = outcome, new != old { new } else { nil }
  }

  /// Why it is in no rule; nil where it may be, or needs none.
  var reason: Reason? { if case .left(let reason) = outcome { reason } else { nil } }
}

extension Reference {
  /// The same as it is asked for: by its tag, else by its digest, else by docker's default tag.
  fileprivate var asPulled: Reference {
    let tag = tag ?? (digest == nil ? Self.defaultTag : nil)
    return Reference(host: host, repository: repository, tag: tag, digest: tag == nil ? digest : nil)
  }

  var location: RegistryLocation { RegistryLocation(host: host, path: repository) }
}

extension ImportResult {
  /// The names of all images that this run confirmed. Referrers go unnamed: they are found by what they refer to.
  public var nameChanges: NameChanges { prepared.nameChanges(of: confirmedImages, failures: failures) }
}

extension PreparedImport {
  /// The names as they will be when all goes well.
  public var plannedNameChanges: NameChanges {
    nameChanges(of: images.filter { $0.isToPush || $0.isThere && $0.state != .trusted }, failures: failures)
  }

  fileprivate func nameChanges(of confirmed: [ImportImage], failures: [ImageFailure]) -> NameChanges {
    let referrers = Set(images.filter(\.isReferrer).map(\.source))
    let named = confirmed.filter { !$0.isReferrer }
    let known = Set(named.map(\.target))
    let changes = named.compactMap { image in
      (try? Reference(anyTag: image.source)).map {
        NameChange(
          old: $0, new: image.target, digest: image.digest,
          oldDigest: image.schema1Digest ?? image.indexDigest ?? image.givenDigest
            ?? image.compression?.original)
      }
    }
    let held = Set(named.map(\.source))
    var others = images.filter { !$0.isReferrer && !known.contains($0.target) }.map {
      UnconfirmedName(name: $0.source, new: $0.target)
    }
    others += (failures + incomplete).filter { !referrers.contains($0.image) }.map {
      UnconfirmedName(name: $0.image)
    }
    // What was not chosen stays where it is.
    others += opened.layouts.flatMap(\.names).filter { !held.contains($0) }.map { UnconfirmedName(name: $0) }
    // What failed when an archive was made may have come in another one.
    others += opened.layouts.flatMap { $0.missingImages.map(\.image) }.filter { !held.contains($0) }.map {
      UnconfirmedName(name: $0)
    }
    return NameChanges(at: destination, confirmed: changes, unconfirmed: others)
  }
}

extension Layout {
  /// What its images are called, but for what is there for another one's sake.
  fileprivate var names: [String] {
    images.filter { $0.reference != nil && !$0.looksLikeReferrer }.map(\.label)
  }
}

extension ImportImage {
  fileprivate var isReferrer: Bool {
    referral != nil || target.tag.flatMap { ReferrerTag($0) } != nil
  }
}

extension DestinationCheckResult {
  /// The names of all images that were found as they should be.
  public var nameChanges: NameChanges {
    var changes: [NameChange] = []
    var others = (subject.lacking + (subject.unlisted ?? []).map(\.description)).map {
      UnconfirmedName(name: $0)
    }
    var knowsAll = true
    switch subject.content {
    case .archives(let archives, _):
      let looked = Set(images.map(\.name))
      others += archives.layouts.flatMap(\.names).filter { !looked.contains($0) }.map {
        UnconfirmedName(name: $0)
      }
    case .receipts: knowsAll = false
    }
    for image in images where image.subject == nil && image.target.tag.flatMap({ ReferrerTag($0) }) == nil {
      guard image.state.isRight else {
        others.append(UnconfirmedName(name: image.name, new: image.target))
        continue
      }
      guard let old = image.reference else { continue }
      changes.append(
        NameChange(
          old: old, new: image.target, digest: image.digest,
          oldDigest: image.schema1Digest ?? image.indexDigest ?? image.givenDigest
            ?? image.archiveDigest))
    }
    return NameChanges(at: destination, confirmed: changes, unconfirmed: others, knowsAll: knowsAll)
  }
}
