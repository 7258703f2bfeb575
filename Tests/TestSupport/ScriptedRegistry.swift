import Foundation
import Synchronization

/// A registry within the tests, on a ``ScriptedServer``, that a test can hold up, cut short or make lie: an
/// interception sees every request first.
///
/// It serves what it was given and what is pushed to it, all blobs in all repositories.
public final class ScriptedRegistry: Sendable {
  /// Answers a request in the registry's place; nil leaves the answer to the registry.
  public typealias Interception = @Sendable (ScriptedRequest) -> ScriptedResponse?

  public let server: ScriptedServer
  private let content: Content

  /// What it makes of digests by other algorithms than sha256.
  public enum OtherDigests: Sendable {
    /// It takes them, and says so.
    case taken
    /// It takes them, and calls what it has by its sha256 whatever it is asked for.
    case renamed
    /// It takes them, and sets tags that are put beside such a digest.
    case tagged
    /// It knows of none: 400.
    case refused
  }

  /// Starts a registry that also serves what `storage` holds.
  ///
  /// - Parameter keepsUploads: blobs that are pushed are kept; else they are read and forgotten.
  /// - Parameter referrersPage: it has the referrers API, which tells so many referrers at once.
  /// - Parameter listsManifests: beside the tags of a repository it lists its manifests, tagged or not, as Google's do.
  /// - Parameter claimsReferrers: it says of what refers to something that it lists it, API or not.
  /// - Parameter otherDigests: what it makes of digests by other algorithms than sha256.
  public init(
    _ storage: RegistryStorage? = nil, otherDigests: OtherDigests = .taken, keepsUploads: Bool = true,
    referrersPage: Int? = nil,
    claimsReferrers: Bool = false, listsManifests: Bool = false,
    intercept: @escaping Interception = { _ in nil }
  ) {
    let content = Content(
      storage, keepsUploads: keepsUploads, referrersPage: referrersPage,
      claimsReferrers: claimsReferrers || referrersPage != nil, listsManifests: listsManifests,
      otherDigests: otherDigests)
    self.content = content
    server = ScriptedServer { request in
      if let answer = intercept(request) { return answer }
      if otherDigests == .refused, request.target.contains("sha512") {
        let answer = ScriptedResponse(
          400, json: #"{"errors":[{"code":"DIGEST_INVALID","message":"invalid digest algorithm"}]}"#)
        return request.method == "HEAD" ? answer.withoutBody : answer
      }
      let answer = content.answer(request)
      return request.method == "HEAD" ? answer.withoutBody : answer
    }
  }

  /// `127.0.0.1:port`.
  public var host: String { server.host }

  public func reference(_ name: String) -> String { "\(host)/\(name)" }

  /// Adds a blob and returns its digest.
  @discardableResult
  public func add(_ bytes: [UInt8]) -> String { content.add(bytes) }

  /// The same by another algorithm, `sha384` or `sha512`.
  @discardableResult
  public func add(_ bytes: [UInt8], by algorithm: String) -> String { content.add(bytes, by: algorithm) }

  /// Adds a manifest, under a tag if one is given, and returns its digest.
  @discardableResult
  public func add(
    manifest text: String, as mediaType: String, to repository: String, tag: String? = nil,
    by algorithm: String = "sha256"
  ) -> String {
    content.add(Array(text.utf8), as: mediaType, to: repository, identifier: tag, by: algorithm)
  }

  /// Adds an image whose layers are `layers` and whose config gives them `diffIDs`, their digests if none are given;
  /// returns its digest.
  @discardableResult
  public func add(
    image layers: [[UInt8]], diffIDs: [String]? = nil, to repository: String, tag: String
  ) -> String {
    let oci = "application/vnd.oci.image"
    func described(_ bytes: [UInt8], _ type: String) -> String {
      #"{"mediaType":"\#(oci).\#(type)","digest":"\#(add(bytes))","size":\#(bytes.count)}"#
    }
    let ids = (diffIDs ?? layers.map(BlobDigest.of)).map { "\"\($0)\"" }.joined(separator: ",")
    let config = #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[\#(ids)]}}"#
    let listed = layers.map { described($0, "layer.v1.tar") }.joined(separator: ",")
    let manifest = """
      {"schemaVersion":2,"mediaType":"\(oci).manifest.v1+json",\
      "config":\(described(Array(config.utf8), "config.v1+json")),"layers":[\(listed)]}
      """
    return add(manifest: manifest, as: "\(oci).manifest.v1+json", to: repository, tag: tag)
  }

  /// The tags that were pushed or added, as `repository:tag`, sorted.
  public var tags: [String] { content.tags }

  /// What a tag points at; nil when there is no such tag.
  public func digest(of repository: String, _ tag: String) -> String? { content.digest(repository, tag) }

  /// Whether a manifest was pushed or added to the repository.
  public func hasManifest(_ digest: String, in repository: String) -> Bool {
    content.manifests(of: repository).contains(digest)
  }

  /// Lets a tag name a manifest that is there.
  public func tag(_ digest: String, as tag: String, in repository: String) {
    content.tag(digest, as: tag, in: repository)
  }

  /// A blob or manifest that was added or pushed; nil when there is none.
  public func bytes(of digest: String) -> [UInt8]? { content.bytes(digest) }

  /// What the registry answers, asked by a server that stands before it.
  public func answer(_ request: ScriptedRequest) -> ScriptedResponse {
    let answer = content.answer(request)
    return request.method == "HEAD" ? answer.withoutBody : answer
  }

  /// Of a blob or manifest that was added, in bytes; 0 when there is none.
  public func size(of digest: String) -> Int { content.size(of: digest) }

  public func stop() { server.stop() }
}

/// What the registry holds. The server's threads share it.
private final class Content: Sendable {
  private struct State {
    var blobs: [String: [UInt8]] = [:]
    /// Media types by digest.
    var types: [String: String] = [:]
    /// Digests by `repository:tag`.
    var tags: [String: String] = [:]
    /// Manifests by repository, in the order they came.
    var manifests: [String: [String]] = [:]
    /// What came of the uploads that are open, by path; and how much of the blobs that were forgotten.
    var uploads: [String: (bytes: [UInt8], count: Int)] = [:]
    var forgotten: [String: Int] = [:]
    var opened = 0
  }

