import ArgumentParser
import Digests
import Images
import Tar

/// What is taken out of archives.
struct IntakeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Import only images whose name, with or without host and tag, or whose digest matches this glob. Repeatable.",
      valueName: "ref"))
  var image: [String] = []

  @Flag(
    help:
      "Take the images that are whole in what is there of the archives, and list the others; exit status 3.")
  var allowMissing = false

  @Option(
    help: ArgumentHelp(
      "Of images for several platforms push the one for this, such as linux/arm64, in the index's place. One only; an "
        + "image for another platform alone fails, unless another archive has one of its name for this.",
      valueName: "os/arch"),
    transform: PlatformArgument.parse)
  var platform: [Platform] = []

  @Flag(
    help: """
      Push an index as it is though another tool left some of its platforms out of the archive, where the registry \
      takes that. Without it the one platform that is there goes in its place.
      """)
  var sparseIndex = false

  @Flag(
    name: .customLong("no-referrers"),
    help: "Leave the signatures, SBOMs and attestations that the archives carry with their images.")
  var leavesReferrers = false

  @Flag(
    help: """
      Compress uncompressed layers with gzip on the way, as docker push would. This changes the digests of \
      these layers and of their images; the report lists old and new. Every layer is compressed twice: to \
      learn its digest, and to send it.
      """)
  var compressLayers = false

  @Flag(
    name: .customLong("convert-schema1"),
    help: """
      Make schema 2 images of Docker schema 1 images, as docker would, for registries that take no others. This \
      changes their digests; the report and the receipt list old and new. Their layers stay as they are, and are \
      read once more, to learn what they hold.
      """)
  var convertsSchema1 = false

  func validate() throws {
    if platform.count > 1 {
      throw ValidationError(
        "import pushes one platform in an index's place: name one --platform, or export with several.")
    }
    if sparseIndex, !platform.isEmpty {
      throw ValidationError("--sparse-index pushes an index, and --platform one image of it: choose one.")
    }
  }
}

/// What is done with an archive that cannot be read in place.
struct SpoolOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Always copy an archive that comes through a pipe or is compressed into this directory first. Without it only what "
        + "must be copied is, into $TMPDIR. The copy has no name, and its space is free again when ferry ends.",
      valueName: "dir"),
    completion: .directory)
  var spool: String?

  @OptionGroup var memory: MemoryOption
}

/// What decompressing may take.
struct MemoryOption: ParsableArguments {
  @Option(
    name: .customLong("memory-limit"),
    help: ArgumentHelp(
      "How much memory decompressing may take: an archive, or a layer that is looked into, and each of those that are "
        + "looked into at once. Beyond the usual, allow only what you trust: at most 1GiB for xz and 128MiB for zstd.",
      valueName: "size"),
    transform: ByteSize.parse)
  var limit = ByteSize(bytes: Decompressor.usualMemory)
}

/// Which archive it must be.
struct ExpectOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The archive digest that export printed; any other archive is refused.",
      valueName: "sha256:…"),
    transform: DigestArgument.parse)
  var expect: Digest?
}

/// A digest on the command line.
enum DigestArgument {
  static func parse(_ text: String) throws -> Digest {
    guard let digest = try? Digest(text), digest.algorithm == .sha256 else {
      throw ValidationError(
        DigestText.unknownAlgorithm(of: text).map {
          "'\(text)' is a \($0), which Ferry cannot compute: archive digests are sha256."
        }
          ?? "'\(text)' is not sha256: and 64 hexadecimal digits.")
    }
    return digest
  }
}
