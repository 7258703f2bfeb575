import Digests
import Foundation
import Images
import Registry
import TestSupport
import Testing
import Transport

@Suite(.waiting) struct `A client of Docker's own registry` {
  static let layer = content(5_000_000, seed: 3)
  static let config = Array(#"{"architecture":"amd64","os":"linux"}"#.utf8)

  static func manifest() throws -> Manifest {
    let json = """
      {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
      "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\(Digest(of: config))",\
      "size":\(config.count)},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",\
      "digest":"\(Digest(of: layer))","size":\(layer.count)}]}
      """
    return try Manifest(bytes: Array(json.utf8), mediaType: nil)
  }

  /// Pushes an image, reads it back and lists it.
  func roundTrip(_ client: RegistryClient) throws {
    let manifest = try Self.manifest()
    #expect(try client.resolve("1.0", of: "team/app") == nil)
    for bytes in [Self.layer, Self.config] {
      let blob = descriptor(of: bytes)
      #expect(try !client.hasBlob(blob.digest, size: blob.size, in: "team/app"))
      let push = try client.pushBlob(
        blob, to: "team/app", mountingFrom: nil, from: MemorySource(bytes: bytes))
      #expect(push == .uploaded(Proof(of: bytes)))
      #expect(try client.hasBlob(blob.digest, size: blob.size, in: "team/app"))
    }
    try client.putManifest(manifest, to: "team/app", as: "1.0")
    #expect(try client.resolve("1.0", of: "team/app") == manifest.descriptor)
    #expect(try client.manifest("\(manifest.digest)", of: "team/app").bytes == manifest.bytes)
    #expect(try client.tags(of: "team/app") == ["1.0"])
    var sink = MemoryReceiver(descriptor(of: Self.layer))
    try client.pullBlob(descriptor(of: Self.layer), from: "team/app", into: &sink)
    #expect(sink.bytes == Self.layer)
  }

  @Test func `moves an image both ways`() throws {
    let registry = try RegistryProcess()
    let client = try client(registry.host)
    _ = try client.catalog()
    try roundTrip(client)
    #expect(try client.catalog() == ["team/app"])
    let blob = descriptor(of: Self.layer)
    let unread = MemorySource(bytes: [])
    #expect(try client.pushBlob(blob, to: "other/app", mountingFrom: "team/app", from: unread) == .mounted)
    let empty = descriptor(of: [])
    #expect(
      try client.pushBlob(empty, to: "team/app", mountingFrom: nil, from: unread) == .uploaded(Proof(of: [])))
    #expect(try client.smallBlob(empty, of: "team/app") == [])
  }

  @Test func `moves an image with a password`() throws {
    let registry = try RegistryProcess(.basic(username: "$oauthtoken", password: "s3cret"))
    try roundTrip(try client(registry.host, .user))
    guard case .unauthorized(_, nil, false, _) = error({ _ = try client(registry.host).catalog() }) else {
      Issue.record("let in")
      return
    }
  }

  @Test func `moves an image with tokens`() throws {
    let tokens = try TokenServer(users: ["$oauthtoken": "s3cret", "reader": "r"]) { user, _, action in
      user == "$oauthtoken" || user == "reader" && action == "pull"
    }
    let registry = try RegistryProcess(.tokens(tokens))
    try roundTrip(try client(registry.host, .user))
    // One for reading, one for writing.
    #expect(tokens.requests.count == 2)
    let reader = try client(registry.host, .basic(username: "reader", password: "r"))
    #expect(try reader.tags(of: "team/app") == ["1.0"])
    guard
      case .denied(_, "team/app", .push, _) = error({
        try reader.putManifest(try Self.manifest(), to: "team/app", as: "2.0")
      })
    else {
      Issue.record("not denied")
      return
    }
    guard
      case .unauthorized(_, "team/app", true, _) = error({
        _ = try client(registry.host, .basic(username: "reader", password: "wrong")).tags(of: "team/app")
      })
    else {
      Issue.record("not refused")
      return
    }
  }

  @Test func `never commits wrong content`() throws {
    let registry = try RegistryProcess()
    let client = try client(registry.host)
    var wrong = Self.layer
    wrong[wrong.count - 1] ^= 1
    let blob = descriptor(of: Self.layer)
    let error = error {
      _ = try client.pushBlob(blob, to: "team/app", mountingFrom: nil, from: MemorySource(bytes: wrong))
    }
    guard case .wrongContent = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try !client.hasBlob(blob.digest, size: nil, in: "team/app"))
    #expect(registry.storage.digests.isEmpty)
  }

  @Test func `finds damage in what is stored`() throws {
    let registry = try RegistryProcess()
    let client = try client(registry.host)
    try roundTrip(client)
    let blob = descriptor(of: Self.layer)
    try registry.storage.replace("\(blob.digest)") { $0[100] ^= 1 }
    var sink = MemoryReceiver(blob)
    guard
      case .wrongContent(_, _, _, .mismatch) = error({
        try client.pullBlob(blob, from: "team/app", into: &sink)
      })
    else {
      Issue.record("not found")
      return
    }
  }

  @Test func `hears that a name or tag is unknown`() throws {
    let registry = try RegistryProcess()
    let client = try client(registry.host)
    guard case .repositoryNotFound(_, "no/such", _) = error({ _ = try client.tags(of: "no/such") }) else {
      Issue.record("found")
      return
    }
    guard
      case .manifestNotFound(_, "no/such", "1", _) = error({ _ = try client.manifest("1", of: "no/such") })
    else {
      Issue.record("found")
      return
    }
  }

  @Test func `hears that it spoke plainly to TLS`() throws {
    let registry = try RegistryProcess(tls: CertificateAuthority())
    #expect(error { _ = try client(registry.host).catalog() } == .tlsExpected(host: registry.host))
  }
}