  private let state = Mutex(State())
  private let storage: RegistryStorage?
  private let keepsUploads: Bool
  private let referrersPage: Int?
  private let claimsReferrers: Bool
  private let listsManifests: Bool
  private let otherDigests: ScriptedRegistry.OtherDigests

  init(
    _ storage: RegistryStorage?, keepsUploads: Bool, referrersPage: Int?, claimsReferrers: Bool,
    listsManifests: Bool, otherDigests: ScriptedRegistry.OtherDigests
  ) {
    self.otherDigests = otherDigests
    self.storage = storage
    self.keepsUploads = keepsUploads
    self.referrersPage = referrersPage
    self.claimsReferrers = claimsReferrers
    self.listsManifests = listsManifests
  }

  var tags: [String] { state.withLock { $0.tags.keys.sorted() } }

  func add(_ bytes: [UInt8], by algorithm: String = "sha256") -> String {
    let digest = BlobDigest.of(bytes, by: algorithm)
    state.withLock { $0.blobs[digest] = bytes }
    return digest
  }

  func add(
    _ manifest: [UInt8], as type: String, to repository: String, identifier: String?,
    by algorithm: String = "sha256"
  ) -> String {
    let digest = add(manifest, by: algorithm)
    state.withLock { state in
      state.types[digest] = type
      if state.manifests[repository]?.contains(digest) != true {
        state.manifests[repository, default: []].append(digest)
      }
      if let identifier, !identifier.hasPrefix("sha256:"), !identifier.hasPrefix("sha512:") {
        state.tags["\(repository):\(identifier)"] = digest
      }
    }
    return digest
  }

  func tag(_ digest: String, as tag: String, in repository: String) {
    state.withLock { $0.tags["\(repository):\(tag)"] = digest }
  }

  func bytes(_ digest: String) -> [UInt8]? {
    state.withLock { $0.blobs[digest] } ?? storage?.bytes(of: digest)
  }

  func size(of digest: String) -> Int { bytes(digest)?.count ?? 0 }

