import ArgumentParser
import Digests
import Layouts
import Transfers

struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Prove archives offline: no network, no key.",
    discussion: """
      Checks the structure of each archive, then the size and sha256 of every blob in it, and names each \
      damaged, missing, surplus or unreferenced entry with the images it hurts. Exits 14 when anything is \
      wrong.

      Of an archive that is cut into volumes name any one, all, or the directories they are in.

      With --receipt it also tells of each image whether the destination confirmed it, under which name and \
      with which digest; it exits 4 when one is missing or differs.

      - reads an archive from standard input, and one that gzip, zstd or xz compressed is recognised, there as \
      in a file: such an archive of Ferry's is proved in one pass, as strictly as one in a file.

      EXAMPLE:
        ferry verify fleet.tar
        ferry verify fleet.tar.001
        ferry verify /media/one /media/two
        ferry verify fleet.tar --expect sha256:9c4f…
        ferry verify --deep backups/*.tar
        ferry verify fleet.tar --public-key minisign.pub
        ferry verify fleet.tar --receipt receipt.json --report arrived.html
        cat /mnt/*/fleet.tar.* | ferry verify -
      """)

  @Argument(
    help: ArgumentHelp(
      "The archives to prove: files, volumes, directories of them; - is standard input.",
      valueName: "archive"),
    completion: .file())
  var archives: [String]

  @Flag(help: "Also decompress every layer and compare it with the diff_ids of its image's config.")
  var deep = false

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

  @Option(help: ArgumentHelp("Parallel readers.", valueName: "N"))
  var jobs = 4

  @OptionGroup(title: "Signatures") var signatures: SignatureOptions
  @OptionGroup(title: "Receipts") var receipts: ReceiptOptions
  @OptionGroup var spooling: SpoolOption
  @OptionGroup(title: "Output") var outputs: OutputOptions

  func validate() throws {
    guard (1...64).contains(jobs) else { throw ValidationError("--jobs takes a number from 1 to 64.") }
    try signatures.validate(for: archives)
    if let report, (archives + receipts.receipt).contains(where: { Paths.areSame($0, report) }) {
      throw ValidationError("--report would overwrite what is verified; give it another name.")
    }
    try StandardInput.validate(archives: archives)
  }

  func run() async throws {
    let run = CommandRun(outputs)
    await run.conclude(report: report) {
      let settings = TransferSettings(jobs: jobs, observer: run.display)
      let signature = try signatures.demand()
      let receipts = receipts.receipt.isEmpty ? nil : try receipts.read()
      let inputs = try ArchiveInput.group(archives)
      if expect != nil, inputs.count > 1 { throw TransferError.expectsOneArchive(count: inputs.count) }
      let (verified, failures) = try await run.each(of: inputs) { input in
        let archive = try await Verification(
          input, isDeep: deep, expected: expect, signature: signature, spool: spooling.spool,
          settings: settings
        ).run()
        if !outputs.json {
          VerifyText(run.console).show(archive)
          if let receipts { ArrivalText(run.console).show(archive.arrivals(in: receipts), of: input.path) }
        }
        return archive
      }
      try Reports.deliver(
        VerifyReport(verified, receipts: receipts, failures: failures),
        page: ReportPage(verified, receipts: receipts, failures: failures), to: report, json: outputs.json,
        run.console)
      guard verified.allSatisfy(\.isWhole) else { return .integrityFailure }
      let statuses = failures.map { ErrorText($0).status }
      if let first = statuses.first {
        return statuses.contains(.integrityFailure) ? .integrityFailure : first
      }
      let haveArrived = receipts.map { receipts in
        verified.allSatisfy { $0.arrivals(in: receipts).allSatisfy(\.hasArrived) }
      }
      return haveArrived ?? true ? .done : .differences
    }
  }
}
