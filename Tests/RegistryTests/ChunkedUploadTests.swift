import Digests
import Foundation
import Images
import Registry
import TestSupport
import Testing
import Transport

@Suite(.waiting) struct `A push in chunks` {
  static let bytes = content(1_000_000)
  static let blob = descriptor(of: bytes)
  static let size = bytes.count
  /// What came in pieces is there when the registry says so of the whole.
  static let question = "HEAD \(blob.digest)"

  /// A client that sends more than 100 kB in chunks of 300 kB.
  static func client(
    _ host: String, retries: Int = 2, chunk: Int64 = 300_000, uploadHosts: Set<String> = []
  ) throws -> RegistryClient {
    var configuration = RegistryConfiguration(plainHTTP: true)
    configuration.uploadHosts = uploadHosts
    configuration.uploads.wholeLimit = 100_000
    configuration.uploads.firstChunk = chunk
    configuration.uploads.smallestChunk = chunk
    configuration.uploads.largestChunk = chunk
    return RegistryClient(
      host: host, configuration: configuration,
      http: try HTTPClient(TransportOptions(retries: retries, backoff: .milliseconds(1))))
  }

  func push(
    _ host: String, _ source: some BlobSource = MemorySource(bytes: bytes), retries: Int = 2,
    chunk: Int64 = 300_000, log: MemoryLog? = nil
  ) throws -> BlobPush {
    try Self.client(host, retries: retries, chunk: chunk).pushBlob(
      Self.blob, to: "team/app", mountingFrom: nil, from: source, log: log)
  }

  func ranges(_ registry: ScriptedUploads) -> [String?] {
    registry.server.requests.filter { $0.method == "PATCH" }.map { $0.header("Content-Range") }
  }

  static let allRanges = ["0-299999", "300000-599999", "600000-899999", "900000-999999"]

