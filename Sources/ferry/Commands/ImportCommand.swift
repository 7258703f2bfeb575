import ArgumentParser
import Digests
import Images
import Transfers

struct ImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Prove archives again and push their images to a registry.",
    discussion: """
      Every name is settled and every conflict shown before anything moves. Blobs go first, each hashed on \
      its way and held back until its digest agrees; then manifests, indexes, and last the tags, each of \
      which is read back. What the registry has already is skipped: running it again changes nothing.

      Without a rule the source's host and first path component give way to --to: with --to nvcr.io/acme, \
      nvcr.io/olddept/trainer:1.0 becomes nvcr.io/acme/trainer:1.0. Rules of --map come first, on the \
      repository without its host; * matches inside a component, ** across components, $1, $2… stand for \
      what they matched.

      EXAMPLE:
        ferry import fleet.tar --to nvcr.io/acme --api-key-file new.key --dry-run
        ferry import fleet.tar --to nvcr.io/acme --api-key-file new.key
        ferry import fleet.tar --to registry.example/mirror --map 'olddept/**=archive/$1'
      """)

  @Argument(help: ArgumentHelp("The archives to import.", valueName: "archive"), completion: .file())
  var archives: [String]

  @Option(
    help: ArgumentHelp("The registry and namespace to push below.", valueName: "registry/org[/team]"))
  var to: String

  @Option(
    help: ArgumentHelp(
      "Place repositories that match the pattern under another name. Repeatable.",
      valueName: "pattern=replacement"))
  var map: [String] = []

  @Option(
    help: ArgumentHelp("Read --map rules from this file, one a line, # for comments.", valueName: "file"),
    completion: .file())
  var mapFile: String?

  @Option(
    help: ArgumentHelp(
      "Import only images whose name, with or without host and tag, matches this glob. Repeatable.",
      valueName: "ref"))
  var image: [String] = []

  @Flag(help: "Move tags that exist with other content.")
  var overwrite = false

  @Option(
    help: ArgumentHelp(
      "The archive digest that export printed; any other archive is refused.",
      valueName: "sha256:…"),
    transform: DigestArgument.parse)
  var expect: Digest?

  @Option(
    help: ArgumentHelp("Also write the JSON report to this file.", valueName: "file"), completion: .file())
  var report: String?

  @Option(
    help: ArgumentHelp(
      "Keep open uploads for the next run in this file; by default beside the archive.", valueName: "file"),
    completion: .file())
  var journal: String?

  @Option(
    help: ArgumentHelp(
      "Write the repositories' descriptions that the archives carry into this directory.", valueName: "dir"),
    completion: .directory)
  var descriptions: String?

  @OptionGroup(title: "Credentials") var credentials: CredentialOptions
  @OptionGroup(title: "Connection") var connection: ConnectionOptions
  @OptionGroup(title: "Transfer") var transfer: TransferOptions
  @OptionGroup(title: "Output") var outputs: OutputOptions

  func validate() throws {
    if let report, archives.contains(where: { Paths.areSame($0, report) }) {
      throw ValidationError("--report would overwrite an archive; give it another name.")
    }
    if mapFile == "-" && credentials.passwordStdin {
      throw ValidationError("--map-file - and --password-stdin both want standard input.")
    }
    if expect != nil, archives.count > 1 { throw ValidationError("--expect speaks of one archive.") }
  }

  func run() async throws {
    let run = CommandRun(outputs)
    await run.conclude(report: report) {
      let request = try request(run)
      let registries = try run.registries(
        at: [request.mapping.destination.host], connection, credentials, phase: .import)
      let work = Import(
        request, registries: registries, settings: run.settings(transfer))
      let prepared = try await work.prepare(checksBlobs: transfer.dryRun)
      let text = ImportText(run.console)
      if transfer.dryRun {
        try Reports.deliver(ImportReport(planned: prepared), to: report, json: outputs.json, run.console)
        if !outputs.json { text.plan(prepared) }
        return text.verdict(on: prepared, keepsGoing: transfer.keepGoing)
      }
      if !prepared.refusals.isEmpty, transfer.keepGoing {
        run.console.complain(ErrorText(TransferError.pushRefused(prepared.refusals)).lines)
      }
      let result = try await work.run(prepared)
      try Reports.deliver(ImportReport(result), to: report, json: outputs.json, run.console)
      if !outputs.json { text.summary(of: result) }
      if let descriptions {
        for path in archives {
          let count = try await Descriptions.write(from: path, to: descriptions)
          let what = Amounts.count(count, "description")
          run.console.say("wrote \(what) of repositories in \(path) to \(descriptions)")
        }
      }
      return result.failures.isEmpty ? .done : .someFailed
    }
  }

  private func request(_ run: CommandRun) throws -> ImportRequest {
    let lines = try map + (mapFile.map(ImageList.read) ?? [])
    let mapping = NameMapping(
      destination: try RegistryLocation(to), rules: try lines.map { try MappingRule($0) },
      nvidiaHosts: run.nvidiaHosts)
    return ImportRequest(
      archives: archives, mapping: mapping, images: image, overwrites: overwrite, expected: expect,
      shard: transfer.shard,
      journal: journal.map { .file($0) } ?? .besideArchive(orIn: Paths.stateDirectory(run.environment)))
  }
}
