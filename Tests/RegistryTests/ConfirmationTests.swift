import Digests
import Foundation
import Images
import TestSupport
import Testing
import Transport

@testable import Registry

/// What counts as a blob that a repository has.
@Suite(.waiting) struct `A blob that was sent` {
  static let bytes = content(1_000)
  static let blob = descriptor(of: bytes)

  func push(
    _ host: String, from other: String? = nil, log: MemoryLog? = nil, retries: Int = 2,
    uploadHosts: Set<String> = []
  ) throws -> BlobPush {
    try client(host, retries: retries, uploadHosts: uploadHosts).pushBlob(
      Self.blob, to: "team/app", mountingFrom: other, from: MemorySource(bytes: Self.bytes), log: log)
  }

  func expectNotKept(_ host: String, isOther: Bool = false, _ body: () throws -> Void) {
    #expect(
      error(body)
        == .blobNotKept(host: host, repository: "team/app", digest: Self.blob.digest, isOther: isOther))
  }

  @Test func `elsewhere is asked for at the registry's own origin, and sent once more`() throws {
    let thief = ScriptedServer { _ in ScriptedResponse(201) }
    let registry = ScriptedUploads { request, _ in
      request.method == "POST" ? ScriptedResponse(202, headers: [("Location", thief.url("/u"))]) : nil
    }
    expectNotKept(registry.host) {
      _ = try push(registry.host, retries: 0, uploadHosts: [thief.host])
    }
    #expect(thief.requests.map(\.method) == ["PUT", "PUT"])
    #expect(registry.steps.filter { $0.hasPrefix("POST") }.count == 2)
  }

  @Test(arguments: [200, 201, 204]) func `is asked for, whatever the registry answers`(_ status: Int) throws {
    let silent = ScriptedUploads { request, _ in request.method == "PUT" ? ScriptedResponse(status) : nil }
    expectNotKept(silent.host) { _ = try push(silent.host, retries: 0) }
    let state = Noted<Noted<ScriptedUploads.State>?>(nil)
    let right = ScriptedUploads { request, _ in
      guard request.method == "PUT" else { return nil }
      state.now?.change { $0.committed["\(Self.blob.digest)"] = request.body }
      return ScriptedResponse(status)
    }
    state.change { $0 = right.state }
    #expect(try push(right.host) == .uploaded(Proof(of: Self.bytes)))
    #expect(right.steps.last == "HEAD \(Self.blob.digest)")
  }

  @Test func `to another repository of the same origin is asked for`() throws {
    let registry = ScriptedUploads { request, _ in
      switch request.method {
      case "POST": ScriptedResponse(202, headers: [("Location", "/v2/team/other/blobs/uploads/1")])
      case "PUT": ScriptedResponse(201)
      default: nil
      }
    }
    expectNotKept(registry.host) { _ = try push(registry.host, retries: 0) }
  }

  @Test(
    arguments: [
      "%2e%2e/%2e%2e/other/1", ".%2E/.%2e/other/1", "uploads/..%2f..%2fother", "uploads/%2e%2e%5cother",
      #"uploads/..\..\other"#, "uploads/%252e%252e/other", "uploads/..;/other",
      "sha256:\(String(repeating: "a", count: 64))",
    ]
  ) func `to an address that may mean another repository is asked for`(_ path: String) throws {
    let registry = ScriptedUploads { request, _ in
      switch request.method {
      case "POST": ScriptedResponse(202, headers: [("Location", "/v2/team/app/blobs/\(path)")])
      case "PUT": ScriptedResponse(201)
      default: nil
      }
    }
    expectNotKept(registry.host) { _ = try push(registry.host, retries: 0) }
  }

  @Test func `before the line failed is sent again where no byte of it comes back`() throws {
    let puts = Noted(0)
    let registry = ScriptedUploads { request, _ in
      switch request.method {
      // Out of a memory that is older than the loss of its bytes.
      case "HEAD": return .headOnly(length: Self.bytes.count)
      case "PUT":
        let count = puts.change { count in
          count += 1
          return count
        }
        return count == 1 ? ScriptedResponse(steps: [.close]) : nil
      default: return nil
      }
    }
    #expect(try push(registry.host) == .uploaded(Proof(of: Self.bytes)))
    #expect(registry.state.now.committed["\(Self.blob.digest)"] == Self.bytes)
  }

  @Test func `and may not be asked for is an error of its own`() throws {
    let registry = ScriptedUploads { request, _ in
      switch request.method {
      case "HEAD": .headOnly(403, length: 0)
      case "GET": ScriptedResponse(403)
      default: nil
      }
    }
    let error = error { _ = try push(registry.host, retries: 0) }
    guard case .unconfirmedBlob(registry.host, "team/app", Self.blob.digest, .denied) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    // By GET it may be.
    let proxied = ScriptedUploads { request, _ in
      request.method == "HEAD" ? .headOnly(403, length: 0) : nil
    }
    #expect(try push(proxied.host, retries: 0) == .uploaded(Proof(of: Self.bytes)))
  }

  @Test func `and lies where nobody gets from here is no success`() throws {
    let unreachable = ScriptedServer { _ in ScriptedResponse(steps: [.close]) }
    let registry = ScriptedUploads { request, _ in
      request.method == "HEAD"
        ? ScriptedResponse(307, headers: [("Location", unreachable.url("/s"))]) : nil
    }
    // By GET the registry gives it itself.
    #expect(try push(registry.host) == .uploaded(Proof(of: Self.bytes)))
    #expect(unreachable.requests.count == 1)
    for target in [unreachable.url("/s"), "http://169.254.169.254/s"] {
      let leading = ScriptedUploads { request, _ in
        ["HEAD", "GET"].contains(request.method)
          ? ScriptedResponse(307, headers: [("Location", target)]) : nil
      }
      let error = error { _ = try push(leading.host, retries: 0) }
      guard case .unconfirmedBlob(leading.host, "team/app", Self.blob.digest, .transport) = error else {
        Issue.record("\(target): \(String(describing: error))")
        continue
      }
    }
    // Where somebody answers, that counts.
    let empty = ScriptedServer { request in
      request.method == "HEAD" ? .headOnly(404, length: 0) : ScriptedResponse(404)
    }
    let hollow = ScriptedUploads { request, _ in
      ["HEAD", "GET"].contains(request.method)
        ? ScriptedResponse(307, headers: [("Location", empty.url("/s"))]) : nil
    }
    expectNotKept(hollow.host) { _ = try push(hollow.host, retries: 0) }
    // A registry that leads to itself says nothing by that.
    let loop = ScriptedUploads { request, _ in
      request.method == "HEAD" ? ScriptedResponse(307, headers: [("Location", request.path)]) : nil
    }
    #expect(error { _ = try push(loop.host, retries: 0) } != nil)
  }

  @Test func `in chunks is asked for`() throws {
    let registry = ScriptedUploads { request, _ in
      request.path.contains("/uploads/") ? nil : .headOnly(404, length: 0)
    }
    let error = error {
      _ = try `A push in chunks`.client(registry.host).pushBlob(
        descriptor(of: content(400_000)), to: "team/app", mountingFrom: nil,
        from: MemorySource(bytes: content(400_000)))
    }
    guard case .blobNotKept = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func `and is there with another size is an error of its own`() throws {
    let registry = ScriptedUploads { request, _ in
      switch request.method {
      case "PUT": ScriptedResponse(204)
      case "HEAD": .headOnly(length: 999)
      default: nil
      }
    }
    expectNotKept(registry.host, isOther: true) { _ = try push(registry.host, retries: 0) }
  }

  @Test func `and is known a moment later is asked for again`() throws {
    let asked = Noted(0)
    let registry = ScriptedUploads { request, _ in
      switch request.method {
      case "PUT": return ScriptedResponse(202 + 2)
      case "HEAD":
        let count = asked.change { count in
          count += 1
          return count
        }
        return count < 3 ? .headOnly(404, length: 0) : .headOnly(length: Self.bytes.count)
      case "GET": return ScriptedResponse(404)
      default: return nil
      }
    }
    #expect(try push(registry.host) == .uploaded(Proof(of: Self.bytes)))
    #expect(registry.steps.filter { $0.hasPrefix("POST") }.count == 1)
  }

  @Test func `though it should be mounted is sent where the mount is none`() throws {
    let registry = ScriptedUploads { request, _ in
      request.queryValues("mount").isEmpty ? nil : ScriptedResponse(201)
    }
    #expect(try push(registry.host, from: "team/base", retries: 0) == .uploaded(Proof(of: Self.bytes)))
    #expect(try client(registry.host, retries: 0).mountBlob(Self.blob, to: "team/app", from: "team/base"))
    let empty = ScriptedUploads { request, _ in
      switch request.method {
      case "HEAD": .headOnly(404, length: 0)
      case "POST" where !request.queryValues("mount").isEmpty: ScriptedResponse(201)
      default: nil
      }
    }
    #expect(
      try !client(empty.host, retries: 0).mountBlob(Self.blob, to: "team/app", from: "team/base"))
    // One that answers HEAD out of its memory, and whose blob is gone.
    let hollow = ScriptedUploads { request, _ in
      if request.method == "HEAD" { return .headOnly(length: Self.bytes.count) }
      return request.queryValues("mount").isEmpty ? nil : ScriptedResponse(201)
    }
    #expect(
      try !client(hollow.host, retries: 0).mountBlob(Self.blob, to: "team/app", from: "team/base"))
    #expect(try push(hollow.host, from: "team/base", retries: 0) == .uploaded(Proof(of: Self.bytes)))
    #expect(hollow.state.now.committed["\(Self.blob.digest)"] == Self.bytes)
  }

  @Test(arguments: ["/steal", "/v2/team/app/blobs/uploads/7"])
  func `goes to no other host that a log names`(_ path: String) throws {
    let thief = ScriptedServer { request in
      request.method == "GET" ? ScriptedResponse(204, headers: [("Range", "0-0")]) : ScriptedResponse(201)
    }
    let registry = ScriptedUploads()
    let log = MemoryLog(OpenUpload(location: try HTTPURL(thief.url(path)), offset: 0))
    #expect(try push(registry.host, log: log) == .uploaded(Proof(of: Self.bytes)))
    #expect(thief.requests.isEmpty)
    #expect(registry.state.now.committed["\(Self.blob.digest)"] == Self.bytes)
  }

  @Test(arguments: ["/v2/team/other/blobs/uploads/7", "/v2/team/app/manifests/1", "/v2/"])
  func `goes to nothing else of the registry's that a log names`(_ path: String) throws {
    let registry = ScriptedUploads()
    registry.state.change { $0.bodies[path] = [] }
    let log = MemoryLog(OpenUpload(location: try HTTPURL("http://\(registry.host)\(path)"), offset: 0))
    #expect(try push(registry.host, log: log) == .uploaded(Proof(of: Self.bytes)))
    #expect(registry.server.requests.allSatisfy { $0.path != path })
  }

  @Test func `through an upload that a log names is asked for`() throws {
    // Of the registry's origin, but who knows whose it is.
    let registry = ScriptedUploads { request, _ in
      switch request.method {
      case "PUT" where request.path == "/elsewhere": ScriptedResponse(201)
      default: nil
      }
    }
    registry.state.change { $0.bodies["/elsewhere"] = [] }
    let log = MemoryLog(OpenUpload(location: try HTTPURL("http://\(registry.host)/elsewhere"), offset: 0))
    #expect(try push(registry.host, log: log, retries: 0) == .uploaded(Proof(of: Self.bytes)))
    #expect(registry.state.now.committed["\(Self.blob.digest)"] == Self.bytes)
  }

  @Test func `to another host is in no log`() throws {
    let storage = ScriptedServer { request in
      ScriptedResponse(request.method == "PATCH" ? 202 : 201)
    }
    let bytes = content(400_000)
    let registry = ScriptedUploads { request, _ in
      switch request.method {
      case "POST": ScriptedResponse(202, headers: [("Location", storage.url("/u?signature=secret"))])
      case "HEAD": .headOnly(length: bytes.count)
      default: nil
      }
    }
    let log = MemoryLog()
    let pushed = try `A push in chunks`.client(registry.host, uploadHosts: [storage.host]).pushBlob(
      descriptor(of: bytes), to: "team/app", mountingFrom: nil, from: MemorySource(bytes: bytes), log: log)
    #expect(pushed == .uploaded(Proof(of: bytes)))
    #expect(log.entries.now.allSatisfy { $0 == .closed })
  }
}

