public import Digests
import Images
import Layouts

/// Why docker before version 25, whose `docker load` reads `manifest.json` and no index, cannot load an image.
public enum DockerObstacle: Hashable, Sendable {
  /// It is one of Docker's schema 1, which is carried as it is.
  case schema1
  /// An index lists several images for the platform that was asked for.
  case index
  /// It is no image: an artifact, or a manifest of a type that Ferry does not know.
  case noImage
  /// A layer of another kind or compression than docker knows; the type is what the manifest says.
  case layer(Digest, type: String)
  /// A layer that is not in the archive.
  case missing(Digest)
  /// A part that is named by another algorithm than the one that docker knows.
  case otherDigest(Digest)
}

extension ExportImage {
  /// What keeps docker from loading it; nil where every docker can.
  var obstacleForDocker: DockerObstacle? {
    if isSchema1 { return .schema1 }
    if tree.root.mediaType.isIndex { return .index }
    guard let image = runnable.first, image.config.mediaType.isImageConfig else { return .noImage }
    if let foreign = omissions.first { return .missing(foreign.descriptor.digest) }
    if let part = tree.parts.first(where: { $0.digest.algorithm != .sha256 }) {
      return .otherDigest(part.digest)
    }
    for layer in image.layers {
      let kind = layer.mediaType.rawValue
      guard layer.mediaType.isComparableLayer, !kind.hasSuffix("zstd"), !kind.hasSuffix("xz") else {
        return .layer(layer.digest, type: kind)
      }
    }
    return nil
  }
}
