import Foundation
import Synchronization
import TestSupport
import Testing

/// ECR and Artifactory mount only blobs that a manifest of the other repository lists.
@Suite(.waiting) struct `A registry that mounts what a manifest lists` {
  private static let layer = [UInt8](repeating: 9, count: 3 << 20)

  /// A registry that has blobs per repository and mounts one when a manifest there lists it.
  private final class Store: Sendable {
    private let state = Mutex((blobs: [String: Set<String>](), listed: [String: Set<String>]()))
    let sent = Mutex(0)
    let lies: Bool

    init(lies: Bool = false) { self.lies = lies }

    /// Whether a manifest was pushed to a repository.
    func hasManifest(_ repository: String) -> Bool { state.withLock { $0.listed[repository] != nil } }

    func answer(_ request: ScriptedRequest) -> ScriptedResponse? {
      guard let match = request.path.firstMatch(of: /^\/v2\/(.+?)\/(blobs|manifests)\/(.+)$/) else {
        return nil
      }
      let (repository, kind, rest) = (String(match.1), match.2, String(match.3))
      if kind == "manifests" {
        guard request.method == "PUT" else { return nil }
        let text = String(decoding: request.body, as: UTF8.self)
        let digests = text.matches(of: /sha256:[0-9a-f]{64}/).map { String($0.output) }
        state.withLock { state in state.listed[repository, default: []].formUnion(digests) }
        return nil
      }
      if rest.hasPrefix("sha256:") {
        return state.withLock { $0.blobs[repository]?.contains(rest) == true } ? nil : ScriptedResponse(404)
      }
      let query = (request.query ?? "").removingPercentEncoding ?? ""
      if request.method == "POST", let mount = query.firstMatch(of: /mount=(sha256:[0-9a-f]{64})/)?.1,
        let from = query.firstMatch(of: /from=([^&]+)/)?.1
      {
        let takes = state.withLock { state in
          guard state.listed[String(from)]?.contains(String(mount)) == true else { return lies }
          if !lies { _ = state.blobs[repository, default: []].insert(String(mount)) }
          return true
        }
        return takes
          ? ScriptedResponse(201, headers: [("Location", "/v2/\(repository)/blobs/\(mount)")]) : nil
      }
      if request.method == "PUT", let digest = query.firstMatch(of: /digest=(sha256:[0-9a-f]{64})/)?.1 {
        state.withLock { state in _ = state.blobs[repository, default: []].insert(String(digest)) }
      }
      sent.withLock { $0 += request.bodyLength }
      return nil
    }
  }

  private func archive(_ ferry: FerryProcess) throws {
    let source = ScriptedRegistry()
    for name in ["a", "b", "c", "d"] {
      source.add(image: [Self.layer, Array(name.utf8)], to: "old/\(name)", tag: "1")
    }
    try ferry.export(["a", "b", "c", "d"].map { source.reference("old/\($0):1") }, to: "a.tar")
  }

  @Test func `gets a shared layer once, and tags last`() throws {
    let ferry = try FerryProcess()
    try archive(ferry)
    let store = Store()
    let registry = ScriptedRegistry { store.answer($0) }
    try ferry.run(["import", "a.tar", "--to", "\(registry.host)/new", "--plain-http"], exits: 0)
    #expect(registry.tags.count == 4)
    let sent = store.sent.withLock { $0 }
    #expect(sent < Self.layer.count * 3 / 2, "\(sent)")
    let writes = registry.server.requests.filter { $0.method == "PUT" }.map(\.path)
    let firstTag = try #require(writes.firstIndex { $0.hasSuffix("/manifests/1") })
    #expect(writes[firstTag...].allSatisfy { $0.hasSuffix("/manifests/1") }, "\(writes)")
  }

  /// Two repositories of which each has a layer that the other's first image has not, in either order: neither waits
  /// for the other for ever.
  @Test(arguments: ["1", "4"]) func `gets what is shared crosswise once`(_ jobs: String) throws {
    let ferry = try FerryProcess()
    let source = ScriptedRegistry()
    let layers = (0..<4).map { [UInt8](repeating: UInt8($0), count: 1 << 20) }
    let images: [(String, [Int])] = [
      ("a:1", [0]), ("b:1", [1, 2]), ("a:2", [1, 3]), ("b:2", [0, 3]), ("c:1", [2, 3]),
    ]
    for (name, own) in images {
      let parts = name.split(separator: ":").map(String.init)
      source.add(image: own.map { layers[$0] } + [Array(name.utf8)], to: "old/\(parts[0])", tag: parts[1])
    }
    try ferry.export(images.map { source.reference("old/\($0.0)") }, to: "a.tar")
    let store = Store()
    let registry = ScriptedRegistry { store.answer($0) }
    try ferry.run(
      ["import", "a.tar", "--to", "\(registry.host)/new", "--plain-http", "--jobs", jobs], exits: 0)
    #expect(registry.tags.count == 5)
    let sent = store.sent.withLock { $0 }
    #expect(sent < 5 << 20, "\(sent)")
  }

