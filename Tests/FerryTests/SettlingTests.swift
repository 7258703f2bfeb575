import Foundation
import Synchronization
import TestSupport
import Testing

/// Some registries show what was pushed only seconds later, and what was there before until then.
@Suite(.waiting) struct `A tag that was pushed` {
  private let ferry: FerryProcess
  init() throws { ferry = try FerryProcess() }

  enum Answer: String, CaseIterable { case missing, old, broken }

  /// A registry that answers so the first `times` times it is asked for the tag after it was pushed.
  private func registry(_ answer: Answer, times: Int) -> ScriptedRegistry {
    let state = Mutex((pushed: false, asked: 0))
    let oci = "application/vnd.oci.image.manifest.v1+json"
    let old = #"{"schemaVersion":2,"mediaType":"\#(oci)","config":{},"layers":[]}"#
    return ScriptedRegistry { request in
      guard request.path.hasSuffix("/app/manifests/1") else { return nil }
      return state.withLock { state in
        if request.method == "PUT" {
          state.pushed = true
          return nil
        }
        guard state.pushed, state.asked < times else { return nil }
        state.asked += 1
        switch answer {
        case .missing where request.method == "HEAD": return .headOnly(404, length: 0)
        case .missing: return ScriptedResponse(404, json: #"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#)
        case .old: return ScriptedResponse(headers: [("Content-Type", oci)], text: old)
        case .broken: return ScriptedResponse(500)
        }
      }
    }
  }

  private func archive() throws {
    let source = ScriptedRegistry()
    source.add(image: [[1, 2, 3]], to: "old/app", tag: "1")
    try ferry.run(["export", "--plain-http", source.reference("old/app:1"), "-o", "a.tar"], exits: 0)
  }

  /// int128/docker-manifest-create-action#857, eks-distro#1505.
  @Test(arguments: Answer.allCases) func `is waited for`(_ answer: Answer) throws {
    try archive()
    let registry = registry(answer, times: 3)
    let result = try ferry.run(
      ["import", "a.tar", "--plain-http", "--to", "\(registry.host)/new", "--receipt", "r.json"], exits: 0)
    #expect(registry.tags == ["new/app:1"])
    if answer != .broken { result.complains("does not show new/app 1 as it was pushed yet", "30 s") }
  }

  /// What else is given to a registry and shows late: manifests below an index, tags at the last look, blobs.
  enum Late: CaseIterable { case child, lastLook, blob }

  @Test(arguments: Late.allCases) func `is waited for, and so is what else was given`(_ late: Late) throws {
    let source = ScriptedRegistry()
    let oci = "application/vnd.oci.image"
    let child = source.add(image: [[1, 2, 3]], to: "old/app", tag: "child")
    let index = """
      {"schemaVersion":2,"mediaType":"\(oci).index.v1+json","manifests":[{"mediaType":"\(oci).manifest.v1+json",\
      "digest":"\(child)","size":\(source.size(of: child)),"platform":{"architecture":"amd64","os":"linux"}}]}
      """
    source.add(manifest: index, as: "\(oci).index.v1+json", to: "old/app", tag: "1")
    source.add(image: [[4]], to: "old/next", tag: "1")
    try ferry.export([source.reference("old/app:1"), source.reference("old/next:1")], to: "a.tar")
    let blob = BlobDigest.of([1, 2, 3])
    let state = Mutex((isDue: false, asked: 0))
    let registry = ScriptedRegistry { request in
      // One that moves its uploads says nothing certain of what it has taken: it is asked.
      if request.method == "POST", request.path.contains("/uploads/") {
        return ScriptedResponse(202, headers: [("Location", "/elsewhere/blobs/uploads/1")])
      }
      return state.withLock { state in
        let due =
          switch late {
          case .child: "/app/manifests/\(child)"
          case .lastLook: "/next/manifests/1"
          case .blob: "/blobs/uploads/1"
          }
        let asked =
          switch late {
          case .child: "/app/manifests/\(child)"
          case .lastLook: "/app/manifests/1"
          case .blob: blob
          }
        if request.method == "PUT", request.path.hasSuffix(due) { state.isDue = true }
        guard request.path.hasSuffix(asked), state.isDue, request.method != "PUT", state.asked < 4 else {
          return nil
        }
        state.asked += 1
        return request.method == "HEAD" ? .headOnly(404, length: 0) : ScriptedResponse(404)
      }
    }
    try ferry.run(
      ["import", "a.tar", "--plain-http", "--jobs", "1", "--to", "\(registry.host)/new"], exits: 0)
    #expect(registry.tags == ["new/app:1", "new/next:1"])
    #expect(state.withLock { $0.asked } == 4)
  }

  @Test func `is waited for until Ctrl-C`() throws {
    try archive()
    let asked = Gate()
    let state = Mutex((isPushed: false, asked: 0))
    let registry = ScriptedRegistry { request in
      guard request.path.hasSuffix("/app/manifests/1") else { return nil }
      return state.withLock { state in
        if request.method == "PUT" {
          state.isPushed = true
          return nil
        }
        guard state.isPushed else { return nil }
        state.asked += 1
        if state.asked > 2 { asked.open() }
        return request.method == "HEAD" ? .headOnly(404, length: 0) : ScriptedResponse(404)
      }
    }
    let running = try ferry.command([
      "import", "a.tar", "--plain-http", "--to", "\(registry.host)/new", "--settle", "86400",
    ]).start()
    #expect(asked.wait())
    running.signal(SIGINT)
    let result = try #require(running.waitForEnd())
    #expect(result.end == .exited(130))
  }

  @Test(arguments: ["-1", "86401", "soon"]) func `is not waited for so long`(_ settle: String) throws {
    try archive()
    try ferry.run(
      ["import", "a.tar", "--plain-http", "--to", "127.0.0.1:1/new", "--settle=\(settle)"], exits: 64)
  }

  @Test(arguments: [(Answer.missing, Int32(12)), (.old, 14)]) func `is judged when it does not come in time`(
    _ answer: Answer, _ status: Int32
  ) throws {
    try archive()
    let registry = registry(answer, times: .max)
    for settle in ["0", "1"] {
      try ferry.run(
        ["import", "a.tar", "--plain-http", "--to", "\(registry.host)/new", "--settle", settle], exits: status
      )
    }
  }
}