  @Test func `acknowledges each, and closes with an empty PUT`() throws {
    let registry = ScriptedUploads()
    let log = MemoryLog()
    #expect(try push(registry.host, log: log) == .uploaded(Proof(of: Self.bytes)))
    #expect(
      registry.steps == ["POST uploads", "PATCH 1", "PATCH 1", "PATCH 1", "PATCH 1", "PUT 1", Self.question])
    #expect(ranges(registry) == Self.allRanges)
    #expect(registry.server.requests.last { $0.method == "PUT" }?.bodyLength == 0)
    #expect(registry.server.requests[2].query == "state=c")
    #expect(registry.state.now.committed["\(Self.blob.digest)"] == Self.bytes)
    #expect(
      log.entries.now
        == [
          .acknowledged(0), .acknowledged(300_000), .acknowledged(600_000), .acknowledged(900_000),
          .acknowledged(1_000_000), .closed,
        ])
  }

  @Test func `is of pieces as large as the registry wants`() throws {
    let registry = ScriptedUploads(openingWith: [("OCI-Chunk-Min-Length", "400000")])
    #expect(try push(registry.host) == .uploaded(Proof(of: Self.bytes)))
    #expect(ranges(registry) == ["0-399999", "400000-799999", "800000-999999"])
  }

  @Test(arguments: ["9223372036854775807", "1000001", "-5", "nonsense"])
  func `survives an absurd smallest chunk`(_ length: String) throws {
    let registry = ScriptedUploads(openingWith: [("OCI-Chunk-Min-Length", length)])
    #expect(try push(registry.host) == .uploaded(Proof(of: Self.bytes)))
  }

  @Test func `goes on after a cut line from what was acknowledged`() throws {
    let registry = ScriptedUploads { request, number in
      number == 2 && request.method == "PATCH" ? .reset : nil
    }
    #expect(try push(registry.host) == .uploaded(Proof(of: Self.bytes)))
    #expect(
      registry.steps
        == [
          "POST uploads", "PATCH 1", "PATCH 1", "GET 1", "PATCH 1", "PATCH 1", "PATCH 1", "PUT 1",
          Self.question,
        ])
    #expect(ranges(registry) == [Self.allRanges[0], Self.allRanges[1]] + Self.allRanges[1...])
    // The status says where it goes on.
    #expect(registry.server.requests[4].query == "state=d")
  }

  @Test func `goes on from what the registry kept of a cut chunk`() throws {
    let state = Noted<Noted<ScriptedUploads.State>?>(nil)
    let registry = ScriptedUploads { request, number in
      guard number == 2 else { return nil }
      state.now?.change { $0.bodies[request.path, default: []] += request.body[..<123_456] }
      return .silence
    }
    state.change { $0 = registry.state }
    let log = MemoryLog()
    #expect(try push(registry.host, log: log) == .uploaded(Proof(of: Self.bytes)))
    #expect(
      ranges(registry) == ["0-299999", "300000-599999", "423456-723455", "723456-999999"])
    #expect(log.entries.now.contains(.acknowledged(423_456)))
  }

  @Test func `asks how far it is after 416`() throws {
    let state = Noted<Noted<ScriptedUploads.State>?>(nil)
    let registry = ScriptedUploads { request, number in
      // The registry took the second chunk, and its answer was lost on the way to somebody else.
      if number == 2 { state.now?.change { $0.bodies[request.path, default: []] += request.body } }
      return nil
    }
    state.change { $0 = registry.state }
    #expect(try push(registry.host) == .uploaded(Proof(of: Self.bytes)))
    #expect(registry.steps.filter { $0 == "GET 1" }.count == 1)
    #expect(registry.state.now.committed["\(Self.blob.digest)"] == Self.bytes)
  }

  @Test func `sends again what was not acknowledged of a chunk`() throws {
    let state = Noted<Noted<ScriptedUploads.State>?>(nil)
    let registry = ScriptedUploads { request, number in
      guard number == 1 else { return nil }
      state.now?.change { $0.bodies[request.path, default: []] += request.body[..<200_000] }
      return ScriptedResponse(202, headers: [("Range", "0-199999")])
    }
    state.change { $0 = registry.state }
    #expect(try push(registry.host) == .uploaded(Proof(of: Self.bytes)))
    #expect(ranges(registry)[1] == "200000-499999")
  }

  @Test func `takes the answer for a yes where it names no sensible range`() throws {
    let plain = ScriptedServer { request in
      switch request.method {
      case "POST": ScriptedResponse(202, headers: [("Location", "/v2/team/app/blobs/uploads/1")])
      case "PATCH": ScriptedResponse(202, headers: [("Range", "bytes 7/8")])
      case "HEAD": .headOnly(length: Self.size)
      default: ScriptedResponse(201)
      }
    }
    #expect(try push(plain.host) == .uploaded(Proof(of: Self.bytes)))
    #expect(
      plain.requests.filter { $0.method == "PATCH" }.map { $0.header("Content-Range") } == Self.allRanges)
  }

  @Test(arguments: [400, 404, 405, 411, 416, 501])
  func `gives way to one PUT where it is refused, and remembers`(_ status: Int) throws {
    let registry = ScriptedUploads { request, _ in
      request.method == "PATCH" ? ScriptedResponse(status, text: "unsupported") : nil
    }
    let client = try Self.client(registry.host)
    for _ in 0..<2 {
      let push = try client.pushBlob(
        Self.blob, to: "team/app", mountingFrom: nil, from: MemorySource(bytes: Self.bytes))
      #expect(push == .uploaded(Proof(of: Self.bytes)))
    }
    #expect(
      registry.steps
        == [
          "POST uploads", "PATCH 1", "DELETE 1", "POST uploads", "PUT 2", Self.question, "POST uploads",
          "PUT 3",
          Self.question,
        ])
  }

  @Test func `ends where neither way is taken`() throws {
    let registry = ScriptedUploads { request, _ in
      ["PATCH", "PUT"].contains(request.method) ? ScriptedResponse(405) : nil
    }
    guard case .writeRefused(_, 405, _) = error({ _ = try push(registry.host) }) else {
      Issue.record("not refused")
      return
    }
    #expect(registry.steps == ["POST uploads", "PATCH 1", "DELETE 1", "POST uploads", "PUT 2", "DELETE 2"])
  }

  @Test func `begins again where the registry has lost it`() throws {
    let state = Noted<Noted<ScriptedUploads.State>?>(nil)
    let registry = ScriptedUploads { request, number in
      if number == 3 { state.now?.change { $0.bodies = [:] } }
      return nil
    }
    state.change { $0 = registry.state }
    #expect(try push(registry.host) == .uploaded(Proof(of: Self.bytes)))
    #expect(registry.state.now.opened == 2)
  }

  @Test func `ends as long as it advances, and not when it does not`() throws {
    // Every second chunk is cut.
    let chunks = Noted(0)
    let registry = ScriptedUploads { request, _ in
      guard request.method == "PATCH" else { return nil }
      let number = chunks.change { count in
        defer { count += 1 }
        return count
      }
      return number.isMultiple(of: 2) ? .reset : nil
    }
    #expect(try push(registry.host, retries: 1, chunk: 50_000) == .uploaded(Proof(of: Self.bytes)))
    #expect(registry.steps.filter { $0.hasPrefix("POST") }.count == 1)
    let dead = ScriptedUploads { request, number in
      request.method == "PATCH" && number > 3 ? .reset : nil
    }
    let log = MemoryLog()
    guard case .transport(.reset) = error({ _ = try push(dead.host, retries: 3, log: log) }) else {
      Issue.record("not ended")
      return
    }
    #expect(dead.steps.filter { $0.hasPrefix("PATCH") }.count == 3 + 4)
    // It stays open, for another run.
    #expect(log.open.now?.offset == 900_000)
    #expect(!dead.steps.contains { $0.hasPrefix("DELETE") })
  }

  @Test func `of an earlier run goes on from what the registry has`() throws {
    let registry = ScriptedUploads()
    let path = "/v2/team/app/blobs/uploads/7"
    registry.state.change { $0.bodies[path] = Array(Self.bytes[..<654_321]) }
    let location = try HTTPURL("http://\(registry.host)\(path)?state=old")
    // The registry may have more than it had acknowledged.
    let log = MemoryLog(OpenUpload(location: location, offset: 600_000))
    #expect(try push(registry.host, log: log) == .uploaded(Proof(of: Self.bytes)))
    #expect(registry.steps == ["GET 7", "PATCH 7", "PATCH 7", "PUT 7", Self.question])
    #expect(ranges(registry) == ["654321-954320", "954321-999999"])
    #expect(
      log.entries.now
        == [
          .continues(654_321), .acknowledged(654_321), .acknowledged(954_321), .acknowledged(1_000_000),
          .closed,
        ])
    #expect(registry.state.now.committed["\(Self.blob.digest)"] == Self.bytes)
  }

  @Test func `of an earlier run that lacks nothing is closed`() throws {
    let registry = ScriptedUploads()
    let path = "/v2/team/app/blobs/uploads/7"
    registry.state.change { $0.bodies[path] = Self.bytes }
    let log = MemoryLog(
      OpenUpload(location: try HTTPURL("http://\(registry.host)\(path)"), offset: 900_000))
    #expect(try push(registry.host, log: log) == .uploaded(Proof(of: Self.bytes)))
    #expect(registry.steps == ["GET 7", "PUT 7", Self.question])
  }

  @Test func `of an earlier run that is lost begins again`() throws {
    let registry = ScriptedUploads()
    let location = try HTTPURL("http://\(registry.host)/v2/team/app/blobs/uploads/7")
    let log = MemoryLog(OpenUpload(location: location, offset: 600_000))
    #expect(try push(registry.host, log: log) == .uploaded(Proof(of: Self.bytes)))
    #expect(registry.steps.prefix(3) == ["GET 7", "POST uploads", "PATCH 1"])
    #expect(log.entries.now.first == .closed)
  }

  @Test func `of an earlier run begins again, once, where the registry holds other bytes`() throws {
    let registry = ScriptedUploads()
    let path = "/v2/team/app/blobs/uploads/7"
    registry.state.change { $0.bodies[path] = content(654_321, seed: 9) }
    let log = MemoryLog(
      OpenUpload(location: try HTTPURL("http://\(registry.host)\(path)"), offset: 600_000))
    #expect(try push(registry.host, log: log) == .uploaded(Proof(of: Self.bytes)))
    #expect(registry.steps.contains("DELETE 7"))
    #expect(ranges(registry).suffix(4) == (Self.allRanges as [String?])[...])
  }

  @Test(arguments: [
    "http://169.254.169.254/u", "http://192.168.1.1/u", "http://user:pw@127.0.0.1/u",
  ])
  func `goes to no unsound place that a log names`(_ place: String) throws {
    let registry = ScriptedUploads()
    let log = MemoryLog(OpenUpload(location: try HTTPURL(place), offset: 600_000))
    #expect(try push(registry.host, log: log) == .uploaded(Proof(of: Self.bytes)))
    #expect(registry.steps.first == "POST uploads")
  }

  @Test(arguments: ["0-1000000", "0-9223372036854775807", "5-10", "0-", "nonsense"])
  func `trusts no status that cannot be`(_ range: String) throws {
    let registry = ScriptedUploads { request, _ in
      request.method == "GET" ? ScriptedResponse(204, headers: [("Range", range)]) : nil
    }
    let log = MemoryLog(
      OpenUpload(location: try HTTPURL("http://\(registry.host)/v2/team/app/blobs/uploads/7"), offset: 6))
    #expect(try push(registry.host, log: log) == .uploaded(Proof(of: Self.bytes)))
    #expect(ranges(registry) == Self.allRanges)
  }

  @Test(arguments: [0, 450_000, 999_999]) func `never lets wrong content arrive whole`(_ place: Int) throws {
    var wrong = Self.bytes
    wrong[place] ^= 1
    let registry = ScriptedUploads()
    let log = MemoryLog()
    guard case .wrongContent = error({ _ = try push(registry.host, MemorySource(bytes: wrong), log: log) })
    else {
      Issue.record("not refused")
      return
    }
    #expect(registry.server.waitForRequests(6))
    #expect(registry.state.now.cancelled == ["/v2/team/app/blobs/uploads/1"])
    #expect(registry.state.now.committed.isEmpty)
    #expect(registry.server.requests.reduce(0) { $0 + $1.bodyLength } < Self.size)
    #expect(log.open.now == nil)
  }

  @Test func `ends its running chunk when it is cancelled, and stays open`() async throws {
    // The chunk has a second and a half to end; where the machine stood still for as long: once more.
    var (offset, steps): (Int64?, [String]) = (nil, [])
    for _ in 0..<20 where offset != 600_000 { (offset, steps) = try await cancelInSecondChunk() }
    #expect(offset == 600_000)
    #expect(steps == ["POST uploads", "PATCH 1", "PATCH 1"])
  }

  private func cancelInSecondChunk() async throws -> (offset: Int64?, steps: [String]) {
    let running = Noted<Task<BlobPush, any Error>?>(nil)
    let isSet = Gate()
    let registry = ScriptedUploads { request, number in
      if number == 2 {
        isSet.wait()
        running.now?.cancel()
        // A registry that takes its time: the chunk is not answered before its end has to be wanted.
        usleep(300_000)
      }
      return nil
    }
    let log = MemoryLog()
    let client = try Self.client(registry.host)
    let task = Task.detached {
      try client.pushBlob(
        Self.blob, to: "team/app", mountingFrom: nil, from: MemorySource(bytes: Self.bytes), log: log)
    }
    running.change { $0 = task }
    isSet.open()
    await #expect(throws: RegistryError.transport(.cancelled)) { try await task.value }
    return (log.open.now?.offset, registry.steps)
  }
}
