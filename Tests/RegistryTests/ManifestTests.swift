import Digests
import Images
import Registry
import TestSupport
import Testing

@Suite(.waiting) struct `A client that asks for manifests` {
  func server(_ bytes: [UInt8], _ headers: [(String, String)]) -> ScriptedServer {
    ScriptedServer { request in
      request.method == "HEAD"
        ? .headOnly(headers: headers, length: bytes.count) : ScriptedResponse(headers: headers, body: bytes)
    }
  }

  func type(_ manifest: Manifest) -> (String, String) { ("Content-Type", manifest.mediaType.rawValue) }

  @Test func `accepts every kind`() throws {
    let manifest = try imageManifest()
    let server = server(manifest.bytes, [type(manifest)])
    #expect(try client(server.host).manifest("1.0", of: "team/app").digest == manifest.digest)
    #expect(server.lines == ["GET /v2/team/app/manifests/1.0"])
    let accept = try #require(server.requests[0].header("Accept"))
    for type in MediaType.manifests { #expect(accept.contains(type.rawValue)) }
  }

  @Test func `hashes what a digest asked for, and asks twice`() throws {
    let manifest = try imageManifest()
    let other = try imageManifest("other")
    let server = server(other.bytes, [type(other)])
    let error = error { _ = try client(server.host).manifest("\(manifest.digest)", of: "team/app") }
    #expect(
      error
        == .wrongContent(
          host: server.host, repository: "team/app", what: "\(manifest.digest)",
          .mismatch(expected: manifest.digest, actual: other.digest)))
    #expect(server.requests.count == 2)
  }

  @Test func `hashes what a tag gave against the registry's own word`() throws {
    let manifest = try imageManifest()
    let claimed = try imageManifest("other").digest
    let server = server(manifest.bytes, [type(manifest), ("Docker-Content-Digest", "\(claimed)")])
    guard
      case .wrongContent(_, _, "1.0", .mismatch(claimed, manifest.digest)) = error({
        _ = try client(server.host).manifest("1.0", of: "team/app")
      })
    else {
      Issue.record("not wrong")
      return
    }
  }

  @Test(arguments: ["nonsense", "sha512:00", ""]) func `ignores a digest header that says nothing`(
    _ value: String
  ) throws {
    let manifest = try imageManifest()
    let server = server(manifest.bytes, [type(manifest), ("Docker-Content-Digest", value)])
    #expect(try client(server.host).manifest("1.0", of: "team/app").digest == manifest.digest)
  }

  @Test(arguments: [
    ("application/vnd.docker.distribution.manifest.v1+prettyjws", #"{"schemaVersion":1}"#),
    ("application/vnd.docker.distribution.manifest.v1+json; charset=utf-8", "{}"),
    ("application/json", #"{"schemaVersion":1,"name":"a","fsLayers":[]}"#),
  ])
  func `names what Docker's first schema lacks`(_ type: String, _ json: String) throws {
    // Its digest header is not that of its bytes.
    let headers = [("Content-Type", type), ("Docker-Content-Digest", "\(Digest(of: [1, 2, 3]))")]
    let server = server(Array(json.utf8), headers)
    guard
      case .notAManifest(server.host, "team/app", "old", .malformed) = error({
        _ = try client(server.host).manifest("old", of: "team/app")
      })
    else {
      Issue.record("not refused as malformed")
      return
    }
  }

  @Test func `refuses what is none, and what is too large`() throws {
    let page = server(Array("<html>".utf8), [("Content-Type", "text/html")])
    guard
      case .notAManifest(_, _, "1", .malformed) = error({ _ = try client(page.host).manifest("1", of: "a") })
    else {
      Issue.record("not refused")
      return
    }
    let large = server([UInt8](repeating: 0x20, count: Manifest.sizeLimit + 1), [])
    guard
      case .notAManifest(_, _, "1", .tooLarge) = error({ _ = try client(large.host).manifest("1", of: "a") })
    else {
      Issue.record("not refused")
      return
    }
  }

  @Test func `asks for a digest by HEAD`() throws {
    let manifest = try imageManifest()
    let server = server(manifest.bytes, [type(manifest), ("Docker-Content-Digest", "\(manifest.digest)")])
    #expect(try client(server.host).resolve("1.0", of: "team/app") == manifest.descriptor)
    #expect(server.lines == ["HEAD /v2/team/app/manifests/1.0"])
  }

  @Test func `asks by GET where HEAD does not say`() throws {
    let manifest = try imageManifest()
    let silent = server(manifest.bytes, [type(manifest)])
    #expect(try client(silent.host).resolve("1.0", of: "team/app") == manifest.descriptor)
    let refusing = ScriptedServer { request in
      request.method == "HEAD" ? .headOnly(405, length: 0) : ScriptedResponse(body: manifest.bytes)
    }
    #expect(try client(refusing.host).resolve("1.0", of: "team/app")?.digest == manifest.digest)
    #expect(refusing.requests.map(\.method) == ["HEAD", "GET"])
  }

  @Test func `finds nothing where nothing is`() throws {
    let server = ScriptedServer { _ in .headOnly(404, length: 0) }
    #expect(try client(server.host).resolve("1.0", of: "team/app") == nil)
  }

  @Test func `stores exactly the bytes, and hears what was stored`() throws {
    let manifest = try imageManifest()
    let server = ScriptedServer { _ in
      ScriptedResponse(201, headers: [("Docker-Content-Digest", "\(manifest.digest)")])
    }
    try client(server.host).putManifest(manifest, to: "team/app", as: "1.0")
    #expect(server.lines == ["PUT /v2/team/app/manifests/1.0"])
    #expect(server.requests[0].body == manifest.bytes)
    #expect(server.requests[0].header("Content-Type") == manifest.mediaType.rawValue)
    let other = ScriptedServer { _ in
      ScriptedResponse(201, headers: [("Docker-Content-Digest", "\(Digest(of: []))")])
    }
    #expect(
      error { try client(other.host).putManifest(manifest, to: "team/app", as: "1.0") }
        == .destinationDigestDiffers(
          repository: "team/app", identifier: "1.0", expected: manifest.digest, actual: Digest(of: [])))
  }

  @Test(arguments: [
    ("a/../b", "1"), ("a", "../x"), ("a?b", "1"), ("a#b", "1"), ("a", "1?x"), ("", "1"), ("a/", "1"),
    ("a", ""),
    ("a b", "1"), ("a%2e", "1"), ("a\n", "1"),
  ])
  func `asks for no name that means another path`(_ repository: String, _ identifier: String) throws {
    let server = ScriptedServer { _ in ScriptedResponse(200) }
    guard case .invalidName = error({ _ = try client(server.host).manifest(identifier, of: repository) })
    else {
      Issue.record("not refused")
      return
    }
    #expect(server.requests.isEmpty)
  }

  @Test(arguments: ["", "a b", "user@host", "host/path", "host?x", "host#x", "[::1"])
  func `speaks to no host that makes no URL`(_ host: String) throws {
    #expect(error { _ = try client(host).catalog() } == .invalidHost(host))
  }
}
