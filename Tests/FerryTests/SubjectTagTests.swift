import Foundation
import TestSupport
import Testing

/// A tag `sha256-<hex>` under which a registry gives the manifest itself whose referrers it would list: GitLab takes such
/// a tag for the digest, and people set such tags.
@Suite(.waiting) struct `A subject under the tag of its own referrers` {
  private let ferry: FerryProcess
  init() throws { ferry = try FerryProcess() }

  private static let index = "application/vnd.oci.image.index.v1+json"
  private static let manifest = "application/vnd.oci.image.manifest.v1+json"

  /// The digest that a request's tag is made of.
  private static func aliased(_ request: ScriptedRequest) -> String? {
    request.path.firstMatch(of: /\/manifests\/sha256-([0-9a-f]{64})$/).map { "sha256:\($0.1)" }
  }

  /// Adds an image, or an index of one, as `1`; returns its digest, size and type.
  private static func add(isIndex: Bool, to registry: ScriptedRegistry) -> (
    digest: String, size: Int, type: String
  ) {
    let image = registry.add(image: [[1, 2, 3]], to: "old/app", tag: isIndex ? "amd" : "1")
    guard isIndex else { return (image, registry.size(of: image), manifest) }
    let text =
      #"{"schemaVersion":2,"mediaType":"\#(index)","manifests":[{"mediaType":"\#(manifest)","digest":"\#(image)","#
      + #""size":\#(registry.size(of: image)),"platform":{"os":"linux","architecture":"amd64"}}]}"#
    let digest = registry.add(manifest: text, as: index, to: "old/app", tag: "1")
    return (digest, registry.size(of: digest), index)
  }

  /// Adds something that refers to it; returns its digest.
  private static func addReferrer(
    to subject: (digest: String, size: Int, type: String), in registry: ScriptedRegistry
  ) -> String {
    let empty = registry.add(Array("{}".utf8))
    let part = #"{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\#(empty)","size":2}"#
    let text =
      #"{"schemaVersion":2,"mediaType":"\#(manifest)","artifactType":"text/x-note","config":\#(part),"layers":[\#(part)],"#
      + #""subject":{"mediaType":"\#(subject.type)","digest":"\#(subject.digest)","size":\#(subject.size)}}"#
    return registry.add(manifest: text, as: manifest, to: "old/app")
  }

