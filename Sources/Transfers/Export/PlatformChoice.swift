import Digests
import Images

/// Which manifests of an index are wanted when platforms were asked for.
struct PlatformChoice: Sendable {
  let wanted: [Platform]

  /// The manifests of `index` for a wanted platform.
  private func matches(in index: ImageIndex) -> [Descriptor] {
    index.manifests.filter { child in
      child.mediaType.isManifest && wanted.contains { child.platform?.satisfies($0) == true }
    }
  }

  /// What is left out of `index`: manifests for other platforms, and attestations of those. An entry
  /// without a platform stays. Throws ``TransferError/platformNotFound(_:wanted:available:)``.
  func omitted(from index: ImageIndex, of image: Reference) throws(TransferError) -> Set<Digest> {
    let chosen = matches(in: index)
    guard !chosen.isEmpty else {
      let available = index.manifests.compactMap(\.platform).filter { !$0.isUnknown }
      throw .platformNotFound(image, wanted: wanted, available: available)
    }
    let digests = Set(chosen.map(\.digest))
    let others = index.manifests.filter { child in
      if let attested = child.attestedDigest { return !digests.contains { $0.description == attested } }
      return child.platform != nil && !digests.contains(child.digest)
    }
    return Set(others.map(\.digest))
  }

  /// The one manifest that stands for the image when a single platform was asked for and a single
  /// manifest serves it; nil when the index must be kept.
  func single(in index: ImageIndex) -> Descriptor? {
    let chosen = matches(in: index)
    return wanted.count == 1 && chosen.count == 1 ? chosen.first : nil
  }
}
