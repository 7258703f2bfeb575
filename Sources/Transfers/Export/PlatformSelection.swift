import Digests
public import Images

/// Which platforms of images for several are exported.
public struct PlatformSelection: Hashable, Sendable {
  /// Empty: every platform.
  public var wanted: [Platform]
  /// An index stays what it is though it lists platforms that are not wanted.
  public var keepsIndex: Bool
  /// What docker before version 25 cannot load is not exported.
  public var isForDocker: Bool

  public init(_ wanted: [Platform] = [], keepsIndex: Bool = false, isForDocker: Bool = false) {
    self.wanted = wanted
    self.keepsIndex = keepsIndex
    self.isForDocker = isForDocker
  }
}

/// Which manifests of an index are wanted when platforms were asked for.
struct PlatformChoice {
  let wanted: [Platform]

  /// Those of an index's `children` for a wanted platform.
  private func matches(in children: [Descriptor]) -> [Descriptor] {
    children.filter { child in wanted.contains { child.platform?.satisfies($0) == true } }
  }

  /// Those wanted that none of an index's `children` is for.
  func missing(in children: [Descriptor]) -> [Platform] {
    wanted.filter { wanted in !children.contains { $0.platform?.satisfies(wanted) == true } }
  }

  /// What of an index's `children` is for one and the same platform among those that are taken, in their order: several images
  /// that nothing tells apart, as builds for several versions of Windows are.
  func repeated(in children: [Descriptor]) -> [(Platform, [Digest])] {
    var found: [(platform: Platform, digests: [Digest])] = []
    for child in matches(in: children) {
      guard let platform = child.platform else { continue }
      let place = found.firstIndex { $0.platform == platform && $0.platform.osVersion == platform.osVersion }
      if place == nil { found.append((platform, [child.digest])) }
      guard let place, !found[place].digests.contains(child.digest) else { continue }
      found[place].digests.append(child.digest)
    }
    return found.filter { $0.digests.count > 1 }
  }

  /// What is left out of `index`, whose manifests are `children`: those for other platforms, and attestations of those. An entry
  /// without a platform stays. Throws ``TransferError/platformNotFound(_:wanted:available:)``.
  func omitted(
    from index: ImageIndex, _ children: [Descriptor], of image: Reference
  ) throws(TransferError) -> Set<Digest> {
    let chosen = matches(in: children)
    guard !chosen.isEmpty else {
      let available = index.manifests.compactMap(\.platform).filter { !$0.isUnknown }
      throw .platformNotFound(image, wanted: wanted, available: available)
    }
    let digests = Set(chosen.map(\.digest))
    let names = Set(digests.map(\.description))
    let others = index.manifests.filter { child in
      if let attested = child.attestedDigest { return !names.contains(attested) }
      return child.platform != nil && !digests.contains(child.digest)
    }
    return Set(others.map(\.digest))
  }

  /// The one manifest that stands for the image when a single platform was asked for and a single
  /// manifest serves it; nil when the index must be kept.
  func single(in children: [Descriptor]) -> Descriptor? {
    let chosen = matches(in: children)
    return wanted.count == 1 && Set(chosen.map(\.digest)).count == 1 ? chosen.first : nil
  }
}
