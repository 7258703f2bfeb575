public import Registry
import Synchronization
public import Transport

/// The registries of one phase: a client for each host and credential, made when first needed.
public final class Registries: Sendable {
  /// A credential and where it was found.
  public struct Found: Sendable {
    public let credential: Credential?
    public let source: CredentialSource

    public init(credential: Credential?, source: CredentialSource) {
      self.credential = credential
      self.source = source
    }
  }

  /// Finds the credential for a repository of a host. May block.
  public typealias Lookup = @Sendable (_ host: String, _ repository: String) throws -> Found

  private struct Key: Hashable {
    let host: String
    let source: CredentialSource
  }

  private let http: HTTPClient
  private let plainHTTP: Bool
  private let realmRules: RealmRules
  private let lookup: Lookup
  private let observer: any TransferObserver
  private let clients = Mutex<[Key: RegistryClient]>([:])

  public init(
    http: HTTPClient, plainHTTP: Bool, realmRules: RealmRules, observer: any TransferObserver,
    lookup: @escaping Lookup
  ) {
    self.http = http
    self.plainHTTP = plainHTTP
    self.realmRules = realmRules
    self.observer = observer
    self.lookup = lookup
  }

  /// The client that serves `repository` of `host`.
  func client(host: String, repository: String) throws -> RegistryClient {
    let found = try lookup(host, repository)
    let key = Key(host: host, source: found.source)
    let (client, isNew) = clients.withLock { clients in
      if let client = clients[key] { return (client, false) }
      let client = RegistryClient(
        host: host,
        configuration: RegistryConfiguration(
          plainHTTP: plainHTTP, credential: found.credential, realmRules: realmRules),
        http: http)
      clients[key] = client
      return (client, true)
    }
    if isNew { observer.note(.credential(host: host, source: found.source)) }
    return client
  }
}
