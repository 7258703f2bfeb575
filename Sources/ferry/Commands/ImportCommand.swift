import ArgumentParser
import Credentials
import Digests
import FoundationEssentials
import Images
import Layouts
import Transfers

struct ImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Prove archives again and push their images to a registry.",
    discussion: """
      Every name is settled and every conflict shown before anything moves. Blobs go first, each hashed on \
      its way and held back until its digest agrees; then manifests, indexes, and last the tags, each of \
      which is read back. What the registry has already is skipped: running it again asks for every manifest \
      and blob and pushes what is missing. --dry-run moves no blob; it opens an upload in each repository and \
      gives it up, to learn whether the registry takes any. It hashes manifests and configs and reads no layer of a \
      file: ferry verify proves those. What comes through a pipe it reads to the end.

      Without a rule the source's host and first path component give way to --to: with --to nvcr.io/acme, \
      nvcr.io/olddept/trainer:1.0 becomes nvcr.io/acme/trainer:1.0. Between NVIDIA's hosts a DGX space \
      <org>_<project> becomes the team <project>: nvcr.io/olddept_vision/trainer:1.0 becomes \
      nvcr.io/acme/vision/trainer:1.0. Create the team in NGC first. Rules of --map come first, on the \
      repository without its host; * matches inside a component, ** across components, $1, $2… stand for \
      what they matched. With --keep-path only the host gives way, where no rule matches: nvcr.io/acme and \
      nvcr.io/olddept/trainer:1.0 make nvcr.io/acme/olddept/trainer:1.0.

      A tag that is there with another image stops the import before anything moves. --existing skip leaves such \
      tags as they are and pushes the others; each is named with both digests, it is in no receipt, and the \
      exit status is 4: 0 would say that every image is there.

      Of an archive that is cut into volumes name any one, all, or the directories they are in. They are read \
      and proved once before anything is pushed.

      Of a directory every archive below it is imported, at any depth; one that cannot be read stops the import, or \
      is left with --keep-going. An image of skopeo's dir: is called by its path below the directory, where that ends \
      in a tag, as skopeo sync leaves it; --as names one that is called nothing.

      - reads an archive from standard input, and one that gzip, zstd, xz or bzip2 compressed is recognised, there as \
      in a file. Such an archive of Ferry's is pushed in one pass, as it comes, its tags when all of it was \
      proved; a pipe that breaks off leaves no tag, and the same command run again skips what has arrived. \
      Others, in another order, are read twice out of a file; out of a pipe they are copied into $TMPDIR first.

      EXAMPLE:
        ferry import fleet.tar --to nvcr.io/acme --api-key-file new.key --dry-run
        ferry import fleet.tar --to nvcr.io/acme --api-key-file new.key
        ferry import week2.tar week1.tar --to nvcr.io/acme --api-key-file new.key
        ferry import fleet.tar --to registry.example/team --map 'olddept/**=old/$1'
        ferry import fleet.tar --to new.example/x --receipt r.json --sign-key my.key
        ferry import fleet.tar --to registry.example/team --switch-over switch
        ssh host cat fleet.tar.zst | ferry import - --to registry.example/team
      """)

  @Argument(
    help: ArgumentHelp(
      "The archives to import: files, volumes, directories of them; - is standard input.",
      valueName: "archive"),
    completion: .file())
  var archives: [String]

  @OptionGroup(title: "Destination") var destination: DestinationOptions
  @OptionGroup(title: "Archives") var intake: IntakeOptions
  @OptionGroup(title: "Archives") var spooling: SpoolOption
  @OptionGroup(title: "Archives") var expecting: ExpectOption
  @OptionGroup(title: "Archives") var signatures: SignatureOptions
  @OptionGroup(title: "Files") var files: ImportFileOptions
  @OptionGroup(title: "Files") var signing: SigningOptions
  @OptionGroup(title: "Credentials") var credentials: CredentialOptions
  @OptionGroup(title: "Connection") var connection: ConnectionOptions
  @OptionGroup(title: "Transfer") var jobs: JobsOption
  @OptionGroup(title: "Transfer") var transfer: TransferOptions
  @OptionGroup(title: "Output") var reporting: ReportOption
  @OptionGroup(title: "Output") var outputs: OutputOptions

  func validate() throws {
    let receipt = files.receipt
    try SideFiles(
      written: [
        ("--receipt", receipt),
        ("--sign-key", signing.signKey.flatMap { _ in receipt.map { $0 + ".minisig" } }),
        ("--report", reporting.report),
        ("--journal", files.journal),
        files.switching.written,
      ]
    ).validate(
      archives: archives,
      files: [
        destination.rules.mapFile, signing.signKey, signatures.publicKey, signatures.signature,
      ]
        + credentials.files + [connection.caFile])
    if receipt != nil, transfer.dryRun {
      throw ValidationError("--dry-run pushes nothing, so there is nothing to write a receipt of.")
    }
    if signing.signKey != nil, receipt == nil {
      throw ValidationError("--sign-key signs the receipt; name one with --receipt.")
    }
    try StandardInput.validate(
      archives: archives,
      options: [
        ("--map-file -", destination.rules.mapFile == "-"), ("--password-stdin", credentials.passwordStdin),
      ])
    try signatures.validate(for: archives)
  }

  func run() async throws {
    let run = CommandRun(outputs)
    await run.conclude(report: reporting.report) {
      let started = Date()
      let key = try run.signingKey(signing)
      try Reports.checkWritable(reporting.report)
      if let receipt = files.receipt { try Receipt.checkWritable(path: receipt, isSigned: key != nil) }
      let journal = journal(run)
      try journal.check()
      if let directory = files.descriptions { try Descriptions.checkWritable(directory) }
      try files.switching.check()
      let gathered = try ArchiveInput.gather(archives, streams: StandardInput.streams)
      if expecting.expect != nil {
        try gathered.expectOne(temporary: run.temporaryDirectory, memoryLimit: spooling.memory.limit.bytes)
      }
      let request = try request(gathered, journal, run)
      let registries = try run.registries(
        at: [request.mapping.destination.host], connection, credentials, phase: .import,
        uploadHosts: destination.uploadHost, patience: destination.settle.duration)
      let work = try Import(
        request, registries: registries, settings: run.settings(jobs, transfer))
      let prepared: PreparedImport
      do { prepared = try await work.prepare(isDryRun: transfer.dryRun) } catch {
        throw StoppedImport.telling(error, "Nothing was pushed.")
      }
      let text = ImportText(run.console)
      try await descriptions(of: prepared.images, from: prepared)?.check()
      let planned = files.switching.directory(prepared.plannedNameChanges, connection)
      try planned?.check()
      if transfer.dryRun {
        try Reports.deliver(
          ImportReport(planned: prepared, warnings: run.display.warnings),
          page: ReportPage(prepared, result: nil), to: reporting.report,
          json: outputs.json, run.console)
        if !outputs.json { text.plan(prepared) }
        files.switching.plan(planned, run.console)
        return text.verdict(on: prepared, keepsGoing: transfer.keepGoing)
      }
      if !prepared.refusals.isEmpty, transfer.keepGoing {
        run.console.complain(ErrorText(TransferError.pushRefused(prepared.refusals)).lines)
      }
      let result: ImportResult
      do { result = try await work.run(prepared) } catch {
        throw StoppedImport.telling(error, "No image was pushed.")
      }
      if !outputs.json { text.summary(of: result) }
      let descriptions = try await descriptions(
        of: result.pushed + prepared.images.filter(\.isThere), from: prepared)
      var closing = ClosingFiles()
      closing.write {
        try Reports.deliver(
          ImportReport(result, warnings: run.display.warnings),
          page: ReportPage(result.prepared, result: result), to: reporting.report,
          json: outputs.json, run.console)
      }
      closing.write {
        let written = result.receipt(ferry: Ferry.version, started: started)
        // Of nothing that stayed there is nothing to show.
        guard let receipt = files.receipt, result.late.isEmpty || !written.images.isEmpty else { return }
        try written.write(path: receipt, signedBy: key)
        run.console.say("wrote \(receipt)")
      }
      closing.write {
        for (path, count) in try descriptions?.write() ?? [] {
          let what = Amounts.count(count, "description")
          run.console.say("wrote \(what) of repositories in \(path) to \(files.descriptions ?? "")")
        }
      }
      closing.write {
        try files.switching.write(files.switching.directory(result.nameChanges, connection), run.console)
      }
      try closing.check()
      // What failed when all was done has stopped nothing, and ends the run as what stops one does.
      guard transfer.keepGoing || result.late.isEmpty else {
        let texts = result.late.map { ErrorText($0.error) }
        for text in texts { run.console.complain(text.lines) }
        return texts.first?.status ?? .someFailed
      }
      // Those of refused repositories were told before anything moved.
      run.console.complain(
        of: result.failures.filter { if case TransferError.pushRefused = $0.error { false } else { true } })
      // What was skipped is not there, whoever asked for that.
      return !result.failures.isEmpty ? .someFailed : result.skipped.isEmpty ? .done : .differences
    }
  }

  private func journal(_ run: CommandRun) -> JournalLocation {
    files.journal.map { .file($0) } ?? .besideArchive(orIn: run.environment.stateDirectory)
  }

  /// The descriptions of the images' repositories; nil when none are to be written.
  private func descriptions(
    of images: [ImportImage], from prepared: PreparedImport
  ) async throws -> Descriptions.Files? {
    guard let directory = files.descriptions else { return nil }
    return try await Descriptions.files(of: images, from: prepared, to: directory) { $0.printedAsLines }
  }

  private func request(
    _ gathered: GatheredArchives, _ journal: JournalLocation, _ run: CommandRun
  ) throws -> ImportRequest {
    let mapping = NameMapping(
      destination: try RegistryLocation(destination.to), rules: try destination.rules.read(),
      nvidiaHosts: run.nvidiaHosts, keepsPath: destination.rules.keepPath)
    var request = ImportRequest(
      archives: gathered.inputs, mapping: mapping, images: intake.image, existing: destination.existingTags,
      allowsMissing: intake.allowMissing, expected: expecting.expect,
      shard: transfer.shard, takesReferrers: !intake.leavesReferrers,
      journal: journal,
      givenName: try destination.as.map { try GivenName($0) }, compressesLayers: intake.compressLayers,
      spool: spooling.spool, temporary: run.temporaryDirectory)
    request.memoryLimit = spooling.memory.limit.bytes
    request.passedOver = gathered.passedOver
    request.platform = intake.platform.first
    request.keepsSparseIndexes = intake.sparseIndex
    request.convertsSchema1 = intake.convertsSchema1
    request.trustsTags = destination.trustTags
    request.signature = try signatures.demand()
    return request
  }
}
