import ArgumentParser
import Files
import Transfers

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

  @Flag(
    help: ArgumentHelp(
      "Also put this program beside the archive, named by version and architecture, with a README: on the other side it "
        + "opens the archive on any Linux. Takes a statically linked ferry, as releases have it."))
  var withFerry = false

  @Flag(
    help: ArgumentHelp(
      "Replace an archive that Ferry wrote and that holds something else, or what is left of one; any other file stays."
    ))
  var force = false

  /// The running program and a text about it, where they are to go beside the archives.
  func enclosed(_ file: String = ProgramFile.running) throws -> [EnclosedFile] {
    guard withFerry else { return [] }
    if output == "-" {
      throw ValidationError("With -o - there is no archive to put ferry beside; --with-ferry wants a file.")
    }
    guard onlyVolume.isEmpty else {
      throw ValidationError("--with-ferry goes with whole archives; --only-volume writes a part.")
    }
    guard let program = try? ProgramFile(file), program.isStatic else {
      // Half a promise is none: what is opened on the other side must open there.
      throw ValidationError(
        "--with-ferry puts this program beside the archive, and this one needs libraries of this machine: it would not "
          + "start on another. Use the ferry of a release, which needs none, or leave --with-ferry out.")
    }
    return EnclosedFile.program(program, version: Ferry.version, text: EnclosedReadme.text)
  }
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
