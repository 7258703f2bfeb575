import ArgumentParser
import Credentials
import Images
import Transfers

struct ListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Show what a registry holds: repositories and tags.",
    discussion: """
      Prints one reference a line, in exactly the form that ferry export -f reads. It looks for credentials \
      where export does; with --phase import where import does. Of a list that breaks off it prints what came, \
      names the rest, and exits 3.

      ferry list nvcr.io shows everything that the key sees, public images included. Give each DGX space by itself: \
      olddept leaves out olddept_vision.

      EXAMPLE:
        ferry list nvcr.io --api-key-file old.key > images.txt
        ferry list nvcr.io/olddept nvcr.io/olddept_vision --api-key-file old.key
        ferry list registry.example/team > images.txt
      """)

  enum Phase: String, ExpressibleByArgument, CaseIterable {
    case export
    case `import`
  }

  @Argument(help: ArgumentHelp("The registries or namespaces to list.", valueName: "registry[/namespace]"))
  var locations: [String]

  @Flag(
    name: .shortAndLong,
    help:
      "Also show each image's size and date; other registries than NVIDIA's take a few requests an image for that."
  )
  var long = false

  @Flag(
    help:
      "Also show what no tag names, by its digest, as far as the registries show it; that takes a few requests an image."
  )
  var untagged = false

  @Option(help: ArgumentHelp("Whose credentials to use.", valueName: "export|import"))
  var phase = Phase.export

  @OptionGroup(title: "Credentials") var credentials: CredentialOptions
  @OptionGroup(title: "Connection") var connection: ConnectionOptions
  @OptionGroup(title: "Transfer") var jobs: JobsOption
  @OptionGroup(title: "Output") var outputs: OutputOptions

  func run() async throws {
    let run = CommandRun(outputs)
    await run.conclude {
      let locations = try locations.map { try RegistryLocation($0) }
      let registries = try run.registries(
        at: Set(locations.map(\.host)), connection, credentials,
        phase: phase == .export ? .export : .import)
      let listing = try Listing(
        locations, isDetailed: long, showsUntagged: untagged, registries: registries,
        settings: TransferSettings(jobs: jobs.jobs, observer: run.display))
      let found = try await listing.run()
      if outputs.json {
        let report = ListReport(found, warnings: run.display.warnings)
        try run.console.document { try Reports.write(report, to: $0) }
      } else {
        ListText(run.console).show(found.images, long: long)
      }
      if let line = UntaggedText.line(unlistedAt: found.untaggedUnlisted) { run.console.complain(line) }
      return found.failures.isEmpty ? .done : .someFailed
    }
  }
}
