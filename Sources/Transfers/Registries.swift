import Images
public import NVIDIA
public import Registry
import Synchronization
public import Transport

/// The registries of one phase: a client for each host and credential, made when first needed, and for
/// NVIDIA's hosts the REST services beside them.
public final class Registries: Sendable {
  /// Finds the credential for a repository of a host. May block.
  public typealias Lookup = @Sendable (_ host: String, _ repository: String) throws -> FoundCredential

  private struct Key: Hashable {
    let host: String
    let source: CredentialSource
  }

  private struct Access {
    let client: RegistryClient
    /// nil unless the host is NVIDIA's and the credential an API key.
    let catalog: NVIDIACatalog?
  }

  let nvidiaHosts: NVIDIAHosts
  private let http: HTTPClient
  private let plainHTTP: Bool
  /// For how long they may take to show what they were given.
  private let patience: Duration
  private let realmRules: RealmRules
  private let uploadHosts: Set<String>
  private let services: NVIDIAServices
  private let lookup: Lookup
  private let granted: (@Sendable ([String]) -> Void)?
  private let observer: any TransferObserver
  private let warnings = WarningsTold()
  private let opened = Mutex<[Key: Access]>([:])
  /// What was found for each repository. The lock is held while one is looked up: a helper program is asked
  /// once, and not by every thread.
  private let looked = Mutex<[RegistryLocation: FoundCredential]>([:])

  /// Uploads may go to `uploadHosts` beside the registries' own, each with its port where that is not the scheme's. `granted`
  /// hears of every token that a server gives.
  public init(
    http: HTTPClient, plainHTTP: Bool, realmRules: RealmRules, uploadHosts: Set<String> = [],
    nvidiaHosts: NVIDIAHosts, services: NVIDIAServices, observer: any TransferObserver,
    patience: Duration = .zero, granted: (@Sendable ([String]) -> Void)? = nil, lookup: @escaping Lookup
  ) {
    self.http = http
    self.plainHTTP = plainHTTP
    self.patience = patience
    self.realmRules = realmRules
    self.uploadHosts = uploadHosts
    self.nvidiaHosts = nvidiaHosts
    self.services = services
    self.observer = observer
    self.lookup = lookup
    self.granted = granted
  }

  /// The client that serves `repository` of `host`.
  func client(host: String, repository: String) throws -> RegistryClient {
    try access(host: host, repository: repository).client
  }

  /// What lists `host` by REST; nil where the distribution API must.
  func catalog(host: String, repository: String) throws -> NVIDIACatalog? {
    try access(host: host, repository: repository).catalog
  }

  private func access(host: String, repository: String) throws -> Access {
    let found = try looked.withLock { looked in
      let place = RegistryLocation(host: host, path: repository)
      if let found = looked[place] { return found }
      let found = try lookup(host, repository)
      looked[place] = found
      return found
    }
    let key = Key(host: host, source: found.source)
    let (access, isNew) = opened.withLock { opened in
      if let access = opened[key] { return (access, false) }
      let access = open(host, found)
      opened[key] = access
      return (access, true)
    }
    if isNew { observer.note(.credential(host: host, source: found.source)) }
    return access
  }

  private func open(_ host: String, _ found: FoundCredential) -> Access {
    var configuration = RegistryConfiguration(
      plainHTTP: plainHTTP, credential: found.credential, realmRules: realmRules)
    configuration.uploadHosts = uploadHosts
    configuration.missed = found.missed
    configuration.confided = granted
    configuration.warned = { [warnings, observer] warning in
      if warnings.isNew(warning) { observer.note(.registryWarns(warning)) }
    }
    configuration.settling = Settling(patience: patience) { [observer, patience] item in
      observer.note(.settling(host: host, item, patience: patience))
    }
    let key = nvidiaHosts.contains(host) ? found.credential.flatMap { APIKey($0) } : nil
    return Access(
      client: RegistryClient(host: host, configuration: configuration, http: http),
      catalog: key.map { NVIDIACatalog(key: $0, services: services, http: http) })
  }
}

/// What registries have warned of: each text of each host is told once, whatever brought it.
private final class WarningsTold: Sendable {
  /// The texts of a host that are told: one that puts a time into its text would have no end of them.
  private static let most = 20

  private let told = Mutex<[String: Set<String>]>([:])

  /// Whether a warning is to be told; it is not, then, the next time.
  func isNew(_ warning: RegistryWarning) -> Bool {
    told.withLock { told in
      let texts = told[warning.host] ?? []
      guard texts.count < Self.most, !texts.contains(warning.text) else { return false }
      told[warning.host] = texts.union([warning.text])
      return true
    }
  }
}