  /// What is not related to anything is not waited for: its upload is held up until others were mounted.
  @Test func `mounts while an unrelated layer is still sent`() throws {
    let ferry = try FerryProcess()
    let source = ScriptedRegistry()
    for name in ["a", "b"] { source.add(image: [Self.layer, Array(name.utf8)], to: "old/\(name)", tag: "1") }
    let other = [UInt8](repeating: 4, count: 1 << 20)
    source.add(image: [other], to: "old/z", tag: "1")
    try ferry.export(["a", "b", "z"].map { source.reference("old/\($0):1") }, to: "a.tar")
    let store = Store()
    let isMounted = Gate()
    let wasInTime = Mutex(false)
    let registry = ScriptedRegistry { request in
      if request.method == "PUT", request.bodyLength == other.count {
        let isInTime = isMounted.wait()
        wasInTime.withLock { $0 = isInTime }
      }
      // Mounts come behind the manifest that lists what is mounted.
      if request.method == "POST", request.query?.contains("mount=") == true,
        store.hasManifest("new/a")
      {
        isMounted.open()
      }
      return store.answer(request)
    }
    try ferry.run(["import", "a.tar", "--to", "\(registry.host)/new", "--plain-http"], exits: 0)
    #expect(wasInTime.withLock { $0 })
    #expect(registry.tags.count == 3)
  }

  /// The holder's manifest is refused, or its mount fails: another holder does, or the bytes go.
  @Test(arguments: [(400, "PUT"), (500, "PUT"), (404, "POST"), (500, "POST")])
  func `and whose first holder fails is given the bytes`(_ status: Int, _ method: String) throws {
    let ferry = try FerryProcess()
    try archive(ferry)
    let store = Store()
    let registry = ScriptedRegistry { request in
      let isManifest = method == "PUT" && request.path.contains("/new/a/manifests/sha256:")
      let isMount = request.query?.removingPercentEncoding?.contains("from=new/a") == true
      if request.method == method, isManifest || method == "POST" && isMount {
        return ScriptedResponse(status)
      }
      return store.answer(request)
    }
    try ferry.run(
      ["import", "a.tar", "--to", "\(registry.host)/new", "--plain-http", "--retries", "0"], exits: 0)
    #expect(registry.tags.count == 4)
  }

  @Test func `and refuses one repository still gets the others, with --keep-going`() throws {
    let ferry = try FerryProcess()
    try archive(ferry)
    let store = Store()
    let registry = ScriptedRegistry { request in
      if request.path.hasPrefix("/v2/new/a/blobs/uploads/"), request.method == "PUT" {
        return ScriptedResponse(403, json: #"{"errors":[{"code":"DENIED"}]}"#)
      }
      return store.answer(request)
    }
    let arguments = ["import", "a.tar", "--to", "\(registry.host)/new", "--plain-http", "--retries", "0"]
    try ferry.run(arguments, exits: 11)
    try ferry.run(arguments + ["--keep-going"], exits: 3)
    #expect(registry.tags == ["new/b:1", "new/c:1", "new/d:1"])
  }

  /// One that mounts whatever it has is asked no more than before.
  @Test func `or anything at all is asked for each thing once`() throws {
    let ferry = try FerryProcess()
    try archive(ferry)
    let registry = try RegistryProcess()
    try ferry.run(["import", "a.tar", "--to", "\(registry.host)/new", "--plain-http"], exits: 0)
    registry.stop()
    let requests = registry.requests
    // Of 9 blobs: 4 configs, 4 own layers and the shared one, which is mounted 3 times.
    #expect(requests.count { $0.method == "POST" } == 12)
    #expect(requests.count { $0.method == "PUT" && $0.path.contains("/blobs/") } == 9)
    #expect(requests.count { $0.method == "PUT" && $0.path.contains("/manifests/") } == 4)
    #expect(requests.allSatisfy { $0.method != "DELETE" })
  }

  @Test func `and says so of what it does not have is found out`() throws {
    let ferry = try FerryProcess()
    try archive(ferry)
    let store = Store(lies: true)
    let registry = ScriptedRegistry { store.answer($0) }
    try ferry.run(["import", "a.tar", "--to", "\(registry.host)/new", "--plain-http"], exits: 0)
    #expect(registry.tags.count == 4)
  }
}
