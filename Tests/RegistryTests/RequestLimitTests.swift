import Digests
import Foundation
import Images
import Registry
import TestSupport
import Testing
import Transport

/// nginx before Docker's own registry, with the limit on requests that nginx has unless told otherwise.
@Suite(.waiting) struct `A proxy that takes no large requests` {
  @Test func `is given smaller ones, and asked for no large one again`() throws {
    let registry = try RegistryProcess()
    let proxy = try NginxProcess(
      before: registry.host,
      directives: """
        location ~ /blobs/uploads/ {
          client_max_body_size 1m; lingering_timeout 300s; lingering_time 300s; proxy_pass http://\(registry.host); proxy_request_buffering off;
          proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto https;
        }
        """)
    let client = RegistryClient(
      host: proxy.host, configuration: RegistryConfiguration(),
      http: try HTTPClient(TransportOptions(caFile: CertificateAuthority.shared().file)))
    for seed: UInt64 in [1, 2] {
      let bytes = content(5_000_000, seed: seed)
      let push = try client.pushBlob(
        descriptor(of: bytes), to: "team/app", mountingFrom: nil, from: MemorySource(bytes: bytes))
      #expect(push == .uploaded(Proof(of: bytes)))
      #expect(registry.storage.bytes(of: "\(descriptor(of: bytes).digest)") == bytes)
    }
    proxy.stop()
    let statuses = proxy.requests.filter { ["PUT", "PATCH"].contains($0.method) }.map(\.status)
    let last = try #require(statuses.lastIndex(of: 413))
    // Five megabytes at once, in a chunk, half of it, a quarter; all in the first blob.
    #expect(statuses.count { $0 == 413 } == 4)
    #expect(last < statuses.count / 2)
  }

  @Test func `is not asked over and over before a registry that wants larger ones`() throws {
    let asked = Noted(0)
    let registry = ScriptedRegistry { request in
      switch request.method {
      case "POST":
        ScriptedResponse(
          202, headers: [("Location", "/v2/team/app/blobs/uploads/1"), ("OCI-Chunk-Min-Length", "600000")])
      // Who asks for ever is to come to an end.
      case "PATCH", "PUT":
        ScriptedResponse(
          asked.change { count in
            count += 1
            return count > 50
          } ? 403 : 413)
      case "DELETE": ScriptedResponse(204)
      default: nil
      }
    }
    var configuration = RegistryConfiguration(plainHTTP: true)
    configuration.uploads.wholeLimit = 0
    configuration.uploads.firstChunk = 600_000
    let client = RegistryClient(
      host: registry.host, configuration: configuration, http: try HTTPClient(TransportOptions(retries: 0)))
    let bytes = content(2_000_000, seed: 3)
    #expect(throws: RegistryError.self) {
      try client.pushBlob(
        descriptor(of: bytes), to: "team/app", mountingFrom: nil, from: MemorySource(bytes: bytes))
    }
    #expect(registry.server.lines.count { $0.hasPrefix("PATCH") } == 1)
  }
}
