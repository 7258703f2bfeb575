import Digests
public import Images

/// Whether one image of an archive has arrived, as receipts tell.
public struct Arrival: Sendable {
  public enum State: Sendable {
    /// A destination confirmed this very image, with everything that the archive has of it.
    case arrived([ReceivedImage])
    /// It was confirmed with this digest, but without `missing` blobs that the archive has of it.
    case incomplete(ReceivedImage, missing: Int)
    /// What was confirmed under its name has another digest.
    case differs([ReceivedImage])
    /// No receipt speaks of it.
    case missing
  }

  /// The image's name in the archive.
  public let image: String
  public let root: Descriptor
  public let state: State

  public var hasArrived: Bool {
    if case .arrived = state { true } else { false }
  }
}

extension VerifiedArchive {
  /// What `receipts` say of each of the archive's images, in their order.
  public func arrivals(in receipts: [Receipt]) -> [Arrival] {
    let images = receipts.flatMap(\.images)
    let bySource = Dictionary(grouping: images, by: \.source)
    // A referrer without a name is imported by the name of its subject's repository, with its digest.
    let byDigest = Dictionary(grouping: images) { String($0.source.split(separator: "@").last ?? "") }
    return contents.map { content in
      var received = bySource[content.name] ?? byDigest[content.name] ?? []
      // An image whose name is a later archive's was imported by its digest.
      if let reference = content.reference, reference.tag != nil {
        received += bySource["\(reference.repositoryName)@\(content.root.digest)"] ?? []
      }
      return Arrival(image: content.name, root: content.root, state: content.state(in: received))
    }
  }
}

extension VerifiedImage {
  /// `received` are the images confirmed under this one's name.
  fileprivate func state(in received: [ReceivedImage]) -> Arrival.State {
    guard !received.isEmpty else { return .missing }
    let same = received.filter { [$0.digest, $0.archiveDigest].contains(root.digest) }
    guard let first = same.first else {
      let including = isList ? received.filter(hasAllListed) : []
      return including.isEmpty ? .differs(received) : .arrived(including)
    }
    let whole = same.filter { missing(in: $0) == 0 }
    guard whole.isEmpty else { return .arrived(whole) }
    return .incomplete(first, missing: missing(in: first))
  }

  /// How many of its parts were not confirmed with it: one digest covers platforms that one archive has and another
  /// left out. Of what was changed on the way the root is another, and so may be the manifests below it and layers that
  /// were not compressed; for each of these there is another part.
  private func missing(in received: ReceivedImage) -> Int {
    let sizes = Dictionary(received.parts.map { ($0.digest, $0.size) }) { first, _ in first }
    let isChanged = received.digest != root.digest
    var known: Set<Digest> = []
    let parts = parts.filter { known.insert($0.digest).inserted }
    // Of an index one platform went in its place: what the archive has is that, or more.
    if isChanged, known.contains(received.digest) {
      return parts.count { sizes[$0.digest] != $0.size && !$0.mediaType.isIndex }
    }
    let missing = parts.count { part in
      guard sizes[part.digest] != part.size else { return false }
      return !isChanged
        || !part.mediaType.isManifest && !part.mediaType.isSchema1 && part.mediaType.compressedLayer == nil
    }
    return max(missing, parts.count - received.parts.count)
  }

  /// Whether it is the list of a manifest's referrers, which may have become part of another at the destination.
  private var isList: Bool {
    (try? Reference(anyTag: name))?.tag.flatMap { ReferrerTag($0) }?.kind == .list
  }

  /// Whether the list that was confirmed is there with all that this one lists.
  private func hasAllListed(_ received: ReceivedImage) -> Bool {
    let digests = Set(received.parts.map(\.digest))
    return parts.allSatisfy { $0.digest == root.digest || digests.contains($0.digest) }
  }
}
