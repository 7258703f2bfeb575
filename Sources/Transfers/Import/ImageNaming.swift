public import Digests
import Images
import Layouts
import NVIDIA

/// An image that its archive gives no name, or only a part of one.
public struct UnnamedImage: Hashable, Sendable {
  public let digest: Digest
  /// The tag, where that is all there is.
  public let tag: String?
  /// What the archive calls it, not fit to be printed; empty where it calls it nothing.
  public let name: String

  /// Whether ``name`` is another image's, by its digest.
  public var namesAnother: Bool { name.isNameOfAnother(than: digest) }
}

extension String {
  /// Whether it is a name by a digest that is not this one.
  public func isNameOfAnother(than digest: Digest) -> Bool {
    (try? Reference(dockerName: self))?.digest.map { $0 != digest } ?? false
  }
}

/// An image whose name another one has in another archive.
public struct NamedTwice: Hashable, Sendable {
  public let archive: String
  public let digest: Digest
}

/// The images of an import with their names at the destination, in the order of these.
struct NamedImages: Sendable {
  let images: [ImportImage]
  /// Why they cannot all be pushed by these names.
  let blockers: [any Error]
}

/// The third step of an import: each image gets its target.
struct ImageNaming: Sendable {
  private let mapping: NameMapping
  private let givenName: GivenName?
  private let nvidiaHosts: NVIDIAHosts

  init(_ mapping: NameMapping, givenName: GivenName?, nvidiaHosts: NVIDIAHosts) {
    self.mapping = mapping
    self.givenName = givenName
    self.nvidiaHosts = nvidiaHosts
  }

  /// What tells one image under a target from others there.
  private struct Arrival: Hashable {
    let source: String
    let digest: Digest
  }

  /// Names that no registry takes, or NGC does not, and targets that different images would share are blockers; the
  /// images stay in the list, for all of it to be shown. One image that has several names of which one is made stays by each
  /// of them. Throws when the task was cancelled.
  func name(_ compressed: CompressedSelection) throws -> NamedImages {
    let selection = compressed.selected
    var blockers: [any Error] = []
    var all: [ImportImage] = []
    all.reserveCapacity(selection.count)
    var misfits: [MisfitName] = []
    let isOnly = selection.count { $0.referral == nil && $0.superseded == nil } == 1
    var unnamed: [(archive: String, image: UnnamedImage)] = []
    for selected in selection {
      try Task.checkCancellation()
      let image = selected.image
      guard let target = target(of: selected, isOnly: isOnly) else {
        // What refers to an image is named with it.
        guard selected.referral == nil else { continue }
        unnamed.append(
          (
            selected.listedIn,
            UnnamedImage(digest: image.root.digest, tag: image.bareTag, name: image.name)
          ))
        continue
      }
      var named = ImportImage(
        source: image.label, target: target, tree: selected.tree, manifests: selected.manifests,
        archive: selected.layout.path, referral: selected.referral)
      named.compression = compressed.images[named.digest]
      named.convertedFrom = selected.image.convertedFrom
      named.givenDigest = selected.image.givenDigest
      named.indexDigest = selected.takenFrom
      named.listedIn = selected.listedIn == named.archive ? nil : selected.listedIn
      if let origin = selected.origin {
        named.compression =
          named.compression ?? CompressedImage(original: origin.original, origin: origin, layers: [])
      }
      named.referrersLeft = selected.referrersLeft
      named.superseded = selected.superseded
      if !RepositoryName.isValid(target.repository) {
        named.state = .refused
        blockers.append(
          TransferError.invalidTarget(source: named.source, target: target.repositoryName))
      } else if let problem = problemOnNGC(with: target) {
        named.state = .refused
        misfits.append(MisfitName(source: named.source, target: target, problem: problem))
      }
      all.append(named)
    }
    for (archive, images) in Dictionary(grouping: unnamed, by: \.archive).sorted(by: { $0.key < $1.key }) {
      blockers.append(TransferError.unnamedImages(archive: archive, images.map(\.image)))
    }
    if let given = givenName, !isOnly, selection.allSatisfy({ $0.image.reference != nil }) {
      blockers.append(TransferError.nothingToName(given, images: selection.count))
    }
    if !misfits.isEmpty {
      blockers.append(TransferError.refusedByNGC(misfits.sorted { $0.target < $1.target }))
    }
    return NamedImages(images: settle(all, blockers: &blockers), blockers: blockers)
  }

  /// The images in the order of their targets, then of their sources, each once. Those that share a target with others are refused.
  private func settle(_ images: [ImportImage], blockers: inout [any Error]) -> [ImportImage] {
    let order = images.indices.sorted {
      images[$0].target == images[$1].target ? $0 < $1 : images[$0].target < images[$1].target
    }
    var settled: [ImportImage] = []
    settled.reserveCapacity(images.count)
    var next = 0
    while next < order.count {
      let target = images[order[next]].target
      let end = order[next...].firstIndex { images[$0].target != target } ?? order.count
      let sharing = order[next..<end]
      next = end
      guard sharing.count > 1 else {
        settled += sharing.map { images[$0] }
        continue
      }
      var arrived: Set<Arrival> = []
      var group = sharing.map { images[$0] }.filter {
        arrived.insert(Arrival(source: $0.source, digest: $0.digest)).inserted
      }
      if Set(group.map(\.digest)).count > 1 {
        let sources = Set(group.map(\.source)).sorted()
        blockers.append(
          sources.count > 1
            ? TransferError.targetCollision(target: target, sources: sources)
            : TransferError.nameCollision(
              name: sources[0], target: target,
              group.map {
                NamedTwice(archive: $0.listedIn ?? $0.archive, digest: $0.compression?.original ?? $0.digest)
              }))
        for place in group.indices { group[place].state = .refused }
      }
      settled += group.sorted { $0.source < $1.source }
    }
    return settled
  }

  /// Where an image goes, though no registry may take the name; nil when it has none. A given name is for
  /// images that have none, or for the only one; what refers to those goes beside them.
  private func target(of selected: SelectedImage, isOnly: Bool) -> Reference? {
    let image = selected.image
    let digest = selected.tree.root.digest
    if let given = givenName, isOnly || image.reference == nil {
      let ownTag = image.bareTag ?? image.reference?.tag
      guard selected.superseded == nil else {
        return mapping.target(for: given, referrerTag: nil, digest: digest)
      }
      guard let referral = selected.referral else { return mapping.target(for: given, ownTag: ownTag) }
      if referral.depth > 0 { return mapping.target(for: given, referrerTag: ownTag, digest: digest) }
    }
    guard let target = image.reference.map({ mapping.target(of: $0) }) else { return nil }
    // An image that has no tag is called what compressing makes of it.
    guard target.tag == nil, target.digest == image.digest, digest != image.digest else { return target }
    return Reference(host: target.host, repository: target.repository, digest: digest)
  }

  /// Why NGC would not have `target`; nil where it is not NGC's, or nothing is known against it.
  private func problemOnNGC(with target: Reference) -> NGCNameProblem? {
    guard nvidiaHosts.contains(target.host) else { return nil }
    return NGCRules.problem(with: target.repository)
  }
}
