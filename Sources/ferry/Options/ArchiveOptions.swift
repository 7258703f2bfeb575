import ArgumentParser

/// Where an archive is written, and in what form.
struct ArchiveOptions: ParsableArguments {
  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp(
      "Where to: NAME.tar for one archive, DIR/ for one an image, - for standard output.",
      valueName: "archive"),
    completion: .file())
  var output: String

  @Option(
    help: ArgumentHelp(
      "Cut the archive into volumes NAME.tar.001, NAME.tar.002, … of this size; cat NAME.tar.[0-9]* joins them. Bytes, "
        + "K/M/G/T (of 1024) or KB/MB/GB/TB (of 1000). FAT32 takes files of at most 4 GiB - 1 byte: 4GB. "
        + "A DVD holds 4.7 GB: 4600MB. A BD holds 25 GB: 24GB.",
      valueName: "size"),
    transform: ByteSize.parse)
  var volumeSize: ByteSize?

  @Option(
    help: ArgumentHelp(
      "Write only this volume again, byte for byte as it was, with the same --volume-size; the others may be "
        + "elsewhere. Repeatable.", valueName: "N"))
  var onlyVolume: [Int] = []

  @Flag(
    help: ArgumentHelp(
      "Also write ARCHIVE.sha256, which sha256sum -c checks without Ferry."))
  var checksum = false

  @Flag(help: "Replace an archive that exists and holds something else.")
  var force = false
}