  @Test(arguments: [false, true], [false, true]) func `is no list of them for an export`(
    _ isIndex: Bool, _ isListed: Bool
  ) throws {
    let content = ScriptedRegistry()
    let subject = Self.add(isIndex: isIndex, to: content)
    let tag = subject.digest.replacingOccurrences(of: ":", with: "-")
    let server = ScriptedServer { request in
      if let digest = Self.aliased(request) {
        return ScriptedResponse(307, headers: [("Location", "/v2/old/app/manifests/\(digest)")])
      }
      if request.path.hasSuffix("/tags/list") {
        return isListed
          ? ScriptedResponse(json: #"{"name":"old/app","tags":["1","\#(tag)"]}"#)
          : ScriptedResponse(404, json: #"{"errors":[{"code":"NAME_UNKNOWN"}]}"#)
      }
      return content.answer(request)
    }
    let result = try ferry.export(["\(server.host)/old/app:1"], to: "a.tar", "--json")
    let report = try Report(result)
    #expect(report.objects("referrers").isEmpty)
    #expect(report.objects("images").allSatisfy { ($0["notCarried"] as? [Any])?.isEmpty == true })
    #expect(!result.standardError.contains("not carried"), "\(result.standardError)")
    #expect(server.requests.contains { Self.aliased($0) == subject.digest })
  }

  /// An archive of an image with a referrer, which its source lists by the referrers API or under the tag that stands in for
  /// it (`byTag`), so that the list travels too; the subject's digest and the referrer's.
  private func archive(isIndex: Bool, byTag: Bool) throws -> (subject: String, referrer: String) {
    let source = ScriptedRegistry(referrersPage: byTag ? nil : 10)
    let subject = Self.add(isIndex: isIndex, to: source)
    let referrer = Self.addReferrer(to: subject, in: source)
    if byTag {
      let list =
        #"{"schemaVersion":2,"mediaType":"\#(Self.index)","manifests":[{"mediaType":"\#(Self.manifest)","#
        + #""digest":"\#(referrer)","size":\#(source.size(of: referrer)),"artifactType":"text/x-note"}]}"#
      let tag = subject.digest.replacingOccurrences(of: ":", with: "-")
      source.add(manifest: list, as: Self.index, to: "old/app", tag: tag)
    }
    try ferry.export([source.reference("old/app:1")], to: "a.tar")
    return (subject.digest, referrer)
  }

  /// A registry that takes tags of that form for digests, unless there is such a tag.
  private static func aliasing(_ content: ScriptedRegistry) -> ScriptedServer {
    ScriptedServer { request in
      guard ["GET", "HEAD"].contains(request.method), let digest = aliased(request),
        content.digest(of: "new/app", "sha256-" + digest.dropFirst(7)) == nil
      else { return content.answer(request) }
      guard content.hasManifest(digest, in: "new/app"), let bytes = content.bytes(of: digest) else {
        let answer = ScriptedResponse(404, json: #"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#)
        return request.method == "HEAD" ? answer.withoutBody : answer
      }
      let type = String(decoding: bytes, as: UTF8.self).contains("\"manifests\"") ? index : manifest
      let headers = [("Content-Type", type), ("Docker-Content-Digest", digest)]
      return request.method == "HEAD"
        ? .headOnly(headers: headers, length: bytes.count) : ScriptedResponse(headers: headers, body: bytes)
    }
  }

  @Test(arguments: [false, true], [false, true])
  func `gives way to a list of them, which does not hold its own parts`(
    _ isIndex: Bool, _ byTag: Bool
  ) throws {
    let (subject, referrer) = try archive(isIndex: isIndex, byTag: byTag)
    let content = ScriptedRegistry()
    let server = Self.aliasing(content)
    let tag = subject.replacingOccurrences(of: ":", with: "-")
    for _ in 1...2 {
      try ferry.run(["import", "a.tar", "--plain-http", "--to", "\(server.host)/new"], exits: 0)
      #expect(content.digest(of: "new/app", "1") == subject)
      let list = try #require(content.digest(of: "new/app", tag))
      #expect(list != subject)
      #expect(try Self.entries(of: list, in: content) == [referrer])
    }
  }

  @Test(arguments: [false, true], [false, true]) func `stays where somebody has tagged it so`(
    _ isIndex: Bool, _ byTag: Bool
  ) throws {
    let (subject, _) = try archive(isIndex: isIndex, byTag: byTag)
    let content = ScriptedRegistry()
    try ferry.run(
      ["import", "a.tar", "--plain-http", "--to", "\(content.host)/new", "--no-referrers"], exits: 0)
    let tag = subject.replacingOccurrences(of: ":", with: "-")
    content.tag(subject, as: tag, in: "new/app")
    let result = try ferry.run(["import", "a.tar", "--plain-http", "--to", "\(content.host)/new"], exits: 15)
    result.complains(tag)
    // A list that travels is a tag as others are, which is taken.
    if !byTag { result.complains("that manifest itself", "--no-referrers") }
    #expect(content.digest(of: "new/app", tag) == subject)
  }

  /// The digests that an index lists.
  private static func entries(of digest: String, in registry: ScriptedRegistry) throws -> [String] {
    struct List: Decodable {
      struct Entry: Decodable { let digest: String }
      let manifests: [Entry]
    }
    let bytes = try #require(registry.bytes(of: digest))
    return try JSONDecoder().decode(List.self, from: Data(bytes)).manifests.map(\.digest)
  }
}
