import ArgumentParser
import Credentials
import FoundationEssentials
import Images
import Layouts
import Transfers
import Transport

struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Compare archives or receipts with the live source, or with the destination. Changes nothing.",
    discussion: """
      Without --to it asks the registry that the images came from, with the credentials of an export: is each tag \
      there, and does it point at what the archive has? What has moved is shown with both digests. Below the first \
      component of every repository it also looks for tags and repositories that the archives do not have. Where the \
      archives have images that no tag names, it looks for new ones of these too, as far as registries show them.

      With --to it asks the destination, with the credentials of an import, by the names that ferry import gives: \
      every tag and manifest is read and hashed, every blob asked for with its size and a byte of it, and what refers \
      to an image must be listed, unless --no-referrers is given. Give the --map rules of the import, and its --keep-path. The registry's word for a blob is no proof of \
      its bytes: --read-back fetches and hashes them. A run that was broken off goes on; what it had read is believed \
      for a week.

      Archives are proved as far as they are read: no layer of theirs is, unless a name holds another manifest, which \
      converting or compressing on the way may have made. ferry verify proves them. What comes through a pipe is read to \
      its end, and layers too.

      It exits 0 when all that was asked for was looked at and is as it should be, 4 when something differs, is \
      missing or is new, 14 when bytes are wrong, there or in the archive, and 3 when something could not be told.

      EXAMPLE:
        ferry check fleet.tar -f images.txt --api-key-file old.key
        ferry check fleet.tar --to nvcr.io/acme --api-key-file new.key
        ferry check fleet.tar --to nvcr.io/acme --api-key-file new.key --read-back
        ferry check fleet.tar --to nvcr.io/acme --read-back 1/7 --report night1.html
        ferry check receipt.json --to nvcr.io/acme
      """)

  @Argument(
    help: ArgumentHelp(
      "The archives to check: files, volumes, directories of them; - is standard input. Or receipts of imports.",
      valueName: "archive|receipt"),
    completion: .file())
  var files: [String] = []

  @OptionGroup(title: "Images") var images: CheckedImageOptions
  @OptionGroup(title: "Destination") var destination: CheckedDestinationOptions
  @OptionGroup(title: "Archives") var expecting: ExpectOption
  @OptionGroup(title: "Archives") var spooling: SpoolOption
  @OptionGroup(title: "Credentials") var credentials: CredentialOptions
  @OptionGroup(title: "Connection") var connection: ConnectionOptions
  @OptionGroup(title: "Transfer") var jobs: JobsOption
  @OptionGroup(title: "Output") var reporting: ReportOption
  @OptionGroup(title: "Output") var outputs: OutputOptions

  /// All that was named.
  private var named: [String] { files + [destination.archiveBehind].compactMap(\.self) }
  private var receipts: [String] { named.filter { $0 != StandardInput.name && Receipt.isDocument($0) } }

  func validate() throws {
    guard !named.isEmpty else { throw ValidationError("Name the archives, or the receipt, to check.") }
    let receipts = receipts
    let archives = named.filter { !receipts.contains($0) }
    if !receipts.isEmpty {
      guard archives.isEmpty else {
        throw ValidationError("Check archives or receipts, not both: \(archives[0]) is no receipt.")
      }
      let given = [
        ("--platform", !destination.platform.isEmpty), ("--as", destination.as != nil),
        ("--expect", expecting.expect != nil), ("--spool", spooling.spool != nil),
      ]
      if let (option, _) = given.first(where: \.1) {
        throw ValidationError("\(option) speaks of archives, and \(receipts[0]) is a receipt.")
      }
    }
    if destination.to != nil, images.leavesNew {
      throw ValidationError("--no-new speaks of the source, and --to names a destination.")
    }
    try SideFiles(
      written: [
        ("--receipt", destination.receipt), ("--report", reporting.report),
        ("--journal", destination.journal), destination.switching.written,
      ]
    ).validate(
      archives: archives,
      files: receipts + images.fromFile + [destination.rules.mapFile, connection.caFile] + credentials.files)
    try StandardInput.validate(
      archives: archives,
      options: [
        ("--from-file -", images.fromFile.contains(StandardInput.name)),
        ("--map-file -", destination.rules.mapFile == StandardInput.name),
        ("--password-stdin", credentials.passwordStdin),
      ])
  }

  func run() async throws {
    let run = CommandRun(outputs)
    await run.conclude(report: reporting.report) {
      let started = Date()
      try Reports.checkWritable(reporting.report)
      if let receipt = destination.receipt { try Receipt.checkWritable(path: receipt) }
      try destination.switching.check()
      let settings = TransferSettings(jobs: jobs.jobs, observer: run.display)
      let request = try destination.to.map { try destinationRequest(to: $0, run) }
      let subject = try await CheckOpening(try checkRequest(run), settings: settings).open()
      guard let request else { return try await checkSource(subject, settings, run) }
      return try await checkDestination(subject, request, settings, run, started: started)
    }
  }

  private func checkRequest(_ run: CommandRun) throws -> CheckRequest {
    let receipts = receipts
    var request: CheckRequest
    if receipts.isEmpty {
      let gathered = try ArchiveInput.gather(named, streams: StandardInput.streams)
      let inputs = gathered.inputs
      if expecting.expect != nil {
        try gathered.expectOne(temporary: run.temporaryDirectory, memoryLimit: spooling.memory.limit.bytes)
      }
      request = CheckRequest(.archives(inputs), temporary: run.temporaryDirectory)
      request.passedOver = gathered.passedOver
    } else {
      request = CheckRequest(.receipts(receipts), temporary: run.temporaryDirectory)
    }
    request.images = images.image
    request.list = try images.list()
    run.console.secrets.excuse(request.list?.references.map(\.description) ?? [])
    request.expected = expecting.expect
    request.takesReferrers = !images.leavesReferrers
    request.platforms = destination.platform
    request.spool = spooling.spool
    request.memoryLimit = spooling.memory.limit.bytes
    return request
  }

  private func destinationRequest(to text: String, _ run: CommandRun) throws -> DestinationRequest {
    let mapping = NameMapping(
      destination: try RegistryLocation(text), rules: try destination.rules.read(),
      nvidiaHosts: run.nvidiaHosts, keepsPath: destination.rules.keepPath)
    var request = DestinationRequest(
      mapping: mapping,
      journal: destination.journal.map { .file($0) } ?? .besideArchive(orIn: run.environment.stateDirectory))
    request.givenName = try destination.as.map { try GivenName($0) }
    request.platforms = destination.platform
    request.readBack = destination.scope
    request.memoryLimit = spooling.memory.limit.bytes
    if request.readBack != nil { try request.journal.checkForReadBack() }
    return request
  }

  private func checkSource(
    _ subject: CheckSubject, _ settings: TransferSettings, _ run: CommandRun
  ) async throws -> ExitStatus {
    let registries = try run.registries(at: subject.hosts, connection, credentials, phase: .export)
    // Beside images that were chosen, all others would be new.
    let comparison = try SourceComparison(
      subject, looksForNew: !images.leavesNew && images.image.isEmpty, registries: registries,
      settings: settings)
    let result = try await comparison.run()
    let text = CheckText(run.console)
    if !outputs.json { text.show(result) }
    text.complain(of: result)
    try Reports.deliver(
      CheckReport(result), page: ReportPage(result), to: reporting.report, json: outputs.json, run.console)
    return CheckText.status(of: result)
  }

  private func checkDestination(
    _ subject: CheckSubject, _ request: DestinationRequest, _ settings: TransferSettings, _ run: CommandRun,
    started: Date
  ) async throws -> ExitStatus {
    try destination.switching.check(hosts: subject.hosts)
    let registries = try run.registries(
      at: [request.mapping.destination.host], connection, credentials, phase: .import)
    let result = try await DestinationComparison(
      of: subject, with: request, registries: registries, settings: settings
    ).run()
    let text = CheckText(run.console)
    if !outputs.json { text.show(result) }
    text.complain(of: result)
    var closing = ClosingFiles()
    closing.write {
      try Reports.deliver(
        CheckReport(result), page: ReportPage(result), to: reporting.report, json: outputs.json, run.console)
    }
    closing.write {
      guard let path = destination.receipt else { return }
      guard let receipt = result.receipt(ferry: Ferry.version, started: started) else {
        return run.console.complain("\(path) was not written: not everything is as it should be")
      }
      try receipt.write(path: path)
      run.console.say("wrote \(path)")
    }
    closing.write {
      try destination.switching.write(
        destination.switching.directory(result.nameChanges, connection), run.console)
    }
    try closing.check()
    return CheckText.status(of: result)
  }
}
