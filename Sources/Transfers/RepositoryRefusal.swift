public import NVIDIA
import Registry

/// A repository that the credential may not read or write.
public struct RepositoryRefusal: Sendable {
  /// With its host.
  public let repository: String
  public let error: any Error
  /// What may help, where the registry is NGC.
  public let remedies: [NGCRemedy]

  private init(_ error: any Error, of repository: String, at host: String, remedies: [NGCRemedy]) {
    self.error = error
    self.repository = "\(host)/\(repository)"
    self.remedies = remedies
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
      return RepositoryRefusal(error, of: repository, at: host, remedies: remedies)
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
