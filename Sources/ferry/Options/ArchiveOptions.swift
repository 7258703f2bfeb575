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

/// A number of bytes as people write it: `4096`, `512K`, `20M`, `4GiB`. K, M, G and T are powers of 1024,
/// KB, MB, GB and TB powers of 1000.
struct ByteSize: Hashable {
  let bytes: Int64

  init(bytes: Int64) { self.bytes = bytes }

  static func parse(_ text: String) throws -> ByteSize {
    guard let size = ByteSize(text) else {
      throw ValidationError("'\(text)' is not a size such as 4096, 512K, 20M or 4G.")
    }
    return size
  }

  init?(_ text: String) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int64(digits) else { return nil }
    let unit = text[digits.endIndex...].lowercased()
    let exponents: [Character: Int] = ["k": 1, "m": 2, "g": 3, "t": 4]
    var factor: Int64 = 1
    if let first = unit.first, let exponent = exponents[first] {
      let base: Int64
      switch unit.dropFirst() {
      case "", "ib": base = 1024
      case "b": base = 1000
      default: return nil
      }
      for _ in 0..<exponent { factor *= base }
    } else if unit != "", unit != "b" {
      return nil
    }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
    guard !overflow else { return nil }
    self.bytes = bytes
  }
}
