public import NVIDIA
import Registry

/// A repository at the destination that the credential may not push to.
public struct RepositoryRefusal: Sendable {
  /// With its host.
  public let repository: String
  public let error: any Error
  /// What may help, where the destination is NGC.
  public let remedies: [NGCRemedy]

  /// Asks whether `repository` of `host` may be pushed to; nil when it may. Blocks.
  init?(host: String, repository: String, registries: Registries) throws {
    let client = try registries.client(host: host, repository: repository)
    do {
      try client.checkPush(to: repository)
      return nil
    } catch {
      if case .transport(let fault) = error { throw fault }
      self.error = error
      self.repository = "\(host)/\(repository)"
      let shape = client.configuration.credential.flatMap { APIKey($0) }?.shape ?? .unknown
      remedies =
        switch error {
        case _ where !registries.nvidiaHosts.contains(host): []
        case .unauthorized: NGCRemedy.forRefusedKey(shape)
        default: NGCRemedy.forDeniedRepository(repository, key: shape)
        }
    }
  }
}
