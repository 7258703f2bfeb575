import ArgumentParser
import Credentials
import Digests
import FoundationEssentials
import Glibc
import Layouts
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
  let environment: Environment
  private let isJSON: Bool

  init(_ output: OutputOptions) {
    isJSON = output.json
    console = output.console()
    display = ProgressDisplay(console)
    environment = Environment(ProcessInfo.processInfo.environment)
    // What is typed there is no secret.
    console.secrets.excuse(CommandLine.arguments)
    console.secrets.add([environment.signPassphrase].compactMap(\.self))
    for proxy in [environment.proxy(isPlain: true), environment.proxy(isPlain: false)] {
      guard let proxy else { continue }
      console.secrets.add(Configured(proxy.value, by: proxy.variable.description).loginSecrets)
    }
  }

  /// The directory for nameless files of what is not to be kept in memory.
  var temporaryDirectory: String { environment.temporaryDirectory }

  /// Runs `work` and ends the command with the status it returns or its error has. An error is reported as
  /// the result would have been: as JSON where `--json` asks for it, and in the file `report`.
  func conclude(
    report: String? = nil, _ work: @escaping @Sendable () async throws -> ExitStatus
  ) async -> Never {
    var status: ExitStatus
    do {
      status = try await display.whileShowing { try await Interrupts.cancelling(work) }
    } catch {
      let text = Interrupts.isInterrupted ? ErrorText.interrupted : ErrorText(error)
      if (error as? FerryError)?.isOfReports != true {
        try? Reports.deliver(
          FailedReport(error, text, warnings: display.warnings), page: ReportPage(text), to: report,
          json: isJSON, console)
      }
      console.complain(text.lines)
      status = text.status
    }
    if let code = console.lostResults {
      console.complain("ferry: cannot write standard output: \(unsafe String(cString: strerror(code)))")
      if status == .done { status = Interrupts.isInterrupted ? .interrupted : .cannotWrite }
    }
    if console.hasHiddenResults {
      console.complain(
        "ferry: what a registry says holds a secret of this run, and '…' stands in its place above or in the report; "
          + "a name with '…' in it is not the one that the registry has")
      if status == .done { status = .unforeseen }
    }
    // Not exit(3): its handlers would pull OpenSSL from under threads that still tidy up.
    fflush(nil)
    _exit(status.rawValue)
  }

  /// What `work` makes of each archive. One that fails is complained of and does not stop the others; what turns out to be no
  /// archive, but a file beside those of a directory, is counted, or fails where it may hold images. A directory without any has
  /// failed; throws ``LayoutError/noArchive(directory:unread:)`` when there was nothing else.
  func each<Value>(
    of archives: GatheredArchives, _ work: (ArchiveInput) async throws -> Value
  ) async throws -> (done: [Value], failed: [ImageFailure], passedOver: PassedOver) {
    var done: [Value] = []
    var failed: [ImageFailure] = []
    var passedOver = archives.passedOver
    // The directories in which there was an archive.
    var fruitful: Set<String> = []
    for archive in archives.inputs {
      do {
        done.append(try await work(archive))
      } catch  where archive.isOther(error) {
        passedOver.add(archive, error)
        continue
      } catch {
        try Task.checkCancellation()
        console.complain(ErrorText(error).lines)
        failed.append(ImageFailure(image: archive.path, error: error))
      }
      fruitful.insert(archive.directory ?? archive.path)
    }
    let isFruitless = fruitful.isEmpty
    let fruitless = archives.directories.filter { !fruitful.contains($0) }
    for directory in fruitless {
      let error = LayoutError.noArchive(directory: directory, unread: passedOver.unread(below: directory))
      if isFruitless { throw error }
      console.complain(ErrorText(error).lines)
      failed.append(ImageFailure(image: directory, error: error))
    }
    for archive in passedOver.unread(besides: fruitless) {
      console.complain(ErrorText(archive.error).lines)
      failed.append(ImageFailure(image: archive.path, error: archive.error))
    }
    return (done, failed, passedOver)
  }

  /// The key to sign with, open; nil when nothing is to be signed. Before any work is done: whoever has to type a
  /// password waits for nothing.
  func signingKey(_ options: SigningOptions) throws -> SigningKey? {
    try options.signKey.map { try KeyFiles.signingKey($0, environment: environment, console) }
  }

  var nvidiaHosts: NVIDIAHosts {
    environment.nvidiaHosts.map { NVIDIAHosts(names: $0) } ?? .standard
  }

  /// Where NVIDIA's registries may send for tokens.
  private var realmHosts: Set<String> {
    environment.nvidiaRealmHosts ?? NVIDIAHosts.realmHosts
  }

  /// DGX and NGC share a host's name: export most likely speaks to the one, import to the other.
  private var twoKeyHosts: TwoKeyHosts {
    TwoKeyHosts(
      contains: { [nvidiaHosts] in nvidiaHosts.contains($0) },
      phase: { credential in
        switch APIKey(credential)?.shape.suggests {
        case .dgx: .export
        case .ngc: .import
        case nil: nil
        }
      })
  }

  func settings(_ jobs: JobsOption, _ options: TransferOptions) -> TransferSettings {
    TransferSettings(jobs: jobs.jobs, keepGoing: options.keepGoing, observer: display)
  }

  /// The registries as `phase` may log in to them; `hosts` are those of the images named, `uploadHosts` where uploads may
  /// go besides.
  func registries(
    at hosts: Set<String>, _ connection: ConnectionOptions, _ credentials: CredentialOptions,
    phase: Phase, uploadHosts: [String] = [], patience: Duration = .zero
  ) throws -> Registries {
    let warnings = WarningsOnce(console)
    let lookup = PhaseCredentials(
      phase: phase, explicit: try credentials.read(), authFile: credentials.authFile,
      twoKeyHosts: twoKeyHosts, environment: environment, helpers: HelperAnswers(environment: environment),
      read: { try InputFile.bytes(of: $0, limit: $1) }, warn: { warnings.say($0) })
    try lookup.checkThatLoginServes(hosts)
    if let path = credentials.apiKeyFile, Paths.isReadableByOthers(path) {
      warnings.say(.keyFileReadable(path: path))
    }
    let say: @Sendable (String) -> Void = { [console] in console.say("\($0)") }
    let transport = connection.transport(log: console.isVerbose ? say : nil) { [console] notice in
      console.say(WaitingText.line(for: notice))
    }
    let secrets = console.secrets
    let security = TransportSecurity(
      environment, certificate: credentials.clientCertificate, registries: hosts, warn: { warnings.say($0) })
    var options = security.applied(to: transport)
    options.confided = { secrets.add(passing: $0) }
    return Registries(
      http: try HTTPClient(options),
      plainHTTP: connection.plainHTTP,
      realmRules: RealmRules(.nvidia(nvidiaHosts, realmHosts: realmHosts)),
      uploadHosts: Set(uploadHosts.map { $0.lowercased() }), nvidiaHosts: nvidiaHosts,
      services: try services(), observer: display, patience: patience,
      granted: { secrets.add(tokens: $0) },
      lookup: { host, repository in
        let found = try lookup.find(host: host, repository: repository)
        secrets.add(found.credential?.spellings ?? [])
        return found
      })
  }

  /// Where NVIDIA's REST services are, for tests and private deployments settable.
  private func services() throws -> NVIDIAServices {
    try NVIDIAServices(
      dgxAPI: environment.dgxAPI ?? NVIDIAServices.defaultDGXAPI,
      ngcAPI: environment.ngcAPI ?? NVIDIAServices.defaultNGCAPI,
      ngcAuthn: environment.ngcAuthn ?? NVIDIAServices.defaultNGCAuthn)
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
    console.complain(CredentialText.line(for: warning))
  }
}
