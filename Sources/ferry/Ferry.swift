import ArgumentParser
import Credentials
import Files
import Glibc
import Transfers

@main
struct Ferry: AsyncParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "ferry",
    abstract: "Carry container images from one registry to another that it never meets.",
    discussion: """
      ferry export pulls images into one OCI archive and proves every byte against its digest; the \
      archive crosses the gap; ferry import proves every byte again and pushes to the new registry. \
      Each half has credentials of its own, even when both registries share one host name.

      EXAMPLE:
        ferry list nvcr.io/olddept --api-key-file old.key > images.txt
        ferry export -f images.txt -o fleet.tar --api-key-file old.key
        ferry verify fleet.tar
        ferry check fleet.tar -f images.txt --api-key-file old.key
        ferry import fleet.tar --to nvcr.io/acme --api-key-file new.key

      EXIT STATUS:
      \(ExitStatus.table)

      MORE HELP:
        ferry help environment
        ferry help exit-status
        ferry help files
      """,
    version: version,
    subcommands: [
      ListCommand.self, ExportCommand.self, VerifyCommand.self, InspectCommand.self, ImportCommand.self,
      CheckCommand.self,
    ])

  static func main() async {
    // First of all: nothing secret has been read by then but what the environment holds, and no other thread runs.
    CoreFiles.forbid()
    MemoryArenas.useOne()
    // libcurl would write the keys of its connections there, for whoever wants to read along.
    unsafe unsetenv(EnvironmentVariable.sslKeyLogFile.rawValue)
    StandardStreams.occupy()
    FileLimit.raise()
    if let code = ThreadCheck.shortage() {
      Console(style: .none, isQuiet: false, isVerbose: false).complain(
        ErrorText(TransferError.noThread(code: code)).lines)
      Glibc.exit(ExitStatus.unforeseen.rawValue)
    }
    if let code = await FileLimit.shortage() {
      Console(style: .none, isQuiet: false, isVerbose: false).complain(
        ErrorText(FerryError.tooFewFiles(code: code)).lines)
      Glibc.exit(ExitStatus.cannotWrite.rawValue)
    }
    Interrupts.catchSignals()
    // Only then: asked for its version, libcurl has other libraries look around, which opens sockets.
    if CommandLine.arguments.dropFirst() == ["--version"] { tell(VersionText.text + "\n") }
    if let topic = HelpTopic(asked: CommandLine.arguments.dropFirst()) { tell(topic.text) }
    let commands = configuration.subcommands.map { $0._commandName }
    if let name = HelpTopic.unknown(asked: CommandLine.arguments.dropFirst(), commands: commands) {
      refuse(help: name, commands)
    }
    do {
      var command = try await asyncParseAsRoot(nil)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      end(with: error)
    }
  }

  /// Ends with a text that was asked for.
  private static func tell(_ text: String) -> Never {
    let console = Console(style: .none, isQuiet: false, isVerbose: false)
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
      console.result(Wording(stringLiteral: String(line)))
    }
    guard console.lostResults == nil else { Glibc.exit(ExitStatus.cannotWrite.rawValue) }
    Glibc.exit(ExitStatus.done.rawValue)
  }

  /// Ends because there is no help about `name`.
  private static func refuse(help name: String, _ commands: [String]) -> Never {
    let error = ErrorText(
      "ferry help has nothing about '\(name)'",
      remedy: "It has \(Wording.list(commands + HelpTopic.allCases.map(\.rawValue))).", .usage)
    Console(style: .none, isQuiet: false, isVerbose: false).complain(error.lines)
    Glibc.exit(ExitStatus.usage.rawValue)
  }

  /// Ends with what a command line that cannot be meant deserves; help and versions are such errors to the parser.
  private static func end(with error: any Error) -> Never {
    let status = exitCode(for: error)
    guard !status.isSuccess else { exit(withError: error) }
    let console = Console(style: .none, isQuiet: false, isVerbose: false)
    console.complain(.refusal(fullMessage(for: error), saying: message(for: error)))
    Glibc.exit(status.rawValue)
  }
}

/// How the process ends (design §1, "Exit status").
enum ExitStatus: Int32, CaseIterable {
  case done = 0
  case unforeseen = 1
  case someFailed = 3
  case differences = 4
  case credentialsRefused = 10
  case permissionDenied = 11
  case notFound = 12
  case networkFailed = 13
  case integrityFailure = 14
  case destinationConflict = 15
  case cannotWrite = 16
  case usage = 64
  case interrupted = 130
}
