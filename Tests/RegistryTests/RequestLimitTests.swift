import Digests
import Foundation
import Images
import Registry
import TestSupport
import Testing
import Transport

/// nginx before Docker's own registry, with the limit on requests that nginx has unless told otherwise.
@Suite struct `A proxy that takes no large requests` {
  @Test func `is given smaller ones, and asked for no large one again`() throws {
    let registry = try RegistryProcess()
    let proxy = try NginxProcess(
      before: registry.host,
      directives: """
        location ~ /blobs/uploads/ {
          client_max_body_size 1m; proxy_pass http://\(registry.host); proxy_request_buffering off;
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
}
