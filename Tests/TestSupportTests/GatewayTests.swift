import Foundation
import TestSupport
import Testing

/// The gateway itself, with curl as the client.
struct `A gateway before a registry` {
  let registry: RegistryProcess
  let digest: String
  let bytes: [UInt8]
  let directory = TemporaryDirectory()

  init() throws {
    registry = try RegistryProcess(fixtures: true)
    let storage = registry.storage
    let sized = storage.digests.compactMap { digest in storage.bytes(of: digest).map { (digest, $0) } }
    (digest, bytes) = try #require(sized.max { $0.1.count < $1.1.count })
  }

  private func path() throws -> String {
    let repository = try #require(
      registry.storage.repositories.first { registry.storage.hasBlob(digest, in: $0) })
    return "/v2/\(repository)/blobs/\(digest)"
  }

  /// What curl gets, its exit status, and the HTTP status.
  private func fetch(_ gateway: FaultGateway, _ options: String...) throws -> (
    body: [UInt8], exit: Int32, status: String
  ) {
    let file = directory.file(UUID().uuidString)
    let result = try Command(
      "curl",
      ["-s", "--noproxy", "*", "-m", "300", "-o", file, "-w", "%{http_code}"] + options
        + [gateway.url + (try path())]
    ).run()
    let body = FileManager.default.contents(atPath: file).map { [UInt8]($0) } ?? []
    return (body, result.status, result.standardOutput)
  }

  @Test func `hands on every byte and counts them`() throws {
    let gateway = FaultGateway(before: registry.host)
    let answer = try fetch(gateway)
    #expect(answer.body == bytes)
    #expect(gateway.sent == bytes.count)
    let part = try fetch(gateway, "-r", "10-")
    #expect(part.body == Array(bytes[10...]))
    #expect(part.status == "206")
    #expect(gateway.exchanges.map(\.range) == [nil, "bytes=10-"])
    #expect(gateway.waitUntilIdle())
    #expect(gateway.exchanges.allSatisfy { $0.isOver })
    gateway.resetCounts()
    #expect(gateway.sent == 0)
    #expect(gateway.exchanges.isEmpty)
  }

  @Test func `does harm to answers as it is told, and only then`() throws {
    let gateway = FaultGateway(
      before: registry.host,
      faults: [
        GatewayFault(.cutAnswer(after: 100), on: .pulledBlob, skipping: 1),
        GatewayFault(.resetAnswer(after: 100), on: .pulledBlob, skipping: 2),
        GatewayFault(.truncateAnswer(to: 100), on: .pulledBlob, skipping: 3),
        GatewayFault(.corruptAnswer(at: 100), on: .pulledBlob, skipping: 4),
        GatewayFault(
          .answer(503, headers: ["Retry-After": "0"], body: "<html>"), on: .pulledBlob, skipping: 5),
        GatewayFault(.loseAnswer, on: .pulledBlob, skipping: 6),
        GatewayFault(.stallAnswer(after: 100), on: .pulledBlob, skipping: 7),
        GatewayFault(.cutAnswer(after: 0), on: .pulledManifest),
      ])
    #expect(try fetch(gateway).body == bytes)
    let cut = try fetch(gateway)
    #expect(cut.exit == 18)
    #expect(cut.body == Array(bytes[..<100]))
    #expect(try fetch(gateway).exit == 56)
    let truncated = try fetch(gateway)
    #expect(truncated.exit == 0)
    #expect(truncated.body == Array(bytes[..<100]))
    var corrupt = bytes
    corrupt[100] ^= 1
    #expect(try fetch(gateway).body == corrupt)
    let refused = try fetch(gateway)
    #expect(refused.status == "503")
    #expect(refused.body == Array("<html>".utf8))
    #expect(try fetch(gateway).exit == 52)
    #expect(try fetch(gateway, "-m", "1").exit == 28)
    #expect(try fetch(gateway).body == bytes)
  }

  @Test func `ignores and lies about ranges`() throws {
    let gateway = FaultGateway(
      before: registry.host,
      faults: [
        GatewayFault(.ignoreRange, on: .pulledBlob),
        GatewayFault(.misdeclareRange(by: 7), on: .pulledBlob, skipping: 1),
        GatewayFault(.misplaceRange(by: 7), on: .pulledBlob, skipping: 2),
      ])
    let headers = directory.file("headers")
    let whole = try fetch(gateway, "-r", "10-")
    #expect(whole.status == "200")
    #expect(whole.body == bytes)
    #expect(try fetch(gateway, "-r", "10-", "-D", headers).body == Array(bytes[10...]))
    #expect(try String(contentsOfFile: headers, encoding: .utf8).contains("bytes 17-"))
    #expect(try fetch(gateway, "-r", "10-", "-D", headers).body == Array(bytes[17...]))
    #expect(try String(contentsOfFile: headers, encoding: .utf8).contains("bytes 10-"))
  }

  private func send(
    _ method: String, _ gateway: FaultGateway, _ url: String, _ body: [UInt8], _ options: [String] = []
  ) throws -> (headers: String, exit: Int32) {
    let file = directory.write(body, to: "body")
    let result = try Command(
      "curl",
      [
        "-s", "--noproxy", "*", "-m", "300", "-i", "-X", method, "--data-binary", "@\(file)",
        // A form's body would be read as a part of the query.
        "-H", "Content-Type: application/octet-stream",
      ] + options + [url]
    ).run()
    return (result.standardOutput, result.status)
  }

  private func location(_ headers: String) throws -> String {
    String(try #require(headers.firstMatch(of: /Location: (\S+)/)).1)
  }

  @Test func `continues an upload that was cut, where it is made to`() throws {
    let gateway = FaultGateway(
      before: registry.host, .continuing, faults: [GatewayFault(.cutRequest(after: 5), on: .pushedBytes)])
    let upload = try location(
      try send("POST", gateway, "\(gateway.url)/v2/new/blobs/uploads/", []).headers)
    #expect(upload.hasPrefix(gateway.url))
    #expect(try send("PATCH", gateway, upload, Array("0123456789".utf8)).exit == 52)
    #expect(gateway.waitUntilIdle())
    let status = try send("GET", gateway, upload, []).headers
    #expect(status.contains("204"))
    #expect(status.contains("Range: 0-4"))
    let wrong = try send(
      "PATCH", gateway, upload, Array("789".utf8), ["-H", "Content-Range: 7-9"])
    #expect(wrong.headers.contains("416"))
    #expect(wrong.headers.contains("Range: 0-4"))
    let rest = try send("PATCH", gateway, upload, Array("56789".utf8), ["-H", "Content-Range: 5-9"]).headers
    #expect(rest.contains("Range: 0-9"))
    let digest = "sha256:84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"
    #expect(try send("PUT", gateway, "\(upload)&digest=\(digest)", []).headers.contains("201"))
    #expect(registry.storage.bytes(of: digest) == Array("0123456789".utf8))
    #expect(gateway.received == 18)
  }

  @Test func `loses an upload that was cut, as the registry does`() throws {
    let gateway = FaultGateway(
      before: registry.host, faults: [GatewayFault(.resetRequest(after: 5), on: .pushedBytes)])
    let upload = try location(
      try send("POST", gateway, "\(gateway.url)/v2/new/blobs/uploads/", []).headers)
    #expect(try send("PATCH", gateway, upload, Array("0123456789".utf8)).exit != 0)
    #expect(try send("GET", gateway, upload, []).headers.contains("BLOB_UPLOAD_INVALID"))
  }
}
