import ArgumentParser
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
      which is read back. What the registry has already is skipped: running it again changes nothing.

      Without a rule the source's host and first path component give way to --to: with --to nvcr.io/acme, \
      nvcr.io/olddept/trainer:1.0 becomes nvcr.io/acme/trainer:1.0. Rules of --map come first, on the \
      repository without its host; * matches inside a component, ** across components, $1, $2… stand for \
      what they matched.

      Of an archive that is cut into volumes name any one, all, or the directories they are in. They are read \
      and proved once before anything is pushed.

      - reads an archive from standard input, and one that gzip, zstd or xz compressed is recognised, there as \
      in a file. Such an archive of Ferry's is pushed in one pass, as it comes, its tags when all of it was \
      proved; a pipe that breaks off leaves no tag, and the same command run again skips what has arrived. \
      Others, in another order, need --spool.

      EXAMPLE:
        ferry import fleet.tar --to nvcr.io/acme --api-key-file new.key --dry-run
        ferry import fleet.tar --to nvcr.io/acme --api-key-file new.key
        ferry import week2.tar week1.tar --to nvcr.io/acme --api-key-file new.key
        ferry import fleet.tar --to registry.example/mirror --map 'olddept/**=archive/$1'
        ferry import fleet.tar --to registry.example/mirror --receipt receipt.json --sign-key minisign.key
        ssh host zstd -c fleet.tar | ferry import - --to nvcr.io/acme --api-key-file new.key
      """)

  @Argument(
    help: ArgumentHelp(
      "The archives to import: files, volumes, directories of them; - is standard input.",
      valueName: "archive"),
    completion: .file())
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

  @Option(
    help: ArgumentHelp(
      """
      Name the image that has no name of its own: where it goes below --to. Without a tag its own tag stays, \
      and so several images that have nothing but their tags can be named at once.
      """, valueName: "repository[:tag]"))
  var `as`: String?

  @Flag(
    help: """
      Compress uncompressed layers with gzip on the way, as docker push would. This changes the digests of \
      these layers and of their images; the report lists old and new. Every layer is compressed twice: to \
      learn its digest, and to send it.
      """)
  var compressLayers = false
  @Flag(
    name: .customLong("no-referrers"),
    help: "Leave the signatures, SBOMs and attestations that the archives carry with their images.")
  var leavesReferrers = false
  @Flag(
    help:
      "Take the images that are whole in what is there of the archives, and list the others; exit status 3.")
  var allowMissing = false

  @Flag(help: "Move tags that exist with other content.")
  var overwrite = false

  @Option(
    help: ArgumentHelp(
      "The archive digest that export printed; any other archive is refused.",
      valueName: "sha256:…"),
    transform: DigestArgument.parse)
  var expect: Digest?

  @Option(
    help: ArgumentHelp(
      "Also write the report to this file: as a page to read where its name ends in .html, else as JSON.",
      valueName: "file"), completion: .file())
  var report: String?

  @Option(
    help: ArgumentHelp(
      "Write a receipt to this file: each image's old and new name and the digest that the registry gave for "
        + "it. ferry verify --receipt reads it.", valueName: "file"), completion: .file())
  var receipt: String?

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

  @OptionGroup(title: "Signing the receipt") var signing: SigningOptions
  @OptionGroup(title: "Signatures") var signatures: SignatureOptions
  @OptionGroup var spooling: SpoolOption
  @OptionGroup(title: "Credentials") var credentials: CredentialOptions
  @OptionGroup(title: "Connection") var connection: ConnectionOptions
  @OptionGroup(title: "Transfer") var transfer: TransferOptions
  @OptionGroup(title: "Output") var outputs: OutputOptions

  func validate() throws {
    if let report, (archives + [receipt].compactMap(\.self)).contains(where: { Paths.areSame($0, report) }) {
      throw ValidationError("--report would overwrite an archive or the receipt; give it another name.")
    }
    if let receipt, archives.contains(where: { Paths.areSame($0, receipt) }) {
      throw ValidationError("--receipt would overwrite an archive; give it another name.")
    }
    if receipt != nil, transfer.dryRun {
      throw ValidationError("--dry-run pushes nothing, so there is nothing to write a receipt of.")
    }
    if signing.signKey != nil, receipt == nil {
      throw ValidationError("--sign-key signs the receipt; name one with --receipt.")
    }
    try StandardInput.validate(
      archives: archives,
      options: [("--map-file -", mapFile == "-"), ("--password-stdin", credentials.passwordStdin)])
    try signatures.validate(for: archives)
  }

  func run() async throws {
    let run = CommandRun(outputs)
    await run.conclude(report: report) {
      let started = Date()
      let key = try run.signingKey(signing)
      if let receipt { try Receipt.checkWritable(path: receipt) }
      let inputs = try ArchiveInput.group(archives)
      if expect != nil, inputs.count > 1 { throw TransferError.expectsOneArchive(count: inputs.count) }
      let request = try request(inputs, run)
      let registries = try run.registries(
        at: [request.mapping.destination.host], connection, credentials, phase: .import)
      let work = Import(
        request, registries: registries, settings: run.settings(transfer))
      let prepared = try await work.prepare(checksBlobs: transfer.dryRun)
      let text = ImportText(run.console)
      if transfer.dryRun {
        try Reports.deliver(
          ImportReport(planned: prepared), page: ReportPage(prepared, result: nil), to: report,
          json: outputs.json, run.console)
        if !outputs.json { text.plan(prepared) }
        return text.verdict(on: prepared, keepsGoing: transfer.keepGoing)
      }
      if !prepared.refusals.isEmpty, transfer.keepGoing {
        run.console.complain(ErrorText(TransferError.pushRefused(prepared.refusals)).lines)
      }
      let result = try await work.run(prepared)
      if let receipt {
        try result.receipt(ferry: Ferry.version, started: started).write(path: receipt, signedBy: key)
        run.console.say("wrote \(receipt)")
      }
      try Reports.deliver(
        ImportReport(result), page: ReportPage(result.prepared, result: result), to: report,
        json: outputs.json, run.console)
      if !outputs.json { text.summary(of: result) }
      if let descriptions {
        for (path, count) in try await Descriptions.write(from: prepared, to: descriptions) {
          let what = Amounts.count(count, "description")
          run.console.say("wrote \(what) of repositories in \(path) to \(descriptions)")
        }
      }
      return result.failures.isEmpty ? .done : .someFailed
    }
  }

  private func request(_ archives: [ArchiveInput], _ run: CommandRun) throws -> ImportRequest {
    let lines = try map + (mapFile.map(ImageList.read) ?? [])
    let mapping = NameMapping(
      destination: try RegistryLocation(to), rules: try lines.map { try MappingRule($0) },
      nvidiaHosts: run.nvidiaHosts)
    var request = ImportRequest(
      archives: archives, mapping: mapping, images: image, overwrites: overwrite,
      allowsMissing: allowMissing, expected: expect,
      shard: transfer.shard, takesReferrers: !leavesReferrers,
      journal: journal.map { .file($0) } ?? .besideArchive(orIn: Paths.stateDirectory(run.environment)),
      givenName: try `as`.map { try GivenName($0) }, compressesLayers: compressLayers,
      spool: spooling.spool)
    request.signature = try signatures.demand()
    return request
  }
}
