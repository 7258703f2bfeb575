import Digests
import Images
import Transfers

/// The words for platforms that are not there, and for what docker could not load.
enum PlatformText {
  /// An image has none of the platforms that are asked for.
  static func notFound(_ wanted: [Platform], of image: Reference, _ available: [Platform]) -> ErrorText {
    ErrorText(
      "\(image) has no image for \(Wording.list(wanted.map(\.description)))",
      remedy: available.isEmpty
        ? "Its index names no platforms: export all of it."
        : "It has \(Wording.list(available.map(\.description))).", .notFound)
  }

  /// `absent` of the manifests that an image's index lists are not in its archive, and several are.
  static func absent(_ absent: Int, of image: String, in archive: String, here: [Platform]) -> ErrorText {
    guard !here.isEmpty else {
      return ErrorText(
        "\(Amounts.count(absent, "manifest")) that \(image) lists \(absent == 1 ? "is" : "are") not in \(archive)",
        remedy: "--sparse-index pushes it as it is, where the registry takes it.", .usage)
    }
    return ErrorText(
      "\(image) has \(Wording.list(here.map(\.description))) in \(archive), and "
        + "\(Amounts.count(absent, "manifest")) that its index lists \(absent == 1 ? "is" : "are") not there",
      remedy:
        "--platform \(here.first?.description ?? "OS/ARCH") pushes that one; --sparse-index pushes the index as it "
        + "is, where the registry takes it.", .usage)
  }

  /// An index lists several images for one platform, of which readers take the first; without `taken` all are taken.
  static func line(
    for image: String, _ platform: Platform, taking taken: Digest?, others: [Digest]
  ) -> Wording {
    let count = taken == nil ? others.count : others.count + 1
    let what: Wording = taken.map { "\($0), the first, and not " } ?? "all of them, "
    return "\(image): its index lists \(count) images for \(platform): taking \(what)"
      + Wording.list(Wording.few(others.map(\.description)))
  }

  /// An index cannot be written without some of its platforms.
  static func fixed(_ image: Reference, _ cause: ManifestError) -> ErrorText {
    ErrorText(
      "the index of \(image) cannot be written without the other platforms: \(cause.words)",
      remedy: "Keep it with --keep-index, or export every platform.", .cannotWrite)
  }

  /// Why an image is not written into an archive that every docker is to load.
  static func docker(_ obstacle: DockerObstacle, of image: Reference) -> ErrorText {
    let remedy: Wording =
      switch obstacle {
      case .schema1: "Add --convert-schema1, which makes an image of it that docker loads."
      case .index: "Name one of them: --platform OS/ARCH/VARIANT."
      case .noImage, .layer, .missing, .otherDigest:
        "Leave the image out, or export it without --docker-compatible."
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
    case .otherDigest(let digest): "it knows no digests but sha256, and a part of it is named \(digest)"
    }
  }
}