  func manifests(of repository: String) -> [String] { state.withLock { $0.manifests[repository] ?? [] } }

  func digest(_ repository: String, _ identifier: String) -> String? {
    if identifier.hasPrefix("sha256:") || identifier.hasPrefix("sha512:") { return identifier }
    return state.withLock { $0.tags["\(repository):\(identifier)"] }
      ?? storage?.digest(of: repository, identifier)
  }

  func answer(_ request: ScriptedRequest) -> ScriptedResponse {
    if let match = request.path.wholeMatch(of: /\/v2\/(.+)\/manifests\/([^\/]+)/) {
      return manifest(request, repository: String(match.1), identifier: String(match.2))
    }
    if let match = request.path.wholeMatch(of: /\/v2\/.+\/blobs\/(sha(?:256|384|512):[0-9a-f]+)/) {
      return blob(request, String(match.1))
    }
    if let page = referrersPage, let match = request.path.wholeMatch(of: /\/v2\/(.+)\/referrers\/([^\/]+)/) {
      return referrers(request, of: String(match.2), in: String(match.1), page: page)
    }
    if request.path.contains("/blobs/uploads/") { return upload(request) }
    if let match = request.path.wholeMatch(of: /\/v2\/(.+)\/tags\/list/) {
      return list(String(match.1))
    }
    return ScriptedResponse(request.path == "/v2/" ? 200 : 404, json: "{}")
  }

