import FoundationEssentials
import Images
import Transport

extension RegistryClient {
  /// All tags of a repository in the registry's order, each once.
  public func tags(of repository: String) throws(RegistryError) -> [String] {
    try list(
      TagPage.self, from: try url(repository, "tags/list"), for: .listing(repository),
      isValid: { RepositoryName.isValidTag($0) })
  }

  /// All repositories the registry shows, in its order, each once.
  public func catalog() throws(RegistryError) -> [String] {
    let url: HTTPURL
    do { url = try root.resolving("_catalog") } catch {
      throw error as? RegistryError ?? .invalidHost(host)
    }
    return try list(
      CatalogPage.self, from: url, for: .catalog, isValid: { RepositoryName.isValid($0) })
  }

  /// A thousand names have some 50 KiB; a registry that ignores the number may send many times that.
  private static let pageLimit = 8 << 20
  private static let mostPages = 10_000
  private static let mostNames = 2_000_000

  /// Reads page after page as `Link` leads, on the same host and port only.
  private func list<Page: NamePage>(
    _ page: Page.Type, from url: HTTPURL, for errand: Errand, isValid: (String) -> Bool
  ) throws(RegistryError) -> [String] {
    var names: [String] = []
    var known: Set<String> = []
    var visited: Set<HTTPURL> = []
    var next: HTTPURL? = url.appendingQuery([("n", "1000")])
    while let url = next {
      let malformed: (String) -> RegistryError = { .malformedResponse(url: url.description, what: $0) }
      guard visited.insert(url).inserted, visited.count <= Self.mostPages else { throw malformed("Link") }
      let response = try exchange(HTTPRequest(.get, url, bodyLimit: Self.pageLimit), for: errand)
      guard response.status == 200 else { throw failure(response, for: errand) }
      guard let page = try? JSONDecoder().decode(Page.self, from: Data(response.body)) else {
        throw malformed("list")
      }
      for name in page.names ?? [] {
        guard isValid(name) else { throw malformed("name '\(name.printable(limit: 128))'") }
        if known.insert(name).inserted { names.append(name) }
      }
      guard names.count <= Self.mostNames else { throw malformed("list") }
      next = try nextPage(after: response, at: url)
    }
    return names
  }

  /// Where `Link` leads from a page; nil from the last.
  func nextPage(after response: HTTPResponse, at url: HTTPURL) throws(RegistryError) -> HTTPURL? {
    guard let link = LinkHeader.next(in: response.headers.values(of: "Link")) else { return nil }
    guard let target = try? url.resolving(link), target.hasSameOrigin(as: url), !target.hasUserInfo
    else { throw .malformedResponse(url: url.description, what: "Link") }
    return target
  }

  private struct TagPage: NamePage {
    var names: [String]?

    private enum CodingKeys: String, CodingKey { case names = "tags" }
  }

  private struct CatalogPage: NamePage {
    var names: [String]?

    private enum CodingKeys: String, CodingKey { case names = "repositories" }
  }
}

/// One page of a list: some registries send `null` for an empty one.
private protocol NamePage: Decodable {
  var names: [String]? { get }
}
