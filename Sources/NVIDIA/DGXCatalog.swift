import Images
import Registry
import Transport

/// The REST listing of the legacy DGX registry, as NVIDIA's ngc-container-replicator uses it. Calls block.
struct DGXCatalog: Sendable {
  private let services: NVIDIAServices
  private let rest: RESTClient

  init(key: APIKey, services: NVIDIAServices, http: HTTPClient) {
    self.services = services
    rest = RESTClient(service: .dgx, key: key, http: http)
  }

  /// All repositories the key may see, public ones included.
  func repositories() throws(NVIDIAError) -> Listed<NVIDIARepository> {
    let (body, url) = try get("repository?includePublic=true")
    return try rest.list(RepositoryList.self, in: body, from: url, isRequired: true)
  }

  /// The tags of `repository`, `<namespace>/<name>`.
  func tags(of repository: String) throws(NVIDIAError) -> Listed<NVIDIATag> {
    guard RepositoryName.isValid(repository), repository.contains("/") else {
      throw .invalidRepository(.dgx, repository.cut())
    }
    let (body, url) = try get("repository/\(repository)")
    return try rest.list(Tags.self, in: body, from: url, isRequired: true)
  }

  private func get(_ path: String) throws(NVIDIAError) -> (body: [UInt8], url: HTTPURL) {
    let url = try NVIDIAServices.url(services.dgxAPI, "rest/api/v1/\(path)")
    // The word is written otherwise at NGC's token service.
    return (try rest.get(url, scheme: "APIKey", secret: rest.key.encoded), url)
  }

  private struct Tags: CatalogReply {
    let tags: [Lenient<TagEntry>]?
    let paginationInfo: Lenient<PaginationInfo>?
    let requestStatus: Lenient<RequestStatus>?
    var elements: [Lenient<TagEntry>]? { tags }
  }

  private struct TagEntry: CatalogEntry {
    let name: Lenient<String>?
    let size: Lenient<Int64>?
    let lastModified: Lenient<String>?
    let dockerImageId: Lenient<String>?

    var key: String? { name.value() }

    func element(_ key: String) -> NVIDIATag? {
      guard RepositoryName.isValidTag(key) else { return nil }
      let imageID = dockerImageId.value().flatMap { id in
        id.utf8.count <= 80 && id.allSatisfy { $0.isHexDigit || $0 == ":" || $0.isASCII && $0.isLetter }
          ? id : nil
      }
      return NVIDIATag(
        name: key, size: size.value().flatMap { $0 < 0 ? nil : $0 },
        lastModified: ServiceDate.checked(lastModified.value()), imageID: imageID)
    }
  }
}
