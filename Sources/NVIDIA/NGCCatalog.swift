import FoundationEssentials
import Images
import Registry
import Synchronization
import Transport

/// The REST listing of NGC's private registries. Calls block and may come from many threads.
final class NGCCatalog: Sendable {
  private let services: NVIDIAServices
  private let rest: RESTClient
  /// What the key was exchanged for. Locked while it is, so that it happens once.
  private let token = Mutex<String?>(nil)

  init(key: APIKey, services: NVIDIAServices, http: HTTPClient) {
    self.services = services
    rest = RESTClient(service: .ngc, key: key, http: http)
  }

  /// Exchanges the key for a token, unless that has been done.
  func authenticate() throws(NVIDIAError) {
    _ = try currentToken(insteadOf: nil)
  }

  /// The organisations who holds the key belongs to.
  func organizations() throws(NVIDIAError) -> Listed<String> {
    let (body, url) = try get("orgs")
    return try rest.list(Organizations.self, in: body, from: url)
  }

  /// The repositories an organisation shows: its own, its teams', and public ones of others.
  func repositories(of organization: String) throws(NVIDIAError) -> Listed<NVIDIARepository> {
    guard NGCRules.isComponent(organization) else { throw .invalidRepository(.ngc, organization.cut()) }
    let (body, url) = try get("org/\(organization)/repos?include-teams=true&include-public=true")
    return try rest.list(RepositoryList.self, in: body, from: url)
  }

  /// The tags of `repository`, `<org>/[<team>/]<name>`. The address of a team's is inferred from the one
  /// that other clients ask for a team's repository.
  func tags(of repository: String) throws(NVIDIAError) -> Listed<NVIDIATag> {
    guard NGCRules.problem(with: repository) == nil else {
      throw .invalidRepository(.ngc, repository.cut())
    }
    let parts = repository.split(separator: "/")
    let path =
      parts.count == 3
      ? "org/\(parts[0])/team/\(parts[1])/repos/\(parts[2])/images"
      : "org/\(parts[0])/repos/\(parts[1])/images"
    let (body, url) = try get(path)
    return try rest.list(ImageList.self, in: body, from: url)
  }

  /// Asks with the token; once more with a new one when it is not accepted.
  private func get(_ path: String) throws(NVIDIAError) -> (body: [UInt8], url: HTTPURL) {
    let url = try NVIDIAServices.url(services.ngcAPI, "v2/\(path)")
    let token = try currentToken(insteadOf: nil)
    do {
      return (try rest.get(url, scheme: "Bearer", secret: token), url)
    } catch {
      guard case .unauthorized = error else { throw error }
    }
    let other = try currentToken(insteadOf: token)
    return (try rest.get(url, scheme: "Bearer", secret: other), url)
  }

  /// The token, fetched when there is none or only the one that was `refused`.
  private func currentToken(insteadOf refused: String?) throws(NVIDIAError) -> String {
    try token.withLock { token throws(NVIDIAError) in
      if let token, token != refused { return token }
      token = nil
      let url = try NVIDIAServices.url(services.ngcAuthn, "token?scope=group/ngc")
      let body = try rest.get(url, scheme: "ApiKey", secret: rest.key.encoded)
      guard let reply = TokenReply(bytes: body, now: Int64(Date.now.timeIntervalSince1970)) else {
        throw .malformedResponse(.ngc, url: url.description, .noToken)
      }
      token = reply.token
      return reply.token
    }
  }

  private struct Organizations: CatalogReply {
    let organizations: [Lenient<OrganizationEntry>]?
    let paginationInfo: Lenient<PaginationInfo>?
    let requestStatus: Lenient<RequestStatus>?
    var elements: [Lenient<OrganizationEntry>]? { organizations }
  }

  private struct OrganizationEntry: CatalogEntry {
    let name: Lenient<String>?
    var key: String? { name.value() }
    func element(_ key: String) -> String? { NGCRules.isComponent(key) ? key : nil }
  }

  private struct ImageList: CatalogReply {
    let images: [Lenient<ImageEntry>]?
    let paginationInfo: Lenient<PaginationInfo>?
    let requestStatus: Lenient<RequestStatus>?
    var elements: [Lenient<ImageEntry>]? { images }
  }

  private struct ImageEntry: CatalogEntry {
    let tag: Lenient<String>?
    let size: Lenient<Int64>?
    let updatedDate: Lenient<String>?

    var key: String? { tag.value() }

    func element(_ key: String) -> NVIDIATag? {
      guard RepositoryName.isValidTag(key) else { return nil }
      return NVIDIATag(
        name: key, size: size.value().flatMap { $0 < 0 ? nil : $0 },
        lastModified: ServiceDate.checked(updatedDate.value()))
    }
  }
}
