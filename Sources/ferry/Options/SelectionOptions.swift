import ArgumentParser
import Images
import Transfers

/// What is exported of the images named.
struct SelectionOptions: ParsableArguments {
  @Option(
    name: [.customShort("f"), .long],
    help: ArgumentHelp(
      "Read images from this file, one a line, # for comments; - reads standard input. Repeatable.",
      valueName: "file"),
    completion: .file())
  var fromFile: [String] = []

  @Flag(help: "Take every tag of the repositories given.")
  var allTags = false

  @Flag(help: "Take every repository at or below the places given, such as nvcr.io/olddept.")
  var allRepositories = false

  @Option(
    help: ArgumentHelp(
      "Take the tags that match this glob; !glob leaves tags out. Repeatable.", valueName: "glob"))
  var tags: [String] = []

  @Flag(
    help:
      "Also take what no tag names in these repositories, by its digest, as far as their registries show it."
  )
  var untagged = false

  @Option(
    help: ArgumentHelp(
      "Take only this platform of multi-platform images, such as linux/amd64. Repeatable. With one platform "
        + "the image becomes that platform's manifest; with several, an index of just these, with another digest.",
      valueName: "os/arch"),
    transform: PlatformArgument.parse)
  var platform: [Platform] = []

  @Flag(
    help: """
      With --platform, also a single one, keep indexes as they are, and their digests, though what they list of other \
      platforms is not in the archive. containerd, and most registries, refuse such an index.
      """)
  var keepIndex = false

  @Flag(
    help: """
      Write what every 'docker load' reads, also docker's before version 25: of each image one platform, this machine's \
      unless --platform names another, no signatures; images with layers that docker does not know fail.
      """)
  var dockerCompatible = false

  @Flag(
    name: .customLong("no-referrers"),
    help: """
      Leave the images' signatures, SBOMs and attestations, unless their tags are named. Some tools stop at them: \
      'ctr images import', and 'podman load' beside an image for several platforms.
      """)
  var leavesReferrers = false

  @Flag(
    name: .customLong("convert-schema1"),
    help: """
      Make schema 2 images of Docker schema 1 images, as docker would, so that any tool loads the archive. This \
      changes their digests; report and archive have old and new, and the old manifests. Their layers stay as they \
      are, and are read once more, to learn what they hold; with -o - and --only-volume they are fetched twice.
      """)
  var convertsSchema1 = false

  /// Which platforms are taken.
  var platforms: PlatformSelection {
    PlatformSelection(
      platform.isEmpty && dockerCompatible ? [.ofThisMachine] : platform, keepsIndex: keepIndex,
      isForDocker: dockerCompatible)
  }

  func validate() throws {
    if allTags && !tags.isEmpty { throw ValidationError("--all-tags and --tags exclude each other.") }
    if keepIndex, platform.isEmpty {
      throw ValidationError("--keep-index is for --platform; without it every index is kept as it is.")
    }
    if dockerCompatible, platform.count > 1 {
      throw ValidationError("--docker-compatible takes one --platform: docker loads one of an image.")
    }
    if dockerCompatible, keepIndex {
      throw ValidationError("--docker-compatible and --keep-index exclude each other.")
    }
    if untagged, !allTags, !allRepositories, tags.isEmpty {
      throw ValidationError(
        "--untagged is for whole repositories, and these are images: add --all-tags, --tags or --all-repositories."
      )
    }
    if fromFile.count(where: { $0 == "-" }) > 1 {
      throw ValidationError("-f - can be read once.")
    }
  }
}

extension Platform {
  /// Linux on what this program was built for.
  fileprivate static var ofThisMachine: Platform {
    #if arch(x86_64)
      Platform(os: "linux", architecture: "amd64")
    #else
      Platform(os: "linux", architecture: "arm64")
    #endif
  }
}

/// A platform on the command line.
enum PlatformArgument {
  static func parse(_ text: String) throws -> Platform {
    guard let platform = Platform(text) else {
      throw ValidationError("'\(text)' is not of the form os/arch[/variant], such as linux/amd64.")
    }
    return platform
  }
}
