import Foundation
import Synchronization
import TestSupport
import Testing

/// Registries refuse what an upload's pieces are, each in its own way and some only at the close. Each refusal is
/// answered with another way, once.
@Suite(.waiting) struct `An upload that is refused as it is cut` {
  /// What registries are seen to want of an upload's pieces.
  enum Habit: String, CaseIterable, CustomTestStringConvertible {
    /// ECR: every piece but the last has 5 MiB at least, which is found out at the close.
    case leastPieceAtTheClose
    /// GHCR: a PATCH of more than 4 MiB is answered 416.
    case rangeAboveFourMiB
    /// ACR: a request of more than 20 MB is answered 413.
    case tooLargeAboveTwentyMB
    /// A proxy that ends the connection at its limit instead of saying 413.
    case resetAboveTenMiB
    /// A proxy that answers 502 at its limit.
    case badGatewayAboveTenMiB
    /// No PATCH at all.
    case wholeOnly
    /// The first close of every upload is answered 400, a second upload as one piece is taken.
    case oneRequestAtTheClose
    /// The close of an upload in pieces is answered 404, as if nobody knew it.
    case unknownAtTheClose
    /// The close of an upload in pieces is answered 500.
    case failureAtTheClose
    /// Every PATCH is answered 500.
    case failureAtThePatch
    /// Nexus, Artifactory: the close with an empty body is answered 411.
    case emptyClose

    var testDescription: String { rawValue }
  }

  private final class Pieces: Sendable {
    let habit: Habit
    private let state = Mutex<[String: [Int]]>([:])
    let sent = Mutex(0)

    init(_ habit: Habit) { self.habit = habit }

