import Images
import Transfers

/// The words for what docker could not load.
enum DockerText {
  /// Why an image is not written into an archive that every docker is to load.
  static func text(for obstacle: DockerObstacle, of image: Reference) -> ErrorText {
    let remedy: Wording =
      switch obstacle {
      case .schema1: "Add --convert-schema1, which makes an image of it that docker loads."
      case .index: "Name one of them: --platform OS/ARCH/VARIANT."
      case .noImage, .layer, .missing: "Leave the image out, or export it without --docker-compatible."
      }
    return ErrorText(
      "docker before version 25 cannot load \(image): \(reason(obstacle))", remedy: remedy, .cannotWrite)
  }

  private static func reason(_ obstacle: DockerObstacle) -> Wording {
    switch obstacle {
    case .schema1: "it is a Docker schema 1 image"
    case .index: "it has several images for this platform"
    case .noImage: "it is no container image"
    case .layer(let digest, let type): "its layer \(digest) is of type \(type)"
    case .missing(let digest): "its layer \(digest) is foreign and not in the archive"
    }
  }
}
