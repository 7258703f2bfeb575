import ArgumentParser

/// What is taken out of archives.
struct IntakeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Import only images whose name, with or without host and tag, matches this glob. Repeatable.",
      valueName: "ref"))
  var image: [String] = []

  @Flag(
    help:
      "Take the images that are whole in what is there of the archives, and list the others; exit status 3.")
  var allowMissing = false

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
}