  private func manifest(_ request: ScriptedRequest, repository: String, identifier: String)
    -> ScriptedResponse
  {
    if request.method == "PUT" {
      let type = request.header("Content-Type") ?? ""
      let algorithm = identifier.hasPrefix("sha512:") ? "sha512" : "sha256"
      let tag = request.query?.firstMatch(of: /tag=([^&]+)/).map { String($0.1) }
      let isTagged = otherDigests == .tagged && tag != nil
      let digest = add(
        request.body, as: type, to: repository, identifier: isTagged ? tag : identifier, by: algorithm)
      var headers = [("Docker-Content-Digest", name(of: digest, request.body))]
      if isTagged, let tag { headers.append(("OCI-Tag", tag)) }
      if claimsReferrers, let subject = Subjected(request.body)?.subject?.digest {
        headers.append(("OCI-Subject", subject))
      }
      return ScriptedResponse(201, headers: headers)
    }
    guard let digest = digest(repository, identifier), let bytes = bytes(digest) else {
      return ScriptedResponse(404, json: #"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]}"#)
    }
    let headers = [
      ("Content-Type", type(of: digest, bytes)), ("Docker-Content-Digest", name(of: digest, bytes)),
    ]
    return ScriptedResponse(headers: headers, body: bytes)
  }

  /// What it calls what it has.
  private func name(of digest: String, _ bytes: [UInt8]) -> String {
    otherDigests == .renamed ? BlobDigest.of(bytes) : digest
  }

  private func type(of digest: String, _ bytes: [UInt8]) -> String {
    if let type = state.withLock({ $0.types[digest] }) { return type }
    struct Typed: Decodable { let mediaType: String? }
    return (try? JSONDecoder().decode(Typed.self, from: Data(bytes)))?.mediaType
      ?? "application/vnd.oci.image.manifest.v1+json"
  }

  private func blob(_ request: ScriptedRequest, _ digest: String) -> ScriptedResponse {
    guard let bytes = bytes(digest) else {
      if let size = state.withLock({ $0.forgotten[digest] }) {
        if request.method == "HEAD" { return .headOnly(length: size) }
        if request.header("Range") == "bytes=0-0" {
          return ScriptedResponse(206, headers: [("Content-Range", "bytes 0-0/\(size)")], body: [0])
        }
      }
      return ScriptedResponse(404, json: #"{"errors":[{"code":"BLOB_UNKNOWN","message":"unknown"}]}"#)
    }
    return otherDigests == .renamed
      ? ScriptedResponse(headers: [("Docker-Content-Digest", BlobDigest.of(bytes))], body: bytes)
      : ScriptedResponse(body: bytes)
  }

  private func upload(_ request: ScriptedRequest) -> ScriptedResponse {
    switch request.method {
    case "POST":
      let number = state.withLock { state in
        state.opened += 1
        return state.opened
      }
      return ScriptedResponse(202, headers: [("Location", "\(request.path)\(number)")])
    case "PATCH":
      take(request)
      return ScriptedResponse(202)
    case "PUT":
      take(request)
      guard let upload = state.withLock({ $0.uploads.removeValue(forKey: request.path) }) else {
        return ScriptedResponse(404)
      }
      if keepsUploads {
        let named = request.query?.firstMatch(of: /(sha384|sha512)(?:%3A|:)/).map { String($0.1) }
        let digest = add(upload.bytes, by: named ?? "sha256")
        if named != nil {
          return ScriptedResponse(201, headers: [("Docker-Content-Digest", name(of: digest, upload.bytes))])
        }
      } else if let digest = request.query?.firstMatch(of: /sha256(?:%3A|:)([0-9a-f]{64})/)?.1 {
        state.withLock { $0.forgotten["sha256:\(digest)"] = upload.count }
      }
      return ScriptedResponse(201)
    default: return ScriptedResponse(204)
    }
  }

  private func take(_ request: ScriptedRequest) {
    state.withLock { state in
      var upload = state.uploads[request.path] ?? ([], 0)
      if keepsUploads { upload.bytes += request.body }
      upload.count += request.bodyLength
      state.uploads[request.path] = upload
    }
  }

  /// A page of the referrers API's answer (distribution-spec, "Listing Referrers").
  private func referrers(
    _ request: ScriptedRequest, of subject: String, in repository: String, page: Int
  ) -> ScriptedResponse {
    let all = manifests(of: repository).compactMap { digest -> String? in
      guard let bytes = bytes(digest), let manifest = Subjected(bytes), manifest.subject?.digest == subject
      else { return nil }
      let type = manifest.artifactType ?? manifest.config?.mediaType ?? ""
      return #"{"mediaType":"\#(self.type(of: digest, bytes))","digest":"\#(digest)","size":\#(bytes.count),"#
        + #""artifactType":"\#(type)"}"#
    }
    let start = request.query?.split(separator: "=").last.flatMap { Int($0) } ?? 0
    let end = min(start + page, all.count)
    let index = "application/vnd.oci.image.index.v1+json"
    let text =
      #"{"schemaVersion":2,"mediaType":"\#(index)","manifests":[\#(all[min(start, end)..<end].joined(separator: ","))]}"#
    var headers = [("Content-Type", index)]
    if end < all.count { headers.append(("Link", "<\(request.path)?from=\(end)>; rel=\"next\"")) }
    return ScriptedResponse(headers: headers, body: Array(text.utf8))
  }

  private func list(_ repository: String) -> ScriptedResponse {
    let own = tags.filter { $0.hasPrefix("\(repository):") }.map {
      String($0.dropFirst(repository.count + 1))
    }
    let all = own + (storage?.tags(of: repository) ?? [])
    let names = all.map { "\"\($0)\"" }.joined(separator: ",")
    guard listsManifests else {
      return ScriptedResponse(json: #"{"name":"\#(repository)","tags":[\#(names)]}"#)
    }
    let manifests = manifests(of: repository).map { digest -> String in
      let tags = own.filter { self.digest(repository, $0) == digest }.map { "\"\($0)\"" }
      return
        #""\#(digest)":{"imageSizeBytes":"1","layerId":"","mediaType":"","tag":[\#(tags.joined(separator: ","))],"#
        + #""timeCreatedMs":"0","timeUploadedMs":"0"}"#
    }
    return ScriptedResponse(
      json:
        #"{"child":[],"manifest":{\#(manifests.joined(separator: ","))},"name":"\#(repository)","tags":[\#(names)]}"#
    )
  }
}

/// What a manifest says of the one it refers to.
private struct Subjected: Decodable {
  struct Pointer: Decodable {
    let digest: String
    let mediaType: String
  }

  let subject: Pointer?
  let artifactType: String?
  let config: Pointer?

  init?(_ bytes: [UInt8]) {
    guard let decoded = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else { return nil }
    self = decoded
  }
}
