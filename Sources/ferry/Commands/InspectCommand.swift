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
    await run.conclude {
      let (inspected, failures) = try await run.each(of: archives) { path in
        let archive = try await Inspection(path).run()
        if !outputs.json { InspectText(run.console).show(archive, long: long) }
        return archive
      }
      if outputs.json { run.console.document(try Reports.text(InspectReport(inspected, failures: failures))) }
      guard inspected.allSatisfy(\.problems.isEmpty) else { return .integrityFailure }
      return failures.first.map { ErrorText($0).status } ?? .done
    }
  }
}
