import Digests
import Foundation
import Registry
import TestSupport

/// A registry that takes uploads and commits a blob only when its bytes agree with its digest, as real ones
/// do; `refuse` answers first where it wants to.
final class ScriptedUploads: Sendable {
  typealias Refusal = @Sendable (ScriptedRequest, Int) -> ScriptedResponse?

  struct State: Sendable {
    var opened = 0
    var bodies: [String: [UInt8]] = [:]
    var committed: [String: [UInt8]] = [:]
    var cancelled: [String] = []
  }

  let state = Noted(State())
  let server: ScriptedServer

  /// `refuse` is given each request with its number, from 0; a PUT before its body is read when `early`.
  /// `headers` stand in the answer that opens an upload.
  init(
    answeringPutsEarly early: Bool = false, openingWith headers: [(String, String)] = [],
    refuse: @escaping Refusal = { _, _ in nil }
  ) {
    let state = state
    let count = Noted(0)
    server = ScriptedServer(reading: { early && $0.method == "PUT" ? .none : .all }) { request in
      let number = count.change { count in
        defer { count += 1 }
        return count
      }
      if let refusal = refuse(request, number) { return refusal }
      return Self.answer(request, state, headers: headers)
    }
  }

  private static let forgotten = #"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}"#

  private static func range(_ body: [UInt8]) -> String { "0-\(max(body.count - 1, 0))" }

  private static func answer(
    _ request: ScriptedRequest, _ state: Noted<State>, headers: [(String, String)]
  ) -> ScriptedResponse {
    let path = request.path
    let digest = request.queryValues("digest").first
    return state.change { state in
      switch request.method {
      case "POST":
        state.opened += 1
        let upload = "/v2/team/app/blobs/uploads/\(state.opened)"
        state.bodies[upload] = []
        return ScriptedResponse(202, headers: [("Location", upload + "?state=a%2Fb")] + headers)
      case "PATCH":
        guard let body = state.bodies[path] else { return ScriptedResponse(404, json: forgotten) }
        let start = request.header("Content-Range").flatMap { Int($0.prefix { $0 != "-" }) }
        guard start == nil || start == body.count else {
          return ScriptedResponse(416, headers: [("Range", range(body))])
        }
        state.bodies[path, default: []] += request.body
        return ScriptedResponse(
          202, headers: [("Location", path + "?state=c"), ("Range", range(body + request.body))])
      case "GET" where !path.contains("/uploads/"):
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        guard let bytes = state.committed[name] else { return ScriptedResponse(404) }
        return ScriptedResponse(body: bytes)
      case "GET":
        guard let body = state.bodies[path] else { return ScriptedResponse(404, json: forgotten) }
        return ScriptedResponse(204, headers: [("Location", path + "?state=d"), ("Range", range(body))])
      case "PUT":
        guard let body = state.bodies[path], let digest else { return ScriptedResponse(404) }
        let whole = body + request.body
        guard "\(Digest(of: whole))" == digest else {
          return ScriptedResponse(400, json: #"{"errors":[{"code":"DIGEST_INVALID"}]}"#)
        }
        state.committed[digest] = whole
        return ScriptedResponse(201, headers: [("Docker-Content-Digest", digest)])
      case "DELETE":
        state.cancelled.append(path)
        return ScriptedResponse(204)
      case "HEAD":
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        guard let bytes = state.committed[name] else { return .headOnly(404, length: 0) }
        return .headOnly(length: bytes.count)
      default: return ScriptedResponse(405)
      }
    }
  }

  var host: String { server.host }

  /// `METHOD` and the last part of the path of all requests.
  var steps: [String] {
    server.requests.map { "\($0.method) \($0.path.split(separator: "/").last ?? "")" }
  }
}
