public import NVIDIA
import Registry

/// A repository that the credential may not read or write.
public struct RepositoryRefusal: Sendable {
  /// With its host.
  public let repository: String
  public let error: any Error
  /// What may help, where the registry is NGC.
  public let remedies: [NGCRemedy]
  /// What makes the repository, where it is not there or may not be, and that is known.
  public let creation: RepositoryCreation?

  private init(
    _ error: any Error, of repository: String, at host: String, remedies: [NGCRemedy],
    creation: RepositoryCreation? = nil
  ) {
    self.error = error
    self.repository = "\(host)/\(repository)"
    self.remedies = remedies
    self.creation = creation
  }

  /// Whether the repository is not there, and the registry does not make it when something is pushed.
  public var isMissing: Bool {
    if case RegistryError.repositoryNotFound = error { true } else { false }
  }

  /// Asks whether `repository` of `host` may be pushed to; nil when it may. `opensUpload` tries it, whatever the
  /// credential's token says. Throws `TransportError` where nothing is learnt. Blocks.
  static func ask(
    host: String, repository: String, registries: Registries, opensUpload: Bool
  ) throws -> RepositoryRefusal? {
    let client = try registries.client(host: host, repository: repository)
    do {
      try client.checkPush(to: repository, opensUpload: opensUpload)
      return nil
    } catch {
      if case .transport(let fault) = error { throw fault }
      let remedies =
        registries.nvidiaHosts.contains(host)
        ? Self.remedies(for: error, repository: repository, key: client.keyShape) : []
      return RepositoryRefusal(
        error, of: repository, at: host, remedies: remedies,
        creation: Self.creation(for: error, host: host, repository: repository, client))
    }
  }

  /// What `error`, met when `repository` of `host` was read, says of rights; nil when it speaks of something
  /// else, or when the key is not known to be NGC's, whose rules the remedies are.
  init?(_ error: any Error, host: String, repository: String, registries: Registries) {
    guard registries.nvidiaHosts.contains(host), let error = error as? RegistryError,
      let client = try? registries.client(host: host, repository: repository),
      client.keyShape.suggests == .ngc
    else { return nil }
    let remedies = Self.remedies(for: error, repository: repository, key: client.keyShape)
    if remedies.isEmpty { return nil }
    self.init(error, of: repository, at: host, remedies: remedies)
  }

  private static func creation(
    for error: RegistryError, host: String, repository: String, _ client: RegistryClient
  ) -> RepositoryCreation? {
    let messages: [RegistryMessage]
    switch error {
    case .repositoryNotFound(_, _, let said): messages = said
    case .denied(_, _, _, let said) where said.contains(where: \.saysMayNotExist): messages = said
    default: return nil
    }
    return RepositoryCreation(
      host: host, repository: repository, messages: messages,
      plainHTTP: client.configuration.plainHTTP, user: client.configuration.credential?.username)
  }

  private static func remedies(
    for error: RegistryError, repository: String, key shape: KeyShape
  ) -> [NGCRemedy] {
    switch error {
    case .unauthorized(_, _, hadCredential: true, _): NGCRemedy.forRefusedKey(shape)
    case .denied: NGCRemedy.forDeniedRepository(repository, key: shape)
    default: []
    }
  }
}

extension RegistryClient {
  fileprivate var keyShape: KeyShape {
    configuration.credential.flatMap { APIKey($0) }?.shape ?? .unknown
  }
}
