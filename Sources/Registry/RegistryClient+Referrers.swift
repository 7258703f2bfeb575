public import Digests
import FoundationEssentials
public import Images
import Transport

extension RegistryClient {
  /// What a registry's referrers API lists for a manifest, each referrer once; nil where there is no such API,
  /// which is asked for once a repository. Of any type: whether it can be carried is the caller's to see.
  /// `isForPush` asks as one who is about to push there.
  public func referrers(
    of subject: Digest, in repository: String, isForPush: Bool = false
  ) throws(RegistryError) -> [Descriptor]? {
    guard !referrersAPI.isMissing(for: repository) else { return nil }
    let item = Errand.Item.manifest(subject.description)
    let errand =
      isForPush ? Errand.looking(for: item, in: repository) : Errand.pulling(item, from: repository)
    var referrers: [Descriptor] = []
    var known: Set<Digest> = []
    var visited: Set<HTTPURL> = []
    var next: HTTPURL? = try url(repository, "referrers/\(subject)")
    do throws(RegistryError) {
      while let url = next {
        guard visited.insert(url).inserted, visited.count <= Self.mostReferrerPages else {
          throw .malformedResponse(url: url.description, what: "Link")
        }
        var request = HTTPRequest(.get, url, bodyLimit: Self.referrerPageLimit)
        request.headers.set("Accept", MediaType.ociIndex.rawValue)
        let response = try exchange(request, for: errand)
        if visited.count == 1, Self.lacksReferrersAPI(response) {
          // An answer about this manifest says nothing of others.
          if !Self.speaksOfManifest(response) { referrersAPI.noteMissing(for: repository) }
          return nil
        }
        guard response.status == 200 else { throw failure(response, for: errand) }
        for referrer in try page(of: response) where known.insert(referrer.digest).inserted {
          referrers.append(referrer)
        }
        guard referrers.count <= Self.mostReferrers else {
          throw .malformedResponse(url: url.description, what: "list")
        }
        next = try nextPage(after: response, at: url)
      }
    } catch {
      // A page that fails behind the first is no refusal of the API, and no word on the manifest.
      guard visited.count > 1 else { throw error }
      throw .listCutShort(
        host: host, .referrers(of: subject, in: repository), read: referrers.count, error)
    }
    return referrers
  }

  /// Far beyond what any manifest has.
  private static let mostReferrers = 10_000
  private static let mostReferrerPages = 1_000
  private static let referrerPageLimit = 8 << 20

  /// Whether an answer is not the API's (distribution-spec, "Listing Referrers"): the API answers any digest
  /// with an OCI index. Some gateways have a page for every path they do not know.
  private static func lacksReferrersAPI(_ response: HTTPResponse) -> Bool {
    switch response.status {
    case 400, 404, 405, 406, 410, 501: true
    case 200:
      response.headers["Content-Type"].map(MediaType.init(contentType:)) != .ociIndex
        && (try? JSONDecoder().decode(ReferrersPage.self, from: Data(response.body))) == nil
    default: false
    }
  }

  /// Whether a registry knows the question and not the manifest.
  private static func speaksOfManifest(_ response: HTTPResponse) -> Bool {
    response.status == 404
      && RegistryMessage.list(in: response.body).contains {
        ["MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN"].contains($0.code)
      }
  }

  /// The manifests that one page lists. No filter was asked for: a page that was filtered is not all.
  private func page(of response: HTTPResponse) throws(RegistryError) -> [Descriptor] {
    let url = response.url.description
    guard response.headers["OCI-Filters-Applied"] == nil else {
      throw .malformedResponse(url: url, what: "OCI-Filters-Applied")
    }
    guard let page = try? JSONDecoder().decode(ReferrersPage.self, from: Data(response.body)) else {
      throw .malformedResponse(url: url, what: "list")
    }
    return page.manifests
  }
}

/// An index without its list is none; `null` is an empty one, as some registries write it.
private struct ReferrersPage: Decodable {
  let manifests: [Descriptor]

  private enum CodingKeys: CodingKey { case manifests }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    manifests =
      try container.decodeNil(forKey: .manifests)
      ? [] : container.decode([Descriptor].self, forKey: .manifests)
  }
}
