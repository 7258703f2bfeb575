import Foundation
import TestSupport
import Testing

/// A registry's catalog is a convenience: many cap it, refuse it, or have none.
struct `A catalog` {
  private let ferry: FerryProcess
  init() throws { ferry = try FerryProcess() }

  private func registry(_ catalog: @escaping @Sendable (ScriptedRequest) -> ScriptedResponse)
    -> ScriptedRegistry
  {
    let registry = ScriptedRegistry { request in request.path == "/v2/_catalog" ? catalog(request) : nil }
    registry.add(image: [[1]], to: "old/app", tag: "1")
    return registry
  }

  @Test(arguments: [
    // distribution with catalog.maxentries; Nexus; Quay.
    (400, #"{"errors":[{"code":"PAGINATION_NUMBER_INVALID"}]}"#), (400, ""), (416, ""),
    (422, #"{"errors":[{"code":"UNSUPPORTED","message":"n too large"}]}"#),
  ]) func `that takes no page size is asked for without one`(_ status: Int, _ text: String) throws {
    let registry = registry { request in
      request.query?.contains("n=") == true
        ? ScriptedResponse(status, json: text) : ScriptedResponse(json: #"{"repositories":["old/app"]}"#)
    }
    let result = try ferry.run(["list", "--plain-http", registry.host], exits: 0)
    #expect(result.lines == [registry.reference("old/app:1")])
  }

  @Test(arguments: [500, 502, 503, 504, 404, 405, 403, 401, 400])
  func `that cannot be had is nothing that a repository's tags wait for`(_ status: Int) throws {
    let registry = registry { _ in ScriptedResponse(status) }
    try ferry.run(
      [
        "export", "--plain-http", "--retries", "0", registry.reference("old/app"), "--all-tags", "-o",
        "a.tar",
      ], exits: 0)
    let listed = try ferry.run(
      ["list", "--plain-http", "--retries", "0", registry.reference("old/app")], exits: 0)
    #expect(listed.lines == [registry.reference("old/app:1")])
  }

  @Test(arguments: [404, 405, 501]) func `that a registry has none of is told with what to do`(_ status: Int)
    throws
  {
    let registry = registry { _ in ScriptedResponse(status, text: "404 page not found") }
    let result = try ferry.run(["list", "--plain-http", "--retries", "0", registry.host], exits: 12)
    result.complains("repositor")
    #expect(!result.standardError.contains("network"))
  }
}
