import Digests
import Foundation
import Images
import Registry
import TestSupport
import Testing
import Transport

@Suite(.waiting) struct `A pull of a blob` {
  static let bytes = content(300_000)
  static let blob = descriptor(of: bytes)

  /// The answer a sound registry gives, for a whole or a range.
  static func answer(_ request: ScriptedRequest, bytes: [UInt8] = bytes) -> ScriptedResponse {
    guard let range = request.header("Range"), let start = Int(range.dropFirst("bytes=".count).dropLast())
    else {
      return ScriptedResponse(body: bytes)
    }
    return ScriptedResponse(
      206, headers: [("Content-Range", "bytes \(start)-\(bytes.count - 1)/\(bytes.count)")],
      body: Array(bytes[start...]))
  }

  /// The answer, cut after `count` bytes of its body.
  static func cut(
    _ request: ScriptedRequest, after count: Int, tag: String? = nil
  ) -> ScriptedResponse {
    let tags = tag.map { [(name: "ETag", value: $0)] } ?? []
    guard let range = request.header("Range"), let start = Int(range.dropFirst("bytes=".count).dropLast())
    else {
      return ScriptedResponse(headers: tags, body: Array(bytes[..<count]), declaredLength: bytes.count)
    }
    let piece = Array(bytes[start..<min(start + count, bytes.count)])
    return ScriptedResponse(
      206, headers: tags + [("Content-Range", "bytes \(start)-\(bytes.count - 1)/\(bytes.count)")],
      body: piece,
      declaredLength: bytes.count - start)
  }

  /// A server that answers the n-th request by the n-th script, the last for all that follow.
  static func server(_ scripts: (@Sendable (ScriptedRequest) -> ScriptedResponse)...) -> ScriptedServer {
    let count = Noted(0)
    return ScriptedServer { request in
      let index = count.change { count in
        defer { count += 1 }
        return count
      }
      return scripts[min(index, scripts.count - 1)](request)
    }
  }

  func pull(_ server: ScriptedServer, _ blob: Descriptor = blob, retries: Int = 2) throws
    -> MemoryReceiver
  {
    var receiver = MemoryReceiver(blob)
    try client(server.host, retries: retries).pullBlob(blob, from: "team/app", into: &receiver)
    return receiver
  }

  func ranges(_ server: ScriptedServer) -> [String?] { server.requests.map { $0.header("Range") } }

  @Test func `hands over every byte and proves them`() throws {
    let server = Self.server { Self.answer($0) }
    let sink = try pull(server)
    #expect(sink.bytes == Self.bytes)
    #expect(sink.restarts == 0)
    #expect(server.lines == ["GET /v2/team/app/blobs/\(Self.blob.digest)"])
  }

  @Test func `takes an empty blob`() throws {
    let sink = try pull(Self.server { Self.answer($0, bytes: []) }, descriptor(of: []))
    #expect(sink.bytes.isEmpty)
  }

  @Test func `goes on inside the blob after a cut, as long as it advances`() throws {
    let server = Self.server { Self.cut($0, after: 40_000) }
    let sink = try pull(server, retries: 1)
    #expect(sink.bytes == Self.bytes)
    #expect(sink.restarts == 0)
    #expect(ranges(server) == [nil] + (1...7).map { "bytes=\($0 * 40_000)-" })
  }

  @Test func `goes on from what an earlier run proved, and starts again when that is wrong`() throws {
    for (wrong, expected) in [(false, ["bytes=100000-"]), (true, ["bytes=100000-", nil])] {
      let server = Self.server { Self.answer($0) }
      var start = Array(Self.bytes[..<100_000])
      if wrong { start[5] ^= 1 }
      var sink = MemoryReceiver(Self.blob, bytes: start)
      try client(server.host).pullBlob(Self.blob, from: "team/app", into: &sink)
      #expect(sink.bytes == Self.bytes)
      #expect(sink.restarts == (wrong ? 1 : 0))
      #expect(ranges(server) == expected)
    }
  }

