import ArgumentParser
import Transfers

struct InspectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what archives hold: images, platforms, sizes, layers, digests.",
    discussion: """
      Reads an archive's manifests, not its layers; ferry verify proves those.

      EXAMPLE:
        ferry inspect fleet.tar
        ferry inspect fleet.tar --json | jq -r '.archives[].images[].reference'
      """)

  @Argument(help: ArgumentHelp("The archives to look into.", valueName: "archive"), completion: .file())
  var archives: [String]

  @Flag(name: .shortAndLong, help: "Also list every platform's layers.")
  var long = false

  @OptionGroup(title: "Output") var outputs: OutputOptions

  func run() async throws {
    let run = CommandRun(outputs)
    try await run.conclude {
      var inspected: [InspectedArchive] = []
      for path in archives {
        let archive = try await Inspection(path).run()
        if !outputs.json { InspectText(run.console).show(archive, long: long) }
        inspected.append(archive)
      }
      if outputs.json { run.console.result(try Reports.text(InspectReport(inspected))) }
      return inspected.allSatisfy(\.problems.isEmpty) ? .done : .integrityFailure
    }
  }
}
