import ArgumentParser
import Glibc
import Images
import Transfers

struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Pull images, prove every byte, and write them into one archive.",
    discussion: """
      An image is host[:port]/repository[:tag][@sha256:…]; the host is required. The archive is an OCI image \
      layout in a tar. It is written as NAME.tar.partial and gets its name when every byte in it has been \
      proved and is on disk. Interrupted in any way, the same command goes on where it was. Shared layers are fetched and stored once. The printed archive digest covers \
      everything in it: give it to ferry verify --expect on the other side.

      Signatures, SBOMs and attestations travel with their images: found by the referrers API, by the tags \
      sha256-<hex> that stand in for it, and by cosign's .sig, .att and .sbom. With --skip-known a later export \
      carries only what is new; ferry import finds the rest at the destination, or in the earlier archive \
      named beside the new one.

      EXAMPLE:
        ferry export nvcr.io/olddept/trainer:1.0 -o trainer.tar --api-key-file old.key
        ferry export -f images.txt -o fleet.tar
        ferry export registry.example/team/app --tags '1.*' --tags '!*-rc' -o app.tar
        ferry export nvcr.io/olddept --all-repositories -o olddept/
        ferry export registry.example/team/app:1 --platform linux/amd64 -o backups/
        ferry export -f images.txt -o week2.tar --skip-known week1.tar
        ferry export -f images.txt -o fleet.tar --volume-size 4GB
        ferry export registry.example/team/app:1 -o - | ssh vault 'cat > app.tar'
      """)

  @Argument(help: ArgumentHelp("The images to export.", valueName: "image"))
  var images: [String] = []

  @Option(
    name: [.customShort("f"), .long],
    help: ArgumentHelp(
      "Read images from this file, one a line, # for comments; - reads standard input. Repeatable.",
      valueName: "file"),
    completion: .file())
  var fromFile: [String] = []

  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp(
      "Where to: NAME.tar for one archive, DIR/ for one an image, - for standard output.",
      valueName: "archive"),
    completion: .file())
  var output: String

  @Flag(help: "Take every tag of the repositories given.")
  var allTags = false

  @Flag(help: "Take every repository at or below the places given, such as nvcr.io/olddept.")
  var allRepositories = false

  @Option(
    help: ArgumentHelp(
      "Take the tags that match this glob; !glob leaves tags out. Repeatable.", valueName: "glob"))
  var tags: [String] = []

  @Option(
    help: ArgumentHelp(
      "Take only this platform of multi-platform images, such as linux/amd64. Repeatable. With one platform "
        + "the image becomes that platform's manifest; with several its index is kept as it is.",
      valueName: "os/arch"),
    transform: { text in
      guard let platform = Platform(text) else {
        throw ValidationError("'\(text)' is not of the form os/arch[/variant], such as linux/amd64.")
      }
      return platform
    })
  var platform: [Platform] = []

  @Option(
    help: ArgumentHelp(
      "Leave out what the other side has already by this archive or this receipt of an import: configs and "
        + "layers that it holds. Manifests are carried all the same. Repeatable.",
      valueName: "archive|receipt"),
    completion: .file())
  var skipKnown: [String] = []

  @Flag(
    name: .customLong("no-referrers"),
    help: "Leave the images' signatures, SBOMs and attestations, unless their tags are named.")
  var leavesReferrers = false

  @Option(
    help: ArgumentHelp(
      "Cut the archive into volumes NAME.tar.001, NAME.tar.002, … of this size; cat NAME.tar.* joins them. Bytes, "
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

  @Flag(help: "Replace an archive that exists and holds something else.")
  var force = false

  @Option(
    help: ArgumentHelp(
      "Also write the report to this file: as a page to read where its name ends in .html, else as JSON.",
      valueName: "file"), completion: .file())
  var report: String?

  @Flag(
    help: ArgumentHelp(
      "Also write ARCHIVE.sha256, which sha256sum -c checks without Ferry."))
  var checksum = false

  @OptionGroup(title: "Signing") var signing: SigningOptions
  @OptionGroup(title: "Credentials") var credentials: CredentialOptions
  @OptionGroup(title: "Connection") var connection: ConnectionOptions
  @OptionGroup(title: "Transfer") var transfer: TransferOptions
  @OptionGroup(title: "Output") var outputs: OutputOptions

  func validate() throws {
    if images.isEmpty && fromFile.isEmpty {
      throw ValidationError("Name at least one image, or a list with -f.")
    }
    if allTags && !tags.isEmpty { throw ValidationError("--all-tags and --tags exclude each other.") }
    if fromFile.contains("-") && credentials.passwordStdin {
      throw ValidationError("-f - and --password-stdin both want standard input.")
    }
    if output == "-" && outputs.json {
      throw ValidationError("With -o - the archive is on standard output; use --report FILE for the report.")
    }
    if fromFile.count(where: { $0 == "-" }) > 1 {
      throw ValidationError("-f - can be read once.")
    }
    if output == "-" && isatty(1) == 1 {
      throw ValidationError("An archive is nothing for a terminal: redirect standard output, or name a file.")
    }
    if let report, output != "-",
      [output, output + ".partial"].contains(where: { Paths.areSame($0, report) })
    {
      throw ValidationError("--report would overwrite the archive; give it another name.")
    }
    if output == "-", checksum || signing.signKey != nil {
      throw ValidationError(
        "With -o - there is no archive to put checksums or signatures beside; hash the stream with "
          + "tee >(sha256sum), or write to a file.")
    }
    for known in skipKnown where output != "-" && Paths.areSame(known, output) {
      throw ValidationError(
        "--skip-known \(known) is the archive to be written; give the new one another name.")
    }
    try validateVolumes()
    if output.isEmpty { throw ValidationError("-o needs a name.") }
    let name = output.split(separator: "/").last ?? ""
    if output != "-", name.contains(":") {
      throw ValidationError(
        "'\(output)' holds a ':', which other tools take for the start of a tag; choose a name without.")
    }
  }

  func run() async throws {
    let run = CommandRun(outputs)
    await run.conclude(report: report) {
      let request = try request(run)
      let registries = try run.registries(
        at: Set(request.queries.map(\.host)), connection, credentials, phase: .export)
      let export = Export(request, registries: registries, settings: run.settings(transfer))
      let prepared = try await export.prepare()
      let text = ExportText(run.console)
      if transfer.dryRun {
        try Reports.deliver(
          ExportReport(planned: prepared),
          page: ReportPage(prepared, failures: prepared.failures, finished: nil), to: report,
          json: outputs.json, run.console)
        if !outputs.json { text.plan(prepared) }
        return text.verdict(on: prepared, keepsGoing: transfer.keepGoing)
      }
      if let volumeSize, volumeSize.bytes == 4 << 30 {
        run.console.say("volumes of 4 GiB are one byte too large for FAT32; --volume-size 4GB fits")
      }
      guard !prepared.archives.isEmpty || !prepared.failures.isEmpty else {
        run.console.say("nothing to do: this part holds no image")
        return .done
      }
      let result = try await export.run(prepared)
      try Reports.deliver(
        ExportReport(result),
        page: ReportPage(result.prepared, failures: result.failures, finished: result.finished), to: report,
        json: outputs.json, run.console)
      if !outputs.json, output != "-" { text.summary(of: result) }
      text.failures(of: result)
      return result.failures.isEmpty ? .done : .someFailed
    }
  }

  private func request(_ run: CommandRun) throws -> ExportRequest {
    let listed = try fromFile.flatMap(ImageList.read)
    let selector = try TagSelector(tags)
    let queries = try (images + listed).map { text -> ImageQuery in
      if allRepositories { return .repositories(below: try RegistryLocation(text), selector) }
      let reference = try Reference(text)
      return allTags || !tags.isEmpty ? .tags(of: reference, selector) : .image(reference)
    }
    guard !queries.isEmpty else { throw TransferError.nothingSelected }
    var request = ExportRequest(
      queries: queries, platforms: platform, output: try destination(), replacesExisting: force,
      shard: transfer.shard, takesReferrers: !leavesReferrers, known: skipKnown,
      volumeSize: volumeSize?.bytes, onlyVolumes: onlyVolume)
    request.writesChecksums = checksum
    request.signingKey = try run.signingKey(signing)
    return request
  }

  private func destination() throws -> ExportRequest.Output {
    if output == "-" { return .standardOutput }
    return output.hasSuffix("/") || Paths.isDirectory(output) ? .directory(output) : .file(output)
  }
}