  @Test func `leaves what came to its receiver, when it fails`() throws {
    let server = Self.server({ Self.cut($0, after: 1000) }, { _ in ScriptedResponse(404) })
    var sink = MemoryReceiver(Self.blob)
    #expect(throws: RegistryError.self) {
      try client(server.host).pullBlob(Self.blob, from: "team/app", into: &sink)
    }
    #expect(sink.bytes == Array(Self.bytes[..<1000]))
  }

  @Test func `goes on only in the content that its entity tag names`() throws {
    let server = Self.server(
      { Self.cut($0, after: 1000, tag: #""one""#) }, { Self.cut($0, after: 1000, tag: #""one""#) },
      // It has another name by now, and comes whole; from then on names are not asked for.
      { _ in
        ScriptedResponse(
          headers: [("ETag", #""two""#)], body: Array(Self.bytes[..<5000]), declaredLength: 300_000)
      },
      { Self.answer($0) })
    let sink = try pull(server)
    #expect(sink.bytes == Self.bytes)
    #expect(ranges(server) == [nil, "bytes=1000-", "bytes=2000-", "bytes=5000-"])
    #expect(server.requests.map { $0.header("If-Range") } == [nil, #""one""#, #""one""#, nil])
    let weak = Self.server({ Self.cut($0, after: 1000, tag: #"W/"one""#) }, { Self.answer($0) })
    #expect(try pull(weak).bytes == Self.bytes)
    #expect(weak.requests.allSatisfy { $0.header("If-Range") == nil })
  }

  @Test func `gives up when it does not advance`() throws {
    let server = Self.server {
      Self.cut($0, after: 40_000)
    } _: {
      Self.cut($0, after: 0)
    }
    let error = error { _ = try pull(server, retries: 2) }
    guard case .transport(.cut) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    // The first cut came after bytes, and so does not count.
    #expect(server.requests.count == 3)
  }

  @Test func `begins again when the registry sends the whole`() throws {
    let server = Self.server {
      Self.cut($0, after: 40_000)
    } _: { _ in
      ScriptedResponse(body: Self.bytes)
    }
    let sink = try pull(server)
    #expect(sink.bytes == Self.bytes)
    #expect(sink.restarts == 1)
    #expect(ranges(server) == [nil, "bytes=40000-"])
  }

  @Test func `ends when a registry without ranges always cuts at the same place`() throws {
    let server = Self.server { _ in
      ScriptedResponse(body: Array(Self.bytes[..<40_000]), declaredLength: Self.bytes.count)
    }
    #expect(error { _ = try pull(server, retries: 3) } != nil)
    #expect(server.requests.count == 4)
  }

  @Test(arguments: [
    "bytes 0-299999/300000", "bytes 39999-299999/300000", "bytes 40000-299999/300001", "bytes 40000-300000/*",
    "bytes 40001-299999/300000", "nonsense", "",
  ])
  func `begins again without ranges when it gets another part`(_ range: String) throws {
    let server = Self.server {
      Self.cut($0, after: 40_000)
    } _: { request in
      guard request.header("Range") != nil else { return ScriptedResponse(body: Self.bytes) }
      return ScriptedResponse(206, headers: [("Content-Range", range)], body: Array(Self.bytes[40_000...]))
    }
    let sink = try pull(server)
    #expect(sink.bytes == Self.bytes)
    #expect(sink.restarts == 1)
    #expect(ranges(server) == [nil, "bytes=40000-", nil])
  }

  @Test func `begins again without ranges after 416`() throws {
    let server = Self.server {
      Self.cut($0, after: 40_000)
    } _: { request in
      request.header("Range") == nil ? ScriptedResponse(body: Self.bytes) : ScriptedResponse(416)
    }
    #expect(try pull(server).bytes == Self.bytes)
    #expect(ranges(server) == [nil, "bytes=40000-", nil])
  }

  @Test func `takes parts that are smaller than asked for`() throws {
    let server = Self.server {
      Self.cut($0, after: 40_000)
    } _: { request in
      let start = Int(request.header("Range")?.dropFirst("bytes=".count).dropLast() ?? "") ?? 0
      let end = min(start + 100_000, Self.bytes.count)
      return ScriptedResponse(
        206, headers: [("Content-Range", "bytes \(start)-\(end - 1)/*")], body: Array(Self.bytes[start..<end])
      )
    }
    let sink = try pull(server)
    #expect(sink.bytes == Self.bytes)
    #expect(ranges(server) == [nil, "bytes=40000-", "bytes=140000-", "bytes=240000-"])
  }

  @Test(arguments: [1, 500]) func `ends when next to nothing comes with each part`(_ count: Int) throws {
    let asked = Noted(0)
    let server = Self.server {
      Self.cut($0, after: 40_000)
    } _: { request in
      let number = asked.change { asked in
        asked += 1
        return asked
      }
      let start = Int(request.header("Range")?.dropFirst("bytes=".count).dropLast() ?? "") ?? 0
      return number > 20
        ? ScriptedResponse(404)
        : ScriptedResponse(
          206, headers: [("Content-Range", "bytes \(start)-\(start + count - 1)/\(Self.bytes.count)")],
          body: Array(Self.bytes[start..<start + count]))
    }
    guard case .wrongContent(_, _, _, .short) = error({ _ = try pull(server, retries: 2) }) else {
      Issue.record("not short")
      return
    }
    // Two more than the first, each 500 bytes: together too little as well.
    #expect(server.requests.count == 3)
  }

  @Test func `counts what came with many parts as one`() throws {
    // Each third of them has brought enough.
    let server = Self.server { Self.cut($0, after: 500) }
    var sink = MemoryReceiver(Self.blob, bytes: Array(Self.bytes[..<290_000]))
    try client(server.host, retries: 3).pullBlob(Self.blob, from: "team/app", into: &sink)
    #expect(sink.bytes == Self.bytes)
  }

  /// A part in an encoding that what came before had not is a part of something else.
  @Test func `begins again without ranges when a part comes encoded`() throws {
    let gzip: @Sendable (ScriptedRequest) -> ScriptedResponse = { request in
      let range = ("Content-Range", "bytes 40000-299999/300000")
      return ScriptedResponse(206, headers: [range, ("Content-Encoding", "gzip")], body: [0x1f, 0x8b, 8, 0])
    }
    let server = Self.server(
      { Self.cut($0, after: 40_000) }, gzip, { _ in ScriptedResponse(body: Self.bytes) })
    let sink = try pull(server)
    #expect(sink.bytes == Self.bytes)
    #expect(sink.restarts == 1)
    #expect(ranges(server) == [nil, "bytes=40000-", nil])
    #expect(server.requests.last?.header("Cache-Control") == "no-transform")
    // And where the whole never comes, that is why it could not be resumed.
    let never = Self.server({ Self.cut($0, after: 40_000) }, gzip, { Self.cut($0, after: 40_000) })
    guard case .encodedContent(_, _, _, "gzip") = error({ _ = try pull(never) }) else {
      Issue.record("not named")
      return
    }
  }

  @Test func `is resumed where all that came has the same encoding`() throws {
    let named: @Sendable (ScriptedResponse) -> ScriptedResponse = {
      $0.adding(headers: [("Content-Encoding", "gzip")])
    }
    let server = Self.server({ named(Self.cut($0, after: 40_000)) }, { named(Self.answer($0)) })
    #expect(try pull(server).bytes == Self.bytes)
    #expect(ranges(server) == [nil, "bytes=40000-"])
  }

  @Test func `is whole though the line fails after the last byte`() throws {
    // A chunked body whose end never comes.
    let server = Self.server { _ in
      let head = ScriptedResponse.head(200, [("Transfer-Encoding", "chunked")], length: nil)
      let size = Array((String(Self.bytes.count, radix: 16) + "\r\n").utf8)
      return ScriptedResponse(steps: [.send(head), .send(size), .send(Self.bytes), .close])
    }
    #expect(try pull(server).bytes == Self.bytes)
    #expect(server.requests.count == 1)
  }

  @Test func `fetches wrong content once more, from zero`() throws {
    var wrong = Self.bytes
    wrong[150_000] ^= 1
    let server = Self.server { [wrong] _ in
      ScriptedResponse(body: wrong)
    } _: {
      Self.answer($0)
    }
    let sink = try pull(server)
    #expect(sink.bytes == Self.bytes)
    #expect(sink.restarts == 1)
    #expect(ranges(server) == [nil, nil])
  }

  @Test func `counts the bytes of a second fetch as progress too`() throws {
    var wrong = Self.bytes
    wrong[wrong.count - 1] ^= 1
    // The first fetch came far, and its end was wrong.
    let server = Self.server {
      Self.cut($0, after: 280_000)
    } _: { [wrong] in
      Self.answer($0, bytes: wrong)
    } _: {
      Self.cut($0, after: 40_000)
    }
    #expect(try pull(server, retries: 1).bytes == Self.bytes)
  }

  @Test(arguments: [
    content(300_000, seed: 2), Array(bytes.dropLast()), bytes + [0],
  ])
  func `is an error when the content stays wrong`(_ wrong: [UInt8]) throws {
    let server = Self.server { _ in ScriptedResponse(body: wrong) }
    let error = error { _ = try pull(server) }
    guard case .wrongContent(server.host, "team/app", "\(Self.blob.digest)", let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    switch reason {
    case .mismatch(Self.blob.digest, Digest(of: wrong)): #expect(wrong.count == Self.bytes.count)
    case .short(300_000, 299_999): #expect(wrong.count == 299_999)
    case .long(300_000): #expect(wrong.count == 300_001)
    default: Issue.record("\(reason)")
    }
    #expect(server.requests.count == 2)
  }

  @Test func `never hands over a byte too many`() throws {
    let server = Self.server { _ in
      let head = ScriptedResponse.head(200, [], length: nil)
      return ScriptedResponse(steps: [
        .send(head), .send(Self.bytes), .sendRepeated([7], count: 100_000), .close,
      ])
    }
    var sink = MemoryReceiver(Self.blob)
    let client = try client(server.host)
    guard
      case .wrongContent(_, _, _, .long) = error({
        try client.pullBlob(Self.blob, from: "a", into: &sink)
      })
    else {
      Issue.record("not long")
      return
    }
    #expect(sink.bytes.count <= Self.bytes.count)
  }

  @Test func `waits for an overwhelmed registry as long as its retries allow`() throws {
    let server = Self.server { _ in
      ScriptedResponse(503, headers: [("Retry-After", "0")], text: "busy")
    } _: {
      Self.answer($0)
    }
    #expect(try pull(server).bytes == Self.bytes)
    let always = Self.server { _ in ScriptedResponse(429, headers: [("Retry-After", "0")]) }
    guard case .overwhelmed(_, 429, _) = error({ _ = try pull(always, retries: 2) }) else {
      Issue.record("not overwhelmed")
      return
    }
    #expect(always.requests.count == 3)
  }

  @Test func `says when there is no such blob, at once`() throws {
    let server = Self.server { _ in ScriptedResponse(404, json: #"{"errors":[{"code":"BLOB_UNKNOWN"}]}"#) }
    #expect(
      error { _ = try pull(server) }
        == .blobNotFound(host: server.host, repository: "team/app", digest: Self.blob.digest))
    #expect(server.requests.count == 1)
  }

  @Test func `lets the sink's own error through, and asks no more`() throws {
    struct Full: BlobReceiver {
      var position: Int64 { 0 }
      func write(_ bytes: RawSpan) throws { throw Mishap() }
      func restart() {}
      func check() throws(DigestError) { throw .short(expected: 1, received: 0) }
    }
    let server = Self.server { Self.answer($0) }
    var sink = Full()
    let client = try client(server.host)
    #expect(throws: Mishap.self) { try client.pullBlob(Self.blob, from: "a", into: &sink) }
    #expect(server.requests.count == 1)
  }

  @Test func `refreshes its token in the middle and goes on where it was`() throws {
    let count = Noted(0)
    let realm = TokenRealm { request in
      count.change { count in
        count += 1
        return count == 1 ? Self.cut(request, after: 120_000) : Self.answer(request)
      }
    }
    let cutToken = Noted(false)
    let client = try client(realm.host, .user)
    struct Expiring: BlobReceiver {
      var sink: MemoryReceiver
      let expire: () -> Void
      var position: Int64 { sink.position }
      mutating func write(_ bytes: RawSpan) throws {
        try sink.write(bytes)
        expire()
      }
      mutating func restart() { sink.restart() }
      func check() throws(DigestError) { try sink.check() }
    }
    var sink = Expiring(sink: MemoryReceiver(Self.blob)) {
      let isFirst = cutToken.change { done in
        defer { done = true }
        return !done
      }
      if isFirst { realm.state.change { $0.accepted = [] } }
    }
    try client.pullBlob(Self.blob, from: "team/app", into: &sink)
    #expect(sink.sink.bytes == Self.bytes)
    #expect(sink.sink.restarts == 0)
    let blobs = realm.requests("/v2/team/app/blobs/\(Self.blob.digest)")
    #expect(blobs.map { $0.header("Range") } == [nil, "bytes=120000-", "bytes=120000-"])
    #expect(realm.requests("/token").count == 2)
  }

  @Test func `shows its token to the registry and not to the storage behind it`() throws {
    let storage = ScriptedServer { request in
      request.authorization == nil ? Self.cut(request, after: 200_000) : ScriptedResponse(400)
    }
    let realm = TokenRealm { _ in
      ScriptedResponse(307, headers: [("Location", storage.url("/data?signature=s3cret"))])
    }
    let lines = Noted<[String]>([])
    let client = try client(realm.host, .user, log: { line in lines.change { $0.append(line) } })
    var sink = MemoryReceiver(Self.blob)
    try client.pullBlob(Self.blob, from: "team/app", into: &sink)
    #expect(sink.bytes == Self.bytes)
    // A continuation asks the registry first: the signature may be old.
    #expect(storage.requests.map { $0.header("Range") } == [nil, "bytes=200000-"])
    #expect(storage.requests.allSatisfy { $0.authorization == nil })
    let printed = lines.now.joined(separator: "\n")
    #expect(!printed.isEmpty)
    for secret in ["s3cret", "token-1", "JG9hdXRo"] { #expect(!printed.contains(secret)) }
  }

  @Test func `does not take the storage's 401 for the registry's`() throws {
    let storage = ScriptedServer { _ in
      ScriptedResponse(401, headers: [("WWW-Authenticate", #"Basic realm="r""#)], text: "no")
    }
    let realm = TokenRealm { _ in ScriptedResponse(307, headers: [("Location", storage.url("/data?k=v"))]) }
    var sink = MemoryReceiver(Self.blob)
    let client = try client(realm.host, .user)
    guard
      case .refused(let url, 401, _) = error({ try client.pullBlob(Self.blob, from: "a", into: &sink) })
    else {
      Issue.record("not refused")
      return
    }
    #expect(url.hasSuffix("/data?k=…"))
    #expect(storage.requests.count == 1)
    #expect(storage.requests.allSatisfy { $0.authorization == nil })
  }
}
