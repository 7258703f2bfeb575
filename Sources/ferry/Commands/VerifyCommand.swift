import ArgumentParser
import Layouts
import Transfers

struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Prove archives offline: no network, no key.",
    discussion: """
      Checks the structure of each archive, then the size and digest of every blob in it, and names each \
      damaged, missing, surplus or unreferenced entry with the images it hurts, and what was left out on \
      purpose. A document that programs would read differently is damage. Exits 14 when anything is wrong, \
      and 12 when there is no image.

      Of an archive that is cut into volumes name any one, all, or the directories they are in.

      Of a directory everything below it is proved, at any depth: image layouts, tars, what docker save wrote, packed \
      or unpacked, skopeo's dir:, volumes. Each has a verdict, and all together one line. Files that are no archives \
      are counted; no link to a directory is followed.

      With --receipt it also tells of each image whether the destination confirmed it, under which name and \
      with which digest; it exits 4 when one is missing or differs. With --list it names each image of a list that is \
      in none of the archives, and exits 4 when there is one.

      - reads an archive from standard input, and one that gzip, zstd, xz or bzip2 compressed is recognised, there as \
      in a file: such an archive of Ferry's is proved in one pass, as strictly as one in a file.

      EXAMPLE:
        ferry verify fleet.tar
        ferry verify fleet.tar.001
        ferry verify /media/one /media/two
        ferry verify fleet.tar --expect sha256:THE_DIGEST_YOU_WROTE_DOWN
        ferry verify --deep backups/
        ferry verify fleet.tar --public-key minisign.pub
        ferry verify fleet.tar --receipt receipt.json --report arrived.html
        ferry verify fleet.tar --list images.txt
        cat fleet.tar.[0-9]* | ferry verify -
      """)

  @Argument(
    help: ArgumentHelp(
      "The archives to prove: files, volumes, directories of them; - is standard input.",
      valueName: "archive"),
    completion: .file())
  var archives: [String]

  @Flag(help: "Also decompress every layer and compare it with the diff_ids of its image's config.")
  var deep = false

  @OptionGroup(title: "Proof") var expecting: ExpectOption
  @OptionGroup(title: "Proof") var signatures: SignatureOptions
  @OptionGroup(title: "Receipts") var receipts: ReceiptOptions
  @OptionGroup(title: "List") var listing: ListOption
  @OptionGroup var spooling: SpoolOption
  @OptionGroup var jobs: JobsOption
  @OptionGroup(title: "Output") var reporting: ReportOption
  @OptionGroup(title: "Output") var outputs: OutputOptions

  func validate() throws {
    try signatures.validate(for: archives)
    try SideFiles(written: [("--report", reporting.report)]).validate(
      archives: archives,
      files: receipts.receipt + listing.lists + [
        signatures.publicKey, signatures.signature, receipts.receiptPublicKey,
      ])
    try StandardInput.validate(
      archives: archives, options: [("--list -", listing.lists.contains(StandardInput.name))])
  }

  func run() async throws {
    let run = CommandRun(outputs)
    await run.conclude(report: reporting.report) {
      try Reports.checkWritable(reporting.report)
      let settings = TransferSettings(jobs: jobs.jobs, observer: run.display)
      let signature = try signatures.demand()
      let receipts = receipts.receipt.isEmpty ? nil : try receipts.read()
      let list = try ImageList.references(in: listing.lists)
      let gathered = try ArchiveInput.gather(archives, streams: StandardInput.streams)
      if expecting.expect != nil {
        try gathered.expectOne(temporary: run.temporaryDirectory, memoryLimit: spooling.memory.limit.bytes)
      }
      let (verified, failures, passedOver) = try await run.each(of: gathered) { input in
        let archive = try await Verification(
          input, isDeep: deep, expected: expecting.expect, signature: signature, spool: spooling.spool,
          temporary: run.temporaryDirectory, memoryLimit: spooling.memory.limit.bytes, settings: settings
        ).run()
        if !outputs.json {
          VerifyText(run.console).show(archive)
          if let receipts { ArrivalText(run.console).show(archive.arrivals(in: receipts), of: archive) }
        }
        return archive
      }
      if !outputs.json {
        TreeText(run.console).sum(up: verified, failures, of: gathered.directories)
      }
      TreeText(run.console).say(passedOver)
      let missing = list.map { $0.missing(from: verified) }
      if !outputs.json, let list, let missing {
        VerifyText(run.console).show(missing, of: list, in: verified.map(\.path))
      }
      let listed = list.map { ListEntry($0, missing: missing ?? []) }
      try Reports.deliver(
        VerifyReport(
          verified, receipts: receipts, list: listed, failures: failures, passedOver: passedOver),
        page: ReportPage(
          verified, receipts: receipts, list: list, missing: missing ?? [], failures: failures,
          passedOver: passedOver),
        to: reporting.report, json: outputs.json, run.console)
      guard verified.allSatisfy(\.isWhole) else { return .integrityFailure }
      let statuses = failures.map { ErrorText($0).status }
      if let first = statuses.first {
        return statuses.contains(.integrityFailure) ? .integrityFailure : first
      }
      let haveArrived = receipts.map { receipts in
        verified.allSatisfy { $0.arrivals(in: receipts).allSatisfy(\.hasArrived) }
      }
      return haveArrived ?? true && missing?.isEmpty ?? true ? .done : .differences
    }
  }
}
