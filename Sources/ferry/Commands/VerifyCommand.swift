import ArgumentParser
import Digests
import Transfers

struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Prove archives offline: no network, no key.",
    discussion: """
      Checks the structure of each archive, then the size and sha256 of every blob in it, and names each \
      damaged, missing, surplus or unreferenced entry with the images it hurts. Exits 14 when anything is \
      wrong.

      EXAMPLE:
        ferry verify fleet.tar
        ferry verify fleet.tar --expect sha256:9c4f…
        ferry verify --deep backups/*.tar
      """)

  @Argument(help: ArgumentHelp("The archives to prove.", valueName: "archive"), completion: .file())
  var archives: [String]

  @Flag(help: "Also decompress every layer and compare it with the diff_ids of its image's config.")
  var deep = false

  @Option(
    help: ArgumentHelp(
      "The archive digest that export printed; any other archive is refused.",
      valueName: "sha256:…"),
    transform: DigestArgument.parse)
  var expect: Digest?

  @Option(help: ArgumentHelp("Parallel readers.", valueName: "N"))
  var jobs = 4

  @OptionGroup(title: "Output") var outputs: OutputOptions

  func validate() throws {
    guard (1...64).contains(jobs) else { throw ValidationError("--jobs takes a number from 1 to 64.") }
    if expect != nil, archives.count > 1 { throw ValidationError("--expect speaks of one archive.") }
  }

  func run() async throws {
    let run = CommandRun(outputs)
    await run.conclude {
      let settings = TransferSettings(jobs: jobs, observer: run.display)
      let (verified, failures) = try await run.each(of: archives) { path in
        let archive = try await Verification(path, isDeep: deep, expected: expect, settings: settings).run()
        if !outputs.json { VerifyText(run.console).show(archive) }
        return archive
      }
      if outputs.json { run.console.document(try Reports.text(VerifyReport(verified, failures: failures))) }
      guard verified.allSatisfy(\.isWhole) else { return .integrityFailure }
      let statuses = failures.map { ErrorText($0).status }
      return statuses.contains(.integrityFailure) ? .integrityFailure : statuses.first ?? .done
    }
  }
}
