import ArgumentParser
import Layouts
import Transfers

struct InspectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what archives hold: images, platforms, sizes, layers, digests.",
    usage: "ferry inspect [<options>] <archive> ...",
    discussion: """
      Reads an archive's manifests, not its layers; ferry verify proves those. Of a directory it shows every archive \
      below it.

      - reads an archive from standard input, to its end, and hashes what comes: in a pipe no name tells that an export \
      is unfinished. One that gzip, zstd, xz or bzip2 compressed is recognised, there as in a file; in a file no more is \
      decompressed of an archive as Ferry packed it than what describes it.

      EXAMPLE:
        ferry inspect fleet.tar
        ferry inspect fleet.tar --json | jq -r '.archives[].images[].reference'
      """)

  @Argument(
    help: ArgumentHelp(
      "The archives to look into: files, volumes, directories of them; - is standard input.",
      valueName: "archive"),
    completion: .file())
  var archives: [String]

  @Flag(name: .shortAndLong, help: "Also list every platform's layers.")
  var long = false

  @OptionGroup var spooling: SpoolOption
  @OptionGroup(title: "Output") var outputs: OutputOptions

  func validate() throws { try StandardInput.validate(archives: archives) }

  func run() async throws {
    let run = CommandRun(outputs)
    await run.conclude {
      let gathered = try ArchiveInput.gather(archives, streams: StandardInput.streams)
      let (inspected, failures, passedOver) = try await run.each(of: gathered) { input in
        let archive = try await Inspection(
          input, spool: spooling.spool, temporary: run.temporaryDirectory,
          memoryLimit: spooling.memory.limit.bytes
        ).run()
        if !outputs.json { InspectText(run.console).show(archive, long: long) }
        return archive
      }
      TreeText(run.console).say(passedOver)
      if outputs.json {
        try run.console.document {
          try Reports.write(InspectReport(inspected, failures: failures, passedOver: passedOver), to: $0)
        }
      }
      guard inspected.allSatisfy(\.problems.isEmpty) else { return .integrityFailure }
      return failures.first.map { ErrorText($0).status } ?? .done
    }
  }
}
