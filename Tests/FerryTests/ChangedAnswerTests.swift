import Foundation
import TestSupport
import Testing

/// Answers that somebody between Ferry and the registry has changed, or that contradict themselves.
@Suite(.waiting) struct `An answer that is not as it was made` {
  private let ferry: FerryProcess
  init() throws { ferry = try FerryProcess() }

  /// What gzip would make of it: nothing that Ferry could take for the content.
  private static let gzip: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3, 4]

  @Test(
    arguments: ["/blobs/", "/manifests/1", "/manifests/sha256:", "/tags/list"],
    ["gzip", "br", "deflate", "zstd"])
  func `names the encoding that was put on, and asked for none`(_ part: String, _ encoding: String) throws {
    let registry = ScriptedRegistry { request in
      guard request.path.contains(part) else { return nil }
      let headers = [("Content-Encoding", encoding), ("Content-Type", "application/octet-stream")]
      return request.method == "HEAD"
        ? .headOnly(headers: headers, length: Self.gzip.count)
        : ScriptedResponse(headers: headers, body: Self.gzip)
    }
    let digest = registry.add(image: [[1, 2, 3]], to: "old/app", tag: "1")
    let image = part.hasSuffix(":") ? "old/app@\(digest)" : "old/app:1"
    let options =
      part == "/tags/list" ? ["--all-tags", registry.reference("old/app")] : [registry.reference(image)]
    let result = try ferry.run(
      ["export", "--plain-http", "--retries", "0", "-o", "a.tar", "--no-referrers"] + options,
      exits: part == "/tags/list" ? 13 : 14)
    result.complains("'Content-Encoding: \(encoding)'")
    #expect(!FileManager.default.fileExists(atPath: ferry.file("a.tar")))
    let asked = registry.server.requests.filter { $0.path.contains(part) }
    #expect(!asked.isEmpty && asked.allSatisfy { $0.header("Accept-Encoding") == "identity" })
    // Whoever changed it was asked not to.
    if part != "/tags/list" { #expect(asked.last?.header("Cache-Control") == "no-transform") }
  }

  @Test(arguments: ["gzip", "identity", "aws-chunked"])
  func `is taken where its bytes are right, whatever it is called`(
    _ encoding: String
  ) throws {
    let source = ScriptedRegistry()
    source.add(image: [[1, 2, 3]], to: "old/app", tag: "1")
    let server = ScriptedServer { source.answer($0).adding(headers: [("Content-Encoding", encoding)]) }
    try ferry.export(["\(server.host)/old/app:1"], to: "a.tar")
    try ferry.run(["import", "a.tar", "--plain-http", "--to", "\(server.host)/new"], exits: 0)
    try ferry.run(["import", "a.tar", "--plain-http", "--to", "\(server.host)/new"], exits: 0)
    #expect(source.tags == ["new/app:1", "old/app:1"])
  }

  @Test func `is named where a destination's blobs cannot be told for it`() throws {
    let source = ScriptedRegistry()
    source.add(image: [[1, 2, 3]], to: "old/app", tag: "1")
    try ferry.export([source.reference("old/app:1")], to: "a.tar")
    let target = ScriptedRegistry { request in
      guard ["GET", "HEAD"].contains(request.method), request.path.contains("/blobs/sha256:") else {
        return nil
      }
      let headers = [("Content-Encoding", "gzip")]
      return request.method == "HEAD"
        ? .headOnly(headers: headers, length: 14) : ScriptedResponse(headers: headers, body: Self.gzip)
    }
    let result = try ferry.run(
      ["import", "a.tar", "--plain-http", "--retries", "0", "--to", "\(target.host)/new"], exits: 14)
    result.complains("Content-Encoding", "gzip")
  }

  private static let types = [
    "oci": "application/vnd.oci.image.manifest.v1+json", "index": "application/vnd.oci.image.index.v1+json",
    "docker": "application/vnd.docker.distribution.manifest.v2+json",
    "list": "application/vnd.docker.distribution.manifest.list.v2+json",
    "signed": "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "acme": "application/vnd.acme.bundle.v1+json",
  ]

  /// A manifest's own type, the type that its registry gives it, whether it looks like an image, and what is said.
  @Test(arguments: [
    ("oci", "index", true, Int32(14), "calls itself"), ("oci", "docker", true, 14, "calls itself"),
    ("docker", "oci", true, 14, "calls itself"), ("oci", "signed", true, 14, "calls itself"),
    ("oci", "list", true, 14, "calls itself"),
    ("acme", "acme", true, 0, "carried as it is: sha256:"),
    ("acme", "acme", false, 0, "not carried: what sha256:"),
    ("acme", "oci", false, 14, "no manifest that Ferry knows"),
    (nil, "acme", false, 0, "not carried: what sha256:"),
    ("index", "index", true, 14, "calls itself application/vnd.oci.image.index.v1+json and is none"),
    (nil, "application/json", true, 0, ""), ("oci", "text/plain; charset=utf-8", true, 0, ""),
    ("oci", "oci; charset=utf-8", true, 0, ""), (nil, "docker", true, 0, ""),
  ])
  func `tells a type that contradicts itself from one that nobody knows`(
    _ own: String?, _ called: String, _ isImage: Bool, _ exit: Int32, _ words: String
  ) throws {
    let parts = called.split(separator: ";", maxSplits: 1)
    let type = (Self.types[String(parts[0])] ?? String(parts[0])) + (parts.count > 1 ? ";" + parts[1] : "")
    let config = #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#
    let digest = BlobDigest.of(Array(config.utf8))
    let field = own.flatMap { Self.types[$0] }.map { #""mediaType":"\#($0)","# } ?? ""
    let kind = own == "docker" || called == "docker" ? "docker.container.image.v1" : "oci.image.config.v1"
    let content =
      isImage
      ? #""config":{"mediaType":"application/vnd.\#(kind)+json","digest":"\#(digest)","size":\#(config.utf8.count)},"layers":[]"#
      : #""items":[]"#
    let manifest = #"{"schemaVersion":2,\#(field)\#(content)}"#
    let registry = ScriptedRegistry { request in
      guard request.path.contains("/manifests/1") else { return nil }
      return ScriptedResponse(headers: [("Content-Type", type)], text: manifest)
    }
    registry.add(Array(config.utf8))
    let result = try ferry.run(
      ["export", "--plain-http", "--no-referrers", registry.reference("old/app:1"), "-o", "a.tar"],
      exits: exit)
    if !words.isEmpty { result.complains(words) }
    if words == "calls itself" { result.complains("Content-Type", type) }
  }
}
