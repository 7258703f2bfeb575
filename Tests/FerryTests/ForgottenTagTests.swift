import Foundation
import Synchronization
import TestSupport
import Testing

/// What a registry still says of a tag or a blob while it no longer has it, or never had.
@Suite(.waiting) struct `A registry that only remembers` {
  private let ferry: FerryProcess

  init() throws {
    ferry = try FerryProcess()
    let source = try RegistryProcess.fixtures()
    try ferry.export(["odd/plain:1", "odd/twice:1"].map(source.reference), to: "a.tar")
  }

  private func arguments(_ registry: ScriptedRegistry) -> [String] {
    [
      "import", "a.tar", "--plain-http", "--settle", "0", "--retries", "0", "--to", "\(registry.host)/new",
      "--receipt", "r.json",
    ]
  }

  @Test func `a tag has no image that arrived`() throws {
    // Read back once, it is gone for every GET; HEAD knows it on and on.
    let reads = Mutex<Int?>(nil)
    let registry = ScriptedRegistry { request in
      guard request.path == "/v2/new/plain/manifests/1" else { return nil }
      if request.method == "PUT" { reads.withLock { $0 = 0 } }
      guard request.method == "GET" else { return nil }
      let count = reads.withLock { reads -> Int in
        reads = reads.map { $0 + 1 }
        return reads ?? 0
      }
      return count > 1 ? ScriptedResponse(404, json: #"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#) : nil
    }
    try ferry.run(arguments(registry), exits: 12)
    let receipt = try String(contentsOfFile: ferry.file("r.json"), encoding: .utf8)
    #expect(receipt.contains("new/twice:1") && !receipt.contains("new/plain:1"))
  }

  @Test func `a tag is not written again, and says what is missing`() throws {
    let registry = ScriptedRegistry()
    try ferry.run(arguments(registry), exits: 0)
    let layer = try #require(registry.layer(of: "new/plain", "1"))
    // The blob is not there, is taken, and is still not there for its manifest.
    let forgetful = ScriptedRegistry { request in
      if request.path.hasSuffix("/blobs/\(layer)"), request.method != "PUT" {
        return ScriptedResponse(404, json: #"{"errors":[{"code":"BLOB_UNKNOWN"}]}"#)
      }
      guard request.method == "PUT", request.path == "/v2/new/plain/manifests/1" else {
        let answer = registry.answer(request)
        return request.path.contains("/manifests/") ? answer : nil
      }
      return ScriptedResponse(400, json: #"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}"#)
    }
    let again = try ferry.command(arguments(forgetful)).run()
    #expect(again.status != 0, "\(again.standardError)")
  }
}

extension ScriptedRegistry {
  /// The digest of the first layer of the image under a tag.
  fileprivate func layer(of repository: String, _ tag: String) -> String? {
    let text = digest(of: repository, tag).flatMap { bytes(of: $0) }.map {
      String(decoding: $0, as: UTF8.self)
    }
    return text?.split(separator: "\"layers\"").last?.firstMatch(of: /sha256:[0-9a-f]{64}/).map {
      String($0.0)
    }
  }
}
