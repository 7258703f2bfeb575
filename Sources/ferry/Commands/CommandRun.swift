import ArgumentParser
import FoundationEssentials
import NVIDIA
import Registry
import Synchronization
import Transfers
import Transport

/// What every command does around its work: shows progress, lets a signal cancel it, and turns an error into
/// words and an exit status.
struct CommandRun: Sendable {
  let console: Console
  let display: ProgressDisplay
  let environment: [String: String]

  init(_ output: OutputOptions) {
    console = output.console()
    display = ProgressDisplay(console)
    environment = ProcessInfo.processInfo.environment
  }

  /// Runs `work` and ends the command with the status it returns or its error has.
  func conclude(_ work: @escaping @Sendable () async throws -> ExitStatus) async throws {
    let status: ExitStatus
    do {
      status = try await display.whileShowing { try await Interrupts.cancelling(work) }
    } catch {
      let text = Interrupts.isInterrupted ? ErrorText.interrupted : ErrorText(error)
      console.complain(text.lines)
      throw ExitCode(text.status.rawValue)
    }
    if status != .done { throw ExitCode(status.rawValue) }
  }

  var nvidiaHosts: NVIDIAHosts {
    names(in: "FERRY_NVIDIA_HOSTS").map { NVIDIAHosts(names: $0) } ?? .standard
  }

  /// Where NVIDIA's registries may send for tokens.
  private var realmHosts: Set<String> {
    names(in: "FERRY_NVIDIA_REALM_HOSTS") ?? RealmRules.knownRealmHosts
  }

  /// A list of names between commas; nil when the variable is not set.
  private func names(in variable: String) -> Set<String>? {
    environment[variable].map { list in
      Set(list.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) })
    }
  }

  func settings(_ options: TransferOptions) -> TransferSettings {
    TransferSettings(jobs: options.jobs, keepGoing: options.keepGoing, observer: display)
  }

  /// The registries as `phase` may log in to them.
  func registries(
    _ connection: ConnectionOptions, _ credentials: CredentialOptions, phase: PhaseCredentials.Phase
  ) throws -> Registries {
    let warnings = WarningsOnce(console)
    let lookup = PhaseCredentials(
      phase: phase, explicit: try credentials.read(), authFile: credentials.authFile,
      nvidiaHosts: nvidiaHosts, environment: environment, warn: { warnings.say($0) })
    if let path = credentials.apiKeyFile, Paths.isReadableByOthers(path) {
      warnings.say(.keyFileReadable(path: path))
    }
    let say: @Sendable (String) -> Void = { [console] in console.say($0) }
    return Registries(
      http: try HTTPClient(connection.transport(log: console.isVerbose ? say : nil)),
      plainHTTP: connection.plainHTTP,
      realmRules: RealmRules(nvidiaHosts: nvidiaHosts.names, nvidiaRealmHosts: realmHosts),
      nvidiaHosts: nvidiaHosts, services: try services(), observer: display,
      lookup: { try lookup.find(host: $0, repository: $1) })
  }

  /// Where NVIDIA's REST services are, for tests and private deployments settable.
  private func services() throws -> NVIDIAServices {
    try NVIDIAServices(
      dgxAPI: environment["FERRY_DGX_API"] ?? NVIDIAServices.defaultDGXAPI,
      ngcAPI: environment["FERRY_NGC_API"] ?? NVIDIAServices.defaultNGCAPI,
      ngcAuthn: environment["FERRY_NGC_AUTHN"] ?? NVIDIAServices.defaultNGCAuthn)
  }
}

/// Says each warning once.
private final class WarningsOnce: Sendable {
  private let console: Console
  private let said = Mutex<Set<CredentialWarning>>([])

  init(_ console: Console) {
    self.console = console
  }

  func say(_ warning: CredentialWarning) {
    guard said.withLock({ $0.insert(warning).inserted }) else { return }
    console.complain(warning.line)
  }
}