/// What HEAD does not say of a blob.
@Suite(.waiting) struct `A blob that is asked for` {
  static let digest = Digest(of: [1])

  private func presence(_ size: Int64 = 7, _ script: @escaping ScriptedServer.Script) throws -> BlobPresence {
    let server = ScriptedServer(script)
    let connection = RegistryConnection(
      host: server.host, configuration: RegistryConfiguration(plainHTTP: true),
      http: try HTTPClient(TransportOptions(retries: 0, backoff: .milliseconds(1))))
    return try BlobLookup(connection).presence(of: Self.digest, size: size, in: "team/app")
  }

  private static let lengthless = ScriptedResponse(steps: [
    .send(ScriptedResponse.head(200, [], length: nil)), .close,
  ])

  @Test func `is held with its size alone`() throws {
    #expect(try presence { _ in .headOnly(length: 7) } == .held)
    #expect(try presence { _ in .headOnly(length: 8) } == .differs)
    #expect(try presence { _ in .headOnly(404, length: 0) } == .missing)
    // A portal's page for whatever is asked.
    #expect(
      try presence { request in
        request.method == "HEAD"
          ? .headOnly(headers: [("Content-Type", "text/html")], length: 512)
          : ScriptedResponse(
            headers: [("Content-Type", "text/html")], body: [UInt8](repeating: 32, count: 512))
      } == .differs)
    let other = Digest(of: [2])
    #expect(
      try presence { _ in .headOnly(headers: [("Docker-Content-Digest", "\(other)")], length: 7) } == .differs
    )
  }

  @Test func `is asked by GET for its first byte where HEAD gives no length`() throws {
    func answer(_ status: Int, _ headers: [(String, String)], _ body: [UInt8]) throws -> BlobPresence {
      try presence { request in
        guard request.method == "GET" else { return Self.lengthless }
        guard request.header("Range") == "bytes=0-0" else { return ScriptedResponse(400) }
        return ScriptedResponse(status, headers: headers, body: body)
      }
    }
    #expect(try answer(206, [("Content-Range", "bytes 0-0/7")], [1]) == .held)
    #expect(try answer(206, [("Content-Range", "bytes 0-0/8")], [1]) == .differs)
    #expect(try answer(206, [("Content-Range", "bytes 0-0/*")], [1]) == .missing)
    #expect(try answer(206, [], [1]) == .missing)
    #expect(try answer(200, [], [1, 2, 3, 4, 5, 6, 7]) == .held)
    #expect(try answer(200, [("Content-Type", "text/html")], Array("<html>".utf8)) == .differs)
    #expect(try answer(404, [], []) == .missing)
    #expect(try answer(416, [("Content-Range", "bytes */0")], []) == .differs)
    #expect(
      try presence(0) { request in
        request.method == "GET"
          ? ScriptedResponse(416, headers: [("Content-Range", "bytes */0")]) : Self.lengthless
      } == .held)
  }

  @Test func `is looked for where the registry sends us`() throws {
    for (head, get, expected) in [
      (200, 206, BlobPresence.held), (404, 404, .missing), (403, 206, .held), (403, 403, .missing),
    ] {
      let storage = ScriptedServer { request in
        request.method == "HEAD"
          ? .headOnly(head, length: 7)
          : ScriptedResponse(get, headers: [("Content-Range", "bytes 0-0/7")], body: [1])
      }
      #expect(
        try presence { request in ScriptedResponse(307, headers: [("Location", storage.url("/s"))]) }
          == expected)
    }
  }

  @Test(arguments: [405, 501]) func `is asked by GET where HEAD is not answered`(_ status: Int) throws {
    #expect(
      try presence { request in
        request.method == "HEAD"
          ? .headOnly(status, length: 0)
          : ScriptedResponse(206, headers: [("Content-Range", "bytes 0-0/7")], body: [1])
      } == .held)
  }
}
