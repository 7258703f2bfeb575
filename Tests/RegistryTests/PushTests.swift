import Digests
import Foundation
import Images
import Registry
import TestSupport
import Testing
import Transport

@Suite(.waiting) struct `A push of a blob` {
  static let bytes = content(3_000_000)
  static let blob = descriptor(of: bytes)

  func push(
    _ host: String, _ blob: Descriptor = blob, _ source: some BlobSource = MemorySource(bytes: bytes),
    from other: String? = nil, credential: Credential? = nil, uploadHosts: Set<String> = []
  ) throws -> BlobPush {
    try client(host, credential, uploadHosts: uploadHosts).pushBlob(
      blob, to: "team/app", mountingFrom: other, from: source)
  }

  @Test func `opens an upload and sends the whole in one PUT`() throws {
    let registry = ScriptedUploads()
    #expect(try push(registry.host) == .uploaded(Proof(of: Self.bytes)))
    #expect(registry.steps == ["POST uploads", "PUT 1", "HEAD \(Self.blob.digest)"])
    let put = registry.server.requests[1]
    // The upload's own query stays as it was.
    #expect(put.query?.hasPrefix("state=a%2Fb&digest=sha256") == true)
    #expect(put.header("Content-Length") == "3000000")
    #expect(put.header("Content-Type") == "application/octet-stream")
    #expect(put.header("Transfer-Encoding") == nil)
    #expect(registry.server.requests[0].header("Content-Length") == "0")
    #expect(registry.state.now.committed["\(Self.blob.digest)"] == Self.bytes)
  }