    func answer(_ request: ScriptedRequest) -> ScriptedResponse? {
      guard request.path.contains("/blobs/uploads/"), ["PATCH", "PUT"].contains(request.method) else {
        return nil
      }
      let size = request.bodyLength
      sent.withLock { $0 += size }
      let pieces = state.withLock { state in
        if request.method == "PATCH" { state[request.path, default: []].append(size) }
        return state[request.path] ?? []
      }
      let mebibyte = 1 << 20
      switch habit {
      case .leastPieceAtTheClose:
        let short = size > 0 ? pieces : Array(pieces.dropLast())
        return request.method == "PUT" && short.contains { $0 < 5 * mebibyte }
          ? ScriptedResponse(
            400,
            json:
              #"{"errors":[{"code":"DIGEST_INVALID","message":"layer part size 4194304 is smaller than the minimum 5242880"}]}"#
          ) : nil
      case .rangeAboveFourMiB:
        return request.method == "PATCH" && size > 4 * mebibyte ? ScriptedResponse(416) : nil
      case .tooLargeAboveTwentyMB: return size > 20_000_000 ? ScriptedResponse(413) : nil
      case .resetAboveTenMiB: return size > 10 * mebibyte ? .reset : nil
      case .badGatewayAboveTenMiB: return size > 10 * mebibyte ? ScriptedResponse(502) : nil
      case .wholeOnly: return request.method == "PATCH" ? ScriptedResponse(405) : nil
      case .oneRequestAtTheClose:
        return request.method == "PUT" && !pieces.isEmpty
          ? ScriptedResponse(400, json: #"{"errors":[{"code":"BLOB_UPLOAD_INVALID"}]}"#) : nil
      case .unknownAtTheClose:
        return request.method == "PUT" && !pieces.isEmpty
          ? ScriptedResponse(404, json: #"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}"#) : nil
      case .failureAtTheClose:
        return request.method == "PUT" && !pieces.isEmpty ? ScriptedResponse(500) : nil
      case .failureAtThePatch: return request.method == "PATCH" ? ScriptedResponse(500) : nil
      case .emptyClose: return request.method == "PUT" && size == 0 ? ScriptedResponse(411) : nil
      }
    }
  }

  private static let layer = [UInt8](repeating: 5, count: 42 << 20)
  private static let secondLayer = [UInt8](repeating: 6, count: 42 << 20)

  private static let archive = Result {
    let registry = ScriptedRegistry()
    registry.add(image: [layer], to: "old/large", tag: "1")
    registry.add(image: [layer, secondLayer], to: "old/large", tag: "2")
    let ferry = try FerryProcess()
    return try ["1", "2"].map { tag in
      let name = registry.reference("old/large:\(tag)")
      try ferry.run(["export", "--plain-http", name, "-o", "\(tag).tar"], exits: 0)
      return try Data(contentsOf: URL(fileURLWithPath: ferry.file("\(tag).tar")))
    }
  }

  @Test(arguments: Habit.allCases, [0, 2]) func `arrives another way`(_ habit: Habit, _ retries: Int) throws {
    let ferry = try FerryProcess()
    try Self.archive.get()[0].write(to: URL(fileURLWithPath: ferry.file("a.tar")))
    let pieces = Pieces(habit)
    let registry = ScriptedRegistry(keepsUploads: false) { pieces.answer($0) }
    try ferry.run(
      ["import", "a.tar", "--to", "\(registry.host)/new", "--plain-http", "--retries", "\(retries)"],
      exits: 0)
    #expect(registry.tags == ["new/large:1"])
    // What was refused was sent for nothing, but not again and again.
    let sent = pieces.sent.withLock { $0 }
    #expect(sent < Self.layer.count * 5 / 2, "\(sent) bytes for a layer of \(Self.layer.count)")
  }

  @Test(arguments: Habit.allCases) func `teaches the next one`(_ habit: Habit) throws {
    let ferry = try FerryProcess()
    try Self.archive.get()[1].write(to: URL(fileURLWithPath: ferry.file("a.tar")))
    let pieces = Pieces(habit)
    let registry = ScriptedRegistry(keepsUploads: false) { pieces.answer($0) }
    try ferry.run(
      [
        "import", "a.tar", "--to", "\(registry.host)/new", "--plain-http", "--retries", "2", "--jobs", "1",
      ], exits: 0)
    #expect(registry.tags == ["new/large:2"])
    let sent = pieces.sent.withLock { $0 }
    #expect(sent < Self.layer.count * 5 / 2 + Self.secondLayer.count + 1 << 20, "\(sent) bytes for two")
  }

  @Test func `keeps pieces at 5 MiB or more on a slow line`() throws {
    let ferry = try FerryProcess()
    try Self.archive.get()[0].write(to: URL(fileURLWithPath: ferry.file("a.tar")))
    let pieces = Pieces(.leastPieceAtTheClose)
    let registry = ScriptedRegistry(keepsUploads: false) { pieces.answer($0) }
    try ferry.run(
      [
        "import", "a.tar", "--to", "\(registry.host)/new", "--plain-http", "--retries", "2", "--limit-rate",
        "4M",
      ], exits: 0)
    #expect(pieces.sent.withLock { $0 } < Self.layer.count + (1 << 20))
  }

  /// nginx before distribution, which keeps what it is sent before it passes it on, or does not.
  @Test(arguments: [("1m", 4), ("10m", 1)], ["on", "off"])
  func `is cut to what nginx lets through, and found out once`(
    _ limit: (size: String, refusals: Int), _ buffering: String
  ) throws {
    let ferry = try FerryProcess()
    try Self.archive.get()[1].write(to: URL(fileURLWithPath: ferry.file("a.tar")))
    let registry = try RegistryProcess()
    let proxy = try NginxProcess(
      before: registry.host,
      directives: """
        location ~ /blobs/uploads/ {
          client_max_body_size \(limit.size); lingering_timeout 300s; lingering_time 300s;
          proxy_pass http://\(registry.host); proxy_http_version 1.1; proxy_request_buffering \(buffering);
          proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto https;
        }
        """)
    try ferry.run(
      [
        "import", "a.tar", "--to", "\(proxy.host)/new", "--ca-file", CertificateAuthority.shared().file,
        "--jobs", "1",
      ], exits: 0)
    proxy.stop()
    let statuses = proxy.requests.filter { ["PUT", "PATCH"].contains($0.method) }.map(\.status)
    #expect(statuses.count { $0 == 413 } == limit.refusals)
    for layer in [Self.layer, Self.secondLayer] {
      #expect(registry.storage.bytes(of: BlobDigest.of(layer)) == layer)
    }
  }

  /// A proxy that breaks off what is longer than it takes, before distribution, which then forgets the upload.
  @Test func `is cut to what a proxy without words lets through`() throws {
    let ferry = try FerryProcess()
    try Self.archive.get()[1].write(to: URL(fileURLWithPath: ferry.file("a.tar")))
    let registry = try RegistryProcess()
    let limit = 10 << 20
    let gateway = FaultGateway(
      before: registry.host,
      faults: [.always(.resetRequest(after: limit), on: .pushedBytes.carrying(atLeast: limit + 1))])
    try ferry.run(
      [
        "import", "a.tar", "--to", "\(gateway.host)/new", "--plain-http", "--jobs", "1", "--retries", "2",
      ], exits: 0)
    #expect(gateway.received < Self.layer.count + Self.secondLayer.count + 2 * limit + 1 << 20)
    #expect(registry.storage.bytes(of: BlobDigest.of(Self.secondLayer)) == Self.secondLayer)
  }

  /// konk#626, harbor#17097: every blob was acknowledged, and the manifest's answer says that one is not there.
  @Test(arguments: [true, false]) func `and whose blob is gone at the manifest is sent again`(_ names: Bool)
    throws
  {
    let source = ScriptedRegistry()
    source.add(image: [[1, 2, 3], [4, 5, 6]], to: "old/app", tag: "1")
    let ferry = try FerryProcess()
    try ferry.export([source.reference("old/app:1")], to: "a.tar")
    let lost = BlobDigest.of([1, 2, 3])
    let state = Mutex((refused: false, uploads: 0))
    let registry = ScriptedRegistry { request in
      state.withLock { state in
        if request.method == "PUT", request.query?.contains(lost.dropFirst(7)) == true { state.uploads += 1 }
        let isLost = state.uploads < 2
        if request.path.contains(lost), request.method == "HEAD" || request.method == "GET" {
          return isLost && state.refused ? ScriptedResponse(404) : nil
        }
        guard request.method == "PUT", request.path.contains("/manifests/"), isLost else { return nil }
        state.refused = true
        let detail = names ? #","detail":{"digest":"\#(lost)"}"# : ""
        return ScriptedResponse(
          404, json: #"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown"\#(detail)}]}"#)
      }
    }
    try ferry.run(
      ["import", "a.tar", "--to", "\(registry.host)/new", "--plain-http", "--retries", "0"], exits: 0)
    #expect(registry.tags == ["new/app:1"])
    #expect(state.withLock { $0.uploads } == 2)
  }

  /// What the registry says of it each time: HEAD may know a blob that the manifest's answer does not.
  @Test(arguments: ["BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"], [400, 404])
  func `and whose blob only HEAD knows is sent again where the answer names it`(_ code: String, _ status: Int)
    throws
  {
    let source = ScriptedRegistry()
    source.add(image: [[1, 2, 3], [4, 5, 6]], to: "old/app", tag: "1")
    let ferry = try FerryProcess()
    try ferry.export([source.reference("old/app:1")], to: "a.tar")
    let lost = BlobDigest.of([1, 2, 3])
    let uploads = Mutex(0)
    let registry = ScriptedRegistry { request in
      uploads.withLock { uploads in
        if request.method == "PUT", request.query?.contains(lost.dropFirst(7)) == true { uploads += 1 }
        guard request.method == "PUT", request.path.contains("/manifests/"), uploads < 2 else { return nil }
        return ScriptedResponse(status, json: #"{"errors":[{"code":"\#(code)","detail":"\#(lost)"}]}"#)
      }
    }
    try ferry.run(
      ["import", "a.tar", "--to", "\(registry.host)/new", "--plain-http", "--retries", "0"], exits: 0)
    #expect(registry.tags == ["new/app:1"])
    #expect(uploads.withLock { $0 } == 2)
  }

  @Test func `and whose blob never is there ends, after a few more`() throws {
    let source = ScriptedRegistry()
    source.add(image: [[1, 2, 3]], to: "old/app", tag: "1")
    let ferry = try FerryProcess()
    try ferry.export([source.reference("old/app:1")], to: "a.tar")
    let registry = ScriptedRegistry { request in
      guard request.method == "PUT", request.path.contains("/manifests/") else { return nil }
      return ScriptedResponse(
        400,
        json:
          #"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","detail":"\#(BlobDigest.of([1, 2, 3]))"}]}"#)
    }
    try ferry.run(
      ["import", "a.tar", "--to", "\(registry.host)/new", "--plain-http", "--retries", "0"], exits: 13
    ).complains("MANIFEST_BLOB_UNKNOWN")
    #expect(registry.tags == [])
    #expect(registry.server.lines.count { $0.hasPrefix("PUT") && $0.contains("/manifests/") } == 4)
    #expect(registry.server.lines.count { $0.hasPrefix("POST") } < 8)
  }

  /// An index whose child the registry has lost since it was stored.
  @Test func `and whose child manifest is gone is put again`() throws {
    let source = ScriptedRegistry()
    let child = source.add(image: [[1, 2, 3]], to: "old/app", tag: "child")
    let index = "application/vnd.oci.image.index.v1+json"
    source.add(
      manifest: #"{"schemaVersion":2,"mediaType":"\#(index)","manifests":[{"mediaType":"#
        + #""application/vnd.oci.image.manifest.v1+json","digest":"\#(child)","size":\#(source.size(of: child)),"#
        + #""platform":{"os":"linux","architecture":"amd64"}}]}"#, as: index, to: "old/app", tag: "1")
    let ferry = try FerryProcess()
    try ferry.export([source.reference("old/app:1")], to: "a.tar")
    let state = Mutex((isLost: false, stored: 0))
    let registry = ScriptedRegistry { request in
      state.withLock { state in
        let isChild = request.path.hasSuffix("/manifests/\(child)")
        if request.method == "PUT", isChild { state = (false, state.stored + 1) }
        if request.method != "PUT", isChild, state.isLost { return ScriptedResponse(404) }
        guard request.method == "PUT", request.path.hasSuffix("/manifests/1"), state.stored < 2 else {
          return nil
        }
        state.isLost = true
        return ScriptedResponse(404, json: #"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#)
      }
    }
    try ferry.run(
      ["import", "a.tar", "--to", "\(registry.host)/new", "--plain-http", "--retries", "0"], exits: 0)
    #expect(registry.tags == ["new/app:1"] && state.withLock { $0.stored } == 2)
  }

  /// Issue 11 of the same kind: an answer that does not come is asked about.
  @Test(arguments: [0, 2], [false, true])
  func `or taken without an answer is asked about`(_ retries: Int, _ isLarge: Bool) throws {
    let ferry = try FerryProcess()
    let gate = Gate()
    let source = ScriptedRegistry()
    source.add(image: [[1, 2, 3]], to: "old/small", tag: "1")
    if isLarge {
      try Self.archive.get()[0].write(to: URL(fileURLWithPath: ferry.file("a.tar")))
    } else {
      try ferry.export([source.reference("old/small:1")], to: "a.tar")
    }
    let inner = Mutex<ScriptedRegistry?>(nil)
    let stalled = Mutex(0)
    let registry = ScriptedRegistry(keepsUploads: false) { request in
      guard request.method == "PUT", request.path.contains("/blobs/uploads/"),
        stalled.withLock({ count in
          count += 1
          return count == 1
        })
      else { return nil }
      // It has the blob, and does not say so.
      var answer = inner.withLock { $0?.answer(request) } ?? ScriptedResponse(201)
      answer.steps.insert(.stall(gate), at: 0)
      return answer
    }
    inner.withLock { $0 = registry }
    defer {
      gate.open()
      inner.withLock { $0 = nil }
    }
    try ferry.run(
      [
        "import", "a.tar", "--to", "\(registry.host)/new", "--plain-http", "--retries", "\(retries)",
        "--stall-timeout", "1", "--jobs", "1",
      ], exits: 0)
    #expect(registry.tags.count == 1)
    // Each blob was closed once.
    #expect(registry.server.lines.count { $0.hasPrefix("PUT") && $0.contains("/uploads/") } == 2)
  }
}
