import ArgumentParser
import Credentials
import Files
import Glibc
import Images
import Transfers
import Transport

struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Pull images, prove every byte, and write them into one archive.",
    discussion: """
      An image is host[:port]/repository[:tag][@sha256:…]; the host is required. The archive is an OCI image \
      layout in a tar. It is written as NAME.tar.partial and gets its name when every byte in it has been \
      proved and is on disk. Interrupted in any way, the same command goes on where it was. Shared layers are \
      fetched and stored once. The printed archive digest covers everything in it: give it to ferry verify --expect on the other side.

      Signatures, SBOMs and attestations travel with their images: found by the referrers API, by the tags \
      sha256-<hex> that stand in for it, and by cosign's .sig, .att and .sbom. What does not travel has a line \
      that begins with "not carried:". With --skip-known a later export \
      carries only what is new; ferry import finds the rest at the destination, or in the earlier archive \
      named beside the new one.

      EXAMPLE:
        ferry export nvcr.io/olddept/app:1.0 -o app.tar --api-key-file old.key
        ferry export -f images.txt -o fleet.tar
        ferry export registry.example/team/app --tags '1.*' --tags '!*-rc' -o app.tar
        ferry export nvcr.io/olddept --all-repositories -o olddept/
        ferry export registry.example/team --all-repositories --untagged -o team.tar
        ferry export registry.example/team/app:1 --platform linux/amd64 -o backups/
        ferry export -f images.txt -o week2.tar --skip-known week1.tar
        ferry export -f images.txt -o fleet.tar --volume-size 4GB
        ferry export registry.example/team/app:1 -o - | ssh vault 'cat > app.tar'
      """)

  @Argument(help: ArgumentHelp("The images to export.", valueName: "image"))
  var images: [String] = []

  @OptionGroup(title: "Images") var selection: SelectionOptions
  @OptionGroup(title: "Images") var known: KnownOptions
  @OptionGroup(title: "Images") var memory: MemoryOption
  @OptionGroup(title: "Archive") var archive: ArchiveOptions
  @OptionGroup(title: "Archive") var signing: SigningOptions
  @OptionGroup(title: "Credentials") var credentials: CredentialOptions
  @OptionGroup(title: "Connection") var connection: ConnectionOptions
  @OptionGroup(title: "Transfer") var jobs: JobsOption
  @OptionGroup(title: "Transfer") var transfer: TransferOptions
  @OptionGroup(title: "Output") var reporting: ReportOption
  @OptionGroup(title: "Output") var outputs: OutputOptions

  func validate() throws {
    let output = archive.output
    let report = reporting.report
    if images.isEmpty && selection.fromFile.isEmpty {
      throw ValidationError("Name at least one image, or a list with -f.")
    }
    if selection.fromFile.contains("-") && credentials.passwordStdin {
      throw ValidationError("-f - and --password-stdin both want standard input.")
    }
    if output == "-" && outputs.json {
      throw ValidationError("With -o - the archive is on standard output; use --report FILE for the report.")
    }
    if known.skipKnown.contains(StandardInput.name) {
      try StandardInput.validate(
        archives: known.skipKnown,
        options: [
          ("--from-file -", selection.fromFile.contains("-")),
          ("--password-stdin", credentials.passwordStdin),
        ])
    }
    if output == "-" && isatty(1) == 1 {
      throw ValidationError("An archive is nothing for a terminal: redirect standard output, or name a file.")
    }
    for path in known.skipKnown where output != "-" && Paths.areSame(path, output) {
      throw ValidationError(
        "--skip-known \(path) is the archive to be written; give the new one another name.")
    }
    let enclosed = try archive.enclosed()
    let directory = Paths.isDirectory(output) ? output : DataFile.directory(of: output)
    try SideFiles(
      written: archiveFiles.map { ("-o", $0) } + [("--report", report)]
        + enclosed.map { ("--with-ferry", $0.path(in: directory)) }
    ).validate(
      archives: known.skipKnown,
      files: selection.fromFile + [signing.signKey, connection.caFile, known.knownPublicKey]
        + credentials.files)
    if output != "-", Paths.isSpecial(output) {
      throw ValidationError(
        "\(output) is no plain file; -o - writes the archive to standard output, wherever that goes.")
    }
    if output == "-", archive.checksum || signing.signKey != nil {
      throw ValidationError(
        "With -o - there is no archive to put checksums or signatures beside; hash the stream with "
          + "tee >(sha256sum), or write to a file.")
    }
    try validateDirectory()
    try validateVolumes()
    if output.isEmpty { throw ValidationError("-o needs a name.") }
    let name = output.split(separator: "/").last ?? ""
    if output != "-", name.contains(":") {
      throw ValidationError(
        "'\(output)' holds a ':', which other tools take for the start of a tag; choose a name without.")
    }
  }

  /// Smaller volumes serve nobody, in bytes.
  private static let smallestVolume: Int64 = 64 << 10

  /// The files that one archive consists of, or may, as far as they can be named beforehand.
  private var archiveFiles: [String] {
    let output = archive.output
    guard output != "-", !output.isEmpty, !output.hasSuffix("/"), !Paths.isDirectory(output) else {
      return []
    }
    let volumes =
      archive.volumeSize == nil
      ? [] : ArchivePlace.volumes(of: output) + ArchivePlace.partialVolumes(of: output)
    let beside = ["", ".partial", ".partial.journal", ".sha256", ".digest", ".digest.minisig"]
    return beside.map { output + $0 } + volumes.map(\.path)
  }

  /// The report must not have a name that an archive in the directory may get: which those are is known only when the
  /// registry has answered.
  private func validateDirectory() throws {
    guard let report = reporting.report, Paths.isDirectory(archive.output) else { return }
    let target = DirectoryListing.canonical(report) ?? report
    guard FileIdentity(of: DataFile.directory(of: target)) == FileIdentity(of: archive.output),
      target.split(separator: "/").last?.contains(".tar") == true
    else { return }
    throw ValidationError(
      "--report \(report) may be the name of an archive in \(archive.output); give it one without '.tar'.")
  }

  /// What `--volume-size` and `--only-volume` ask for must make sense.
  private func validateVolumes() throws {
    let output = archive.output
    let onlyVolume = archive.onlyVolume
    if let size = archive.volumeSize?.bytes {
      guard output != "-" else {
        throw ValidationError("-o - writes one stream; name a file to cut it with --volume-size.")
      }
      if let report = reporting.report, let volume = VolumeName(report), Paths.areSame(volume.base, output) {
        throw ValidationError("--report would overwrite a volume; give it another name.")
      }
      guard (Self.smallestVolume...VolumeName.largestSize).contains(size) else {
        throw ValidationError("--volume-size takes from 64K to 128T.")
      }
    }
    guard !onlyVolume.isEmpty else { return }
    guard archive.volumeSize != nil else {
      throw ValidationError("--only-volume needs the --volume-size that the other volumes were made with.")
    }
    if archive.checksum || signing.signKey != nil {
      throw ValidationError("--checksum and --sign-key speak of whole archives; --only-volume writes a part.")
    }
    guard onlyVolume.allSatisfy({ (1...VolumeName.most).contains($0) }) else {
      throw ValidationError("--only-volume takes numbers from 1 to \(VolumeName.most).")
    }
    if output.hasSuffix("/") || Paths.isDirectory(output) {
      throw ValidationError("--only-volume speaks of one archive: -o NAME.tar.")
    }
  }

  func run() async throws {
    let run = CommandRun(outputs)
    await run.conclude(report: reporting.report) {
      try Reports.checkWritable(reporting.report)
      let request = try request(run)
      let registries = try run.registries(
        at: Set(request.queries.map(\.host)), connection, credentials, phase: .export)
      let export = try Export(request, registries: registries, settings: run.settings(jobs, transfer))
      try export.checkOutput()
      let prepared = try await export.prepare()
      let text = ExportText(run.console)
      if transfer.dryRun {
        try Reports.deliver(
          ExportReport(planned: prepared, warnings: run.display.warnings),
          page: ReportPage(prepared, failures: prepared.failures, finished: nil), to: reporting.report,
          json: outputs.json, run.console)
        if outputs.json { text.warn(of: prepared) } else { text.plan(prepared) }
        return text.verdict(on: prepared, keepsGoing: transfer.keepGoing)
      }
      if let volumeSize = archive.volumeSize, volumeSize.bytes == 4 << 30 {
        run.console.say("volumes of 4 GiB are one byte too large for FAT32; --volume-size 4GB fits")
      }
      guard !prepared.archives.isEmpty || !prepared.failures.isEmpty else {
        run.console.say("nothing to do: this part holds no image")
        return prepared.leftOut.isEmpty ? .done : .someFailed
      }
      let result = try await export.run(prepared)
      if !outputs.json, archive.output != "-" { text.summary(of: result) }
      text.warn(of: result.prepared)
      var files = ClosingFiles()
      files.write {
        try Reports.deliver(
          ExportReport(result, warnings: run.display.warnings),
          page: ReportPage(result.prepared, failures: result.failures, finished: result.finished),
          to: reporting.report, json: outputs.json, run.console)
      }
      run.console.complain(of: result.failures)
      try files.check()
      return result.failures.isEmpty && prepared.leftOut.isEmpty ? .done : .someFailed
    }
  }

  private func request(_ run: CommandRun) throws -> ExportRequest {
    let listed = try selection.fromFile.flatMap(ImageList.read)
    run.console.secrets.excuse(listed)
    let selector = try TagSelector(selection.tags)
    let queries = try (images + listed).map { text -> ImageQuery in
      if selection.allRepositories { return .repositories(below: try RegistryLocation(text), selector) }
      let reference = try Reference(anyTag: text)
      return selection.allTags || !selection.tags.isEmpty ? .tags(of: reference, selector) : .image(reference)
    }
    guard !queries.isEmpty else { throw TransferError.nothingSelected }
    var request = ExportRequest(
      queries: queries, platforms: selection.platforms,
      output: try destination(),
      replacesExisting: archive.force,
      shard: transfer.shard, takesReferrers: !selection.leavesReferrers && !selection.dockerCompatible,
      known: known.skipKnown,
      volumeSize: archive.volumeSize?.bytes, onlyVolumes: archive.onlyVolume,
      temporary: run.temporaryDirectory)
    request.takesUntagged = selection.untagged
    request.writesChecksums = archive.checksum
    request.enclosed = try archive.enclosed()
    request.convertsSchema1 = selection.convertsSchema1
    request.knownStreams = StandardInput.streams
    request.memoryLimit = memory.limit.bytes
    request.knownExpected = known.knownExpect
    request.knownSignature = try known.demand()
    request.signingKey = try run.signingKey(signing)
    return request
  }

  private func destination() throws -> ExportRequest.Output {
    let output = archive.output
    if output == "-" { return .stream(descriptor: STDOUT_FILENO, name: "standard output") }
    return output.hasSuffix("/") || Paths.isDirectory(output) ? .directory(output) : .file(output)
  }
}