  @Test func `takes an empty blob`() throws {
    let registry = ScriptedUploads()
    #expect(
      try push(registry.host, descriptor(of: []), MemorySource(bytes: [])) == .uploaded(Proof(of: [])))
    #expect(registry.steps == ["POST uploads", "PUT 1", "HEAD \(Digest(of: []))"])
  }

  @Test func `refuses an empty blob with another's digest before it asks anything`() throws {
    let registry = ScriptedUploads()
    let wrong = Descriptor(mediaType: Self.blob.mediaType, digest: Self.blob.digest, size: 0)
    guard case .wrongContent = error({ _ = try push(registry.host, wrong, MemorySource(bytes: [])) }) else {
      Issue.record("not refused")
      return
    }
    #expect(registry.steps.isEmpty)
  }

  @Test func `mounts what another repository has`() throws {
    let server = ScriptedServer { request in
      request.method == "GET"
        ? ScriptedResponse(body: Self.bytes) : ScriptedResponse(201, headers: [("Location", "/v2/x")])
    }
    #expect(try push(server.host, from: "team/base") == .mounted)
    // That it is there is asked for.
    #expect(server.requests.map(\.method) == ["POST", "GET"])
    #expect(server.requests[0].queryValues("mount") == ["\(Self.blob.digest)"])
    #expect(server.requests[0].queryValues("from") == ["team/base"])
  }

  @Test func `uploads through what a refused mount opened`() throws {
    let registry = ScriptedUploads()
    #expect(try push(registry.host, from: "team/base") == .uploaded(Proof(of: Self.bytes)))
    #expect(registry.steps == ["POST uploads", "PUT 1", "HEAD \(Self.blob.digest)"])
  }

  @Test(arguments: [400, 401, 403, 404, 405]) func `uploads when the registry will not hear of mounts`(
    _ status: Int
  ) throws {
    let registry = ScriptedUploads { request, _ in
      request.queryValues("mount").isEmpty
        ? nil : ScriptedResponse(status, headers: [("WWW-Authenticate", "Basic")])
    }
    #expect(try push(registry.host, from: "team/base") == .uploaded(Proof(of: Self.bytes)))
    #expect(registry.steps == ["POST uploads", "POST uploads", "PUT 1", "HEAD \(Self.blob.digest)"])
  }

  @Test func `asks for the other repository's scope only to mount`() throws {
    let count = Noted(0)
    let realm = TokenRealm { request in
      count.change { $0 += 1 }
      return request.method == "POST"
        ? ScriptedResponse(202, headers: [("Location", "/v2/team/app/blobs/uploads/1")])
        : request.method == "HEAD" ? .headOnly(length: Self.bytes.count) : ScriptedResponse(201)
    }
    _ = try push(realm.host, from: "team/base", credential: .user)
    #expect(
      realm.requests("/token").map { $0.queryValues("scope") } == [
        ["repository:team/app:pull,push", "repository:team/base:pull"], ["repository:team/app:pull,push"],
      ])
  }

  @Test(arguments: [0, 1_500_000, 2_999_999]) func `never lets wrong content arrive whole`(_ place: Int)
    throws
  {
    var wrong = Self.bytes
    wrong[place] ^= 1
    let registry = ScriptedUploads()
    let error = error { _ = try push(registry.host, Self.blob, MemorySource(bytes: wrong)) }
    guard
      case .wrongContent(
        registry.host, "team/app", "\(Self.blob.digest)", .mismatch(Self.blob.digest, Digest(of: wrong))) =
        error
    else {
      Issue.record("\(String(describing: error))")
      return
    }
    // Cancelled, and not tried again. The server may see the end of the PUT after the DELETE.
    #expect(registry.server.waitForRequests(3))
    #expect(registry.steps.sorted() == ["DELETE 1", "POST uploads", "PUT 1"])
    let put = try #require(registry.server.requests.first { $0.method == "PUT" })
    #expect(put.bodyLength < Self.bytes.count)
    #expect(registry.state.now.committed.isEmpty)
  }

  @Test func `cancels when the source ends early`() throws {
    let registry = ScriptedUploads()
    let short = MemorySource(bytes: Array(Self.bytes.dropLast()))
    guard
      case .wrongContent(_, _, _, .short(3_000_000, 2_999_999)) = error({
        _ = try push(registry.host, Self.blob, short)
      })
    else {
      Issue.record("not short")
      return
    }
    #expect(registry.state.now.cancelled.count == 1)
  }

  @Test func `lets the source's own error through, and cancels`() throws {
    struct Broken: BlobSource {
      func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int { throw Mishap() }
    }
    let registry = ScriptedUploads()
    #expect(throws: Mishap.self) { try push(registry.host, Self.blob, Broken()) }
    #expect(registry.state.now.cancelled == ["/v2/team/app/blobs/uploads/1"])
  }

  @Test(arguments: [400, 404, 405, 411, 416, 501])
  func `falls back to PATCH where the whole is refused, and remembers`(_ status: Int) throws {
    let registry = ScriptedUploads { request, _ in
      request.method == "PUT" && request.bodyLength > 0 ? ScriptedResponse(status, text: "unsupported") : nil
    }
    let client = try client(registry.host)
    for _ in 0..<2 {
      let push = try client.pushBlob(
        Self.blob, to: "team/app", mountingFrom: nil, from: MemorySource(bytes: Self.bytes))
      #expect(push == .uploaded(Proof(of: Self.bytes)))
    }
    #expect(
      registry.steps == [
        "POST uploads", "PUT 1", "DELETE 1", "POST uploads", "PATCH 2", "PUT 2", "HEAD \(Self.blob.digest)",
        "POST uploads", "PATCH 3", "PUT 3", "HEAD \(Self.blob.digest)",
      ])
    let patch = try #require(registry.server.requests.first { $0.method == "PATCH" })
    #expect(patch.header("Content-Range") == "0-2999999")
    #expect(patch.header("Content-Length") == "3000000")
    let closing = registry.server.requests.last { $0.method == "PUT" }
    #expect(closing?.query?.hasPrefix("state=c&digest=") == true)
    #expect(registry.state.now.committed["\(Self.blob.digest)"] == Self.bytes)
  }

  @Test func `holds back wrong content from PATCH too`() throws {
    var wrong = Self.bytes
    wrong[5] ^= 1
    let registry = ScriptedUploads { request, _ in
      request.method == "PUT" && request.bodyLength > 0 ? ScriptedResponse(405) : nil
    }
    let client = try client(registry.host)
    let small = descriptor(of: [1])
    _ = try client.pushBlob(small, to: "team/app", mountingFrom: nil, from: MemorySource(bytes: [1]))
    let error = error {
      _ = try client.pushBlob(
        Self.blob, to: "team/app", mountingFrom: nil, from: MemorySource(bytes: wrong))
    }
    guard case .wrongContent = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(registry.server.waitForRequests(10))
    #expect(registry.steps.suffix(3).sorted() == ["DELETE 3", "PATCH 3", "POST uploads"])
    let patch = try #require(registry.server.requests.last { $0.method == "PATCH" })
    #expect(patch.bodyLength < Self.bytes.count)
    #expect(registry.state.now.committed.keys.sorted() == ["\(small.digest)"])
  }

  @Test(arguments: ["DIGEST_INVALID", "SIZE_INVALID", "NAME_INVALID"])
  func `takes a final no for one`(_ code: String) throws {
    let registry = ScriptedUploads { request, _ in
      request.method == "PUT"
        ? ScriptedResponse(400, json: #"{"errors":[{"code":"\#(code)","message":"m"}]}"#) : nil
    }
    guard
      case .refused(_, 400, [RegistryMessage(code: code, message: "m")]) = error({
        _ = try push(registry.host)
      })
    else {
      Issue.record("not refused")
      return
    }
    #expect(registry.steps == ["POST uploads", "PUT 1", "DELETE 1"])
  }

  @Test func `opens a new upload after a cut line`() throws {
    // More than the sockets' buffers take: the first PUT cannot end before the server cuts it.
    struct Watched: BlobSource {
      let size: Int64
      let isUnderWay: Gate
      func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int {
        if offset > 1 << 20 { isUnderWay.open() }
        let count = min(buffer.count, Int(size - offset))
        buffer.prefix(count).initializeMemory(as: UInt8.self, repeating: 7)
        return count
      }
    }
    let bytes = [UInt8](repeating: 7, count: 24 << 20)
    let source = Watched(size: Int64(bytes.count), isUnderWay: Gate())
    let registry = ScriptedUploads(answeringPutsEarly: true) { request, number in
      guard request.method == "PUT" else {
        return request.method == "HEAD" ? .headOnly(length: bytes.count) : nil
      }
      let created = ScriptedResponse.head(201, [], length: 0)
      return ScriptedResponse(
        steps: number == 1 ? [.stall(source.isUnderWay), .reset] : [.readBody, .send(created)])
    }
    #expect(try push(registry.host, descriptor(of: bytes), source) == .uploaded(Proof(of: bytes)))
    #expect(
      registry.steps == ["POST uploads", "PUT 1", "POST uploads", "PUT 2", "HEAD \(Digest(of: bytes))"])
  }

  @Test func `gives up after its retries`() throws {
    let registry = ScriptedUploads { request, _ in request.method == "PUT" ? .silence : nil }
    let error = error { _ = try push(registry.host) }
    guard case .transport = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(registry.steps.filter { $0.hasPrefix("PUT") }.count == 3)
  }

  @Test func `does not send again what the registry has already`() throws {
    // The answer to the PUT is lost; the blob is not.
    let registry = ScriptedUploads { request, _ in
      switch request.method {
      case "PUT": .silence
      case "HEAD": .headOnly(length: Self.bytes.count)
      case "GET": ScriptedResponse(body: Self.bytes)
      default: nil
      }
    }
    #expect(try push(registry.host) == .uploaded(Proof(of: Self.bytes)))
    let name = Self.blob.digest
    #expect(registry.steps == ["POST uploads", "PUT 1", "HEAD \(name)", "GET \(name)"])
  }

  @Test func `waits for an overwhelmed registry`() throws {
    let registry = ScriptedUploads { request, number in
      request.method == "PUT" && number == 1 ? ScriptedResponse(503, headers: [("Retry-After", "0")]) : nil
    }
    #expect(try push(registry.host) == .uploaded(Proof(of: Self.bytes)))
    #expect(
      registry.steps == [
        "POST uploads", "PUT 1", "HEAD \(Self.blob.digest)", "POST uploads", "PUT 2",
        "HEAD \(Self.blob.digest)",
      ])
  }

  @Test func `begins the body again when its token is refused in the middle`() throws {
    let realm = Noted<TokenRealm?>(nil)
    let count = Noted(0)
    let served = TokenRealm { request in
      switch request.method {
      case "POST":
        // The token dies between the opening and the bytes.
        if count.change({ count in
          defer { count += 1 }; return count
        }) == 0 {
          realm.now?.state.change { $0.accepted = [] }
        }
        return ScriptedResponse(202, headers: [("Location", "/v2/team/app/blobs/uploads/1")])
      case "HEAD": return .headOnly(length: Self.bytes.count)
      default: return ScriptedResponse(201)
      }
    }
    realm.change { $0 = served }
    defer { realm.change { $0 = nil } }
    #expect(try push(served.host, credential: .user) == .uploaded(Proof(of: Self.bytes)))
    let puts = served.requests("/v2/team/app/blobs/uploads/1")
    #expect(puts.map(\.authorization) == ["Bearer token-1", "Bearer token-2"])
    #expect(puts.last?.body == Self.bytes)
  }

  @Test func `sends bytes and no credential to an upload on another host that was allowed`() throws {
    let storage = ScriptedServer { _ in ScriptedResponse(201) }
    let realm = TokenRealm { request in
      // Whether it came to the registry is asked there.
      request.method == "HEAD"
        ? .headOnly(length: Self.bytes.count)
        : ScriptedResponse(202, headers: [("Location", storage.url("/upload?signature=x"))])
    }
    #expect(
      try push(realm.host, credential: .user, uploadHosts: [storage.host])
        == .uploaded(Proof(of: Self.bytes)))
    #expect(storage.requests.count == 1)
    #expect(storage.requests[0].authorization == nil)
    #expect(storage.requests[0].body == Self.bytes)
    #expect(storage.requests[0].query?.hasPrefix("signature=x&digest=") == true)
  }

  @Test(arguments: [301, 302, 303, 307, 308]) func `goes to no other host unless it was allowed`(
    _ status: Int
  ) throws {
    let storage = ScriptedServer { _ in ScriptedResponse(201) }
    let registry = ScriptedUploads { request, _ in
      request.method == "POST" ? ScriptedResponse(202, headers: [("Location", storage.url("/u"))]) : nil
    }
    #expect(
      error { _ = try push(registry.host) }
        == .uploadElsewhere(host: registry.host, repository: "team/app", target: storage.host))
    #expect(
      error { try client(registry.host).checkPush(to: "team/app", opensUpload: true) }
        == .uploadElsewhere(host: registry.host, repository: "team/app", target: storage.host))
    // A name alone means its scheme's own port.
    #expect(error { _ = try push(registry.host, uploadHosts: ["127.0.0.1"]) } != nil)
    let sending = ScriptedUploads { request, _ in
      request.method == "PUT" ? ScriptedResponse(status, headers: [("Location", storage.url("/u"))]) : nil
    }
    #expect(error { _ = try push(sending.host) } != nil)
    #expect(storage.requests.isEmpty)
    if status >= 307 {
      _ = error { _ = try push(sending.host, credential: .user, uploadHosts: [storage.host]) }
      #expect(storage.requests.first?.body == Self.bytes)
      #expect(storage.requests.allSatisfy { $0.authorization == nil })
    }
  }

  @Test(arguments: [307, 308, 301]) func `is sent on within its own host, by its own method`(_ status: Int)
    throws
  {
    let registry = ScriptedUploads { request, _ in
      guard request.query?.contains("moved") != true, ["POST", "PUT", "PATCH"].contains(request.method) else {
        return nil
      }
      let query = request.query.map { "\($0)&" } ?? ""
      return ScriptedResponse(status, headers: [("Location", "\(request.path)?\(query)moved")])
    }
    #expect(try push(registry.host, credential: .user) == .uploaded(Proof(of: Self.bytes)))
    let large = content(700_000)
    _ = try `A push in chunks`.client(registry.host).pushBlob(
      descriptor(of: large), to: "team/app", mountingFrom: nil, from: MemorySource(bytes: large))
    #expect(registry.state.now.committed["\(Digest(of: large))"] == large)
  }

  @Test func `is not sent on for ever`() throws {
    let registry = ScriptedUploads { request, _ in
      request.method == "PUT" ? ScriptedResponse(307, headers: [("Location", request.target)]) : nil
    }
    guard case .transport(.tooManyRedirects) = error({ _ = try push(registry.host) }) else {
      Issue.record("not bounded")
      return
    }
    #expect(registry.server.requests.count < 20)
  }

  @Test(arguments: [
    "http://169.254.169.254/u", "ftp://host/u", "http://user:pw@127.0.0.1/u", "http://", "",
  ])
  func `goes to no unsound Location`(_ location: String) throws {
    let server = ScriptedServer { _ in ScriptedResponse(202, headers: [("Location", location)]) }
    guard case .malformedResponse(_, .header("Location")) = error({ _ = try push(server.host) }) else {
      Issue.record("not refused")
      return
    }
    #expect(server.requests.count == 1)
  }

  @Test func `believes no success before the last byte`() throws {
    // It says "created" and then goes on reading, so that no reset hides the answer.
    let registry = ScriptedUploads(answeringPutsEarly: true) { request, _ in
      switch request.method {
      case "PUT": ScriptedResponse(201).then(.readBody)
      case "HEAD": .headOnly(length: 24 << 20)
      default: nil
      }
    }
    let large = [UInt8](repeating: 7, count: 24 << 20)
    do {
      let push = try push(registry.host, descriptor(of: large), MemorySource(bytes: large))
      // libcurl may have gone on to the end, and then it is true.
      #expect(push == .uploaded(Proof(of: large)))
    } catch RegistryError.malformedResponse(_, let breach) {
      #expect(breach == .earlySuccess)
    }
  }

  @Test func `says when another digest was stored`() throws {
    let registry = ScriptedUploads { request, _ in
      request.method == "PUT"
        ? ScriptedResponse(201, headers: [("Docker-Content-Digest", "\(Digest(of: []))")]) : nil
    }
    #expect(
      error { _ = try push(registry.host) }
        == .destinationDigestDiffers(
          repository: "team/app", identifier: "\(Self.blob.digest)", expected: Self.blob.digest,
          actual: Digest(of: [])))
  }
}
