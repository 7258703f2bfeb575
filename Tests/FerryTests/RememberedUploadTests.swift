import Foundation
import Synchronization
import TestSupport
import Testing

/// An import's journal remembers where an upload was. What the registry says of it now is what counts, and where it
/// says nothing of use the blob is uploaded anew (skopeo#2055, distribution#2572).
@Suite(.waiting) struct `A remembered upload` {
  enum Fate: String, CaseIterable {
    case gone, brokenServer, overloaded, forbidden, unauthorized, tooMany, bad, silent, reset, stalled,
      garbage
    case moved, movedInCircles, beyondItsEnd, backwards, withoutRange, elsewhere, methodNotAllowed, page
  }

  private static func answer(_ fate: Fate, _ request: ScriptedRequest, _ gate: Gate) -> ScriptedResponse {
    switch fate {
    case .gone: ScriptedResponse(404, json: #"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}"#)
    case .brokenServer: ScriptedResponse(500)
    case .overloaded: ScriptedResponse(503)
    case .forbidden: ScriptedResponse(403, json: #"{"errors":[{"code":"DENIED"}]}"#)
    case .unauthorized: ScriptedResponse(401, json: #"{"errors":[{"code":"UNAUTHORIZED"}]}"#)
    case .tooMany: ScriptedResponse(429)
    case .bad: ScriptedResponse(400)
    case .silent: .silence
    case .reset: .reset
    case .stalled: .stall(gate)
    case .garbage: .garbage("220 mail.example ESMTP\r\n")
    case .moved: ScriptedResponse(307, headers: [("Location", "http://127.0.0.1:9/elsewhere")])
    case .movedInCircles: ScriptedResponse(307, headers: [("Location", request.target)])
    case .beyondItsEnd: ScriptedResponse(204, headers: [("Range", "0-99999999999")])
    case .backwards: ScriptedResponse(204, headers: [("Range", "9-3")])
    case .withoutRange: ScriptedResponse(204)
    case .elsewhere: ScriptedResponse(204, headers: [("Location", "http://127.0.0.1:9/x"), ("Range", "0-5")])
    case .methodNotAllowed: ScriptedResponse(405)
    case .page: ScriptedResponse(200, text: "<html>It works!</html>")
    }
  }

  @Test(arguments: Fate.allCases) func `that is of no use is forgotten`(_ fate: Fate) throws {
    let gate = Gate()
    let registry = ScriptedRegistry(keepsUploads: false) { request in
      request.path.hasSuffix("/dead") ? Self.answer(fate, request, gate) : nil
    }
    defer { gate.open() }
    let (ferry, journal) = try remembering(registry)
    try ferry.run(Self.arguments(registry, retries: 0), exits: 0)
    #expect(registry.server.lines.contains { $0.hasSuffix("/dead") }, "it was asked about")
    #expect(registry.tags == ["new/large:1"])
    #expect(!FileManager.default.fileExists(atPath: journal))
  }

  /// It answers for the upload, and takes nothing more of it.
  @Test(
    arguments: Fate.allCases.filter {
      ![.withoutRange, .backwards, .beyondItsEnd, .elsewhere, .page].contains($0)
    }, [0, 2])
  func `that takes no more is forgotten`(_ fate: Fate, _ retries: Int) throws {
    let gate = Gate()
    let registry = ScriptedRegistry(keepsUploads: false) { request in
      guard request.path.hasSuffix("/dead") else { return nil }
      return request.method == "GET"
        ? ScriptedResponse(204, headers: [("Range", "0-16777215")]) : Self.answer(fate, request, gate)
    }
    defer { gate.open() }
    let (ferry, journal) = try remembering(registry)
    let result = try ferry.run(Self.arguments(registry, retries: retries), exits: 0)
    #expect(registry.server.lines.contains { $0.hasPrefix("PATCH") && $0.hasSuffix("/dead") })
    // All of it was sent, whatever the earlier run had brought over.
    result.complains("33.0 MiB uploaded")
    #expect(registry.tags == ["new/large:1"])
    #expect(!FileManager.default.fileExists(atPath: journal))
  }

  /// What the earlier run had sent in full, and the registry refuses to close.
  @Test(arguments: [400, 401, 403, 404, 405, 409, 416, 500, 503])
  func `that is refused at its close is forgotten`(_ status: Int) throws {
    let registry = ScriptedRegistry(keepsUploads: false) { request in
      guard request.path.hasSuffix("/dead") else { return nil }
      return request.method == "GET"
        ? ScriptedResponse(204, headers: [("Range", "0-\(LargeLayer.layer.count - 1)")])
        : ScriptedResponse(status)
    }
    let (ferry, journal) = try remembering(registry)
    try ferry.run(Self.arguments(registry, retries: 0), exits: 0)
    #expect(registry.tags == ["new/large:1"])
    #expect(!FileManager.default.fileExists(atPath: journal))
  }

  /// An outage says nothing of the upload: it is there for the next run.
  @Test(arguments: [Fate.brokenServer, .silent, .reset, .garbage, .unauthorized])
  func `outlasts an outage of the whole registry`(_ fate: Fate) throws {
    let isOut = Mutex(true)
    let gate = Gate()
    let registry = ScriptedRegistry(keepsUploads: false) { request in
      let isUpload = request.path.contains("/blobs/uploads/")
      if isUpload, isOut.withLock({ $0 }) { return Self.answer(fate, request, gate) }
      guard request.path.hasSuffix("/dead"), request.method == "GET" else { return nil }
      return ScriptedResponse(204, headers: [("Range", "0-16777215")])
    }
    let (ferry, journal) = try remembering(registry)
    try ferry.run(
      Self.arguments(registry, retries: 1), exits: fate == .unauthorized ? 10 : 13)
    #expect(registry.tags == [])
    #expect(try String(contentsOfFile: journal, encoding: .utf8).contains("/dead"))
    isOut.withLock { $0 = false }
    try ferry.run(Self.arguments(registry, retries: 1), exits: 0).complains("continuing with 16.0 MiB")
    #expect(registry.tags == ["new/large:1"])
    #expect(!FileManager.default.fileExists(atPath: journal))
  }

  /// A registry that fails for a moment is asked again before anything is sent anew.
  @Test func `outlasts a moment's failure`() throws {
    let asked = Mutex(0)
    let registry = ScriptedRegistry(keepsUploads: false) { request in
      guard request.path.hasSuffix("/dead"), request.method == "GET" else { return nil }
      let number = asked.withLock { asked in
        asked += 1
        return asked
      }
      return number == 1
        ? ScriptedResponse(503) : ScriptedResponse(204, headers: [("Range", "0-16777215")])
    }
    let (ferry, _) = try remembering(registry)
    try ferry.run(Self.arguments(registry, retries: 2), exits: 0).complains("continuing with 16.0 MiB")
    let first = registry.server.requests.first { $0.method == "PATCH" }
    #expect(first?.path.hasSuffix("/dead") == true)
    #expect(first?.header("Content-Range")?.hasPrefix("16777216-") == true)
  }

  private static func arguments(_ registry: ScriptedRegistry, retries: Int) -> [String] {
    [
      "import", "a.tar", "--to", "\(registry.host)/new", "--plain-http", "--retries", "\(retries)",
      "--stall-timeout", "1",
    ]
  }

  /// The archive, and a journal in which an upload to `registry` stands at 16 MiB.
  private func remembering(_ registry: ScriptedRegistry) throws -> (ferry: FerryProcess, journal: String) {
    let ferry = try FerryProcess()
    try LargeLayer.archive().write(to: URL(fileURLWithPath: ferry.file("a.tar")))
    let entry = """
      {"digest":"\(LargeLayer.digest)","location":"http://\(registry.host)/v2/new/large/blobs/uploads/dead",\
      "offset":16777216,"registry":"\(registry.host)","repository":"new/large"}
      """
    let journal = try ferry.write(
      #"{"schema":"ferry/import-journal/v1"}"# + "\n" + entry + "\n", to: "a.tar.import-journal")
    return (ferry, journal)
  }
}

/// The archive of one image whose layer goes in pieces.
private enum LargeLayer {
  static let layer = [UInt8](repeating: 7, count: 33 << 20)
  static let digest = BlobDigest.of(layer)

  static func archive() throws -> Data { try made.get() }

  private static let made = Result {
    let registry = ScriptedRegistry()
    registry.add(image: [layer], to: "old/large", tag: "1")
    let ferry = try FerryProcess()
    try ferry.run(["export", "--plain-http", registry.reference("old/large:1"), "-o", "a.tar"], exits: 0)
    return try Data(contentsOf: URL(fileURLWithPath: ferry.file("a.tar")))
  }
}
