import Foundation
import Synchronization
import TestSupport
import Testing

/// "Cannot tell" is neither "no" nor "free".
@Suite(.waiting) struct `A right that a registry does not tell` {
  private let ferry: FerryProcess
  init() throws {
    ferry = try FerryProcess()
    let source = ScriptedRegistry()
    source.add(image: [[1, 2, 3]], to: "old/app", tag: "1")
    try ferry.export([source.reference("old/app:1")], to: "a.tar")
  }

  private func arguments(_ host: String) -> [String] {
    ["import", "a.tar", "--to", "\(host)/new", "--plain-http", "--retries", "0"]
  }

  /// ggcr#1691: a tag that is not there is answered 403, though it may be pushed. moby#50065: HEAD is not allowed.
  @Test(arguments: [403, 405, 401, 400, 500, 501]) func `by HEAD is found out by GET or by pushing`(
    _ status: Int
  ) throws {
    let pushed = Mutex(false)
    let registry = ScriptedRegistry { request in
      guard request.path.hasSuffix("/manifests/1") else { return nil }
      if request.method == "PUT" { pushed.withLock { $0 = true } }
      return request.method == "HEAD" && !pushed.withLock({ $0 }) ? ScriptedResponse(status) : nil
    }
    try ferry.run(arguments(registry.host), exits: 0)
    #expect(registry.tags == ["new/app:1"])
  }

  @Test func `by either is found out by pushing`() throws {
    let pushed = Mutex(false)
    let registry = ScriptedRegistry { request in
      guard request.path.hasSuffix("/manifests/1") else { return nil }
      if request.method == "PUT" { pushed.withLock { $0 = true } }
      return pushed.withLock({ $0 }) ? nil : ScriptedResponse(403, json: #"{"errors":[{"code":"DENIED"}]}"#)
    }
    try ferry.run(arguments(registry.host), exits: 0)
    #expect(registry.tags == ["new/app:1"])
  }

  /// What is there is not overwritten, however it is hidden: GET shows it, or the list names it, or nothing tells.
  enum Hidden: CaseIterable {
    case head, headAndGet, everything
    /// A list that cannot be read on is no list.
    case brokenList
  }

  private static let denial = #"{"errors":[{"code":"DENIED"}]}"#

  private func hiding(_ hidden: Hidden, _ status: Int, tag: String?) -> ScriptedRegistry {
    let pushed = Mutex(false)
    let registry = ScriptedRegistry { request in
      let isTag = request.path.hasSuffix("/manifests/1")
      guard !pushed.withLock({ $0 }), isTag || request.path.hasSuffix("/tags/list") else { return nil }
      if request.method == "PUT" {
        pushed.withLock { $0 = true }
        return nil
      }
      if request.method == "HEAD" { return .headOnly(status, length: 0) }
      switch hidden {
      case .head: return nil
      case .headAndGet: return isTag ? ScriptedResponse(status, json: Self.denial) : nil
      case .everything: return ScriptedResponse(status, json: Self.denial)
      case .brokenList:
        return isTag ? ScriptedResponse(status, json: Self.denial) : ScriptedResponse(text: "<html>")
      }
    }
    if let tag { registry.add(image: [[7]], to: "new/app", tag: tag) }
    return registry
  }

  @Test(arguments: Hidden.allCases, [403, 401, 405, 500])
  func `of a tag that is there does not move it without --overwrite`(_ hidden: Hidden, _ status: Int) throws {
    let registry = hiding(hidden, status, tag: "1")
    let before = registry.digest(of: "new/app", "1")
    let isBusy = status == 500 && hidden != .head
    for options in [[], ["--dry-run"]] {
      let result = try ferry.run(arguments(registry.host) + options, exits: isBusy ? 13 : 15)
      result.complains("new/app:1", "--overwrite")
    }
    #expect(registry.digest(of: "new/app", "1") == before)
    #expect(registry.server.requests.allSatisfy { $0.method != "PUT" && $0.method != "PATCH" })
    try ferry.run(arguments(registry.host) + ["--keep-going"], exits: 3)
    #expect(registry.digest(of: "new/app", "1") == before)
    try ferry.run(arguments(registry.host) + ["--overwrite"], exits: 0)
    #expect(registry.digest(of: "new/app", "1") != before)
  }

  @Test(arguments: [Hidden.head, .headAndGet], [403, 401, 405, 500])
  func `of a tag that is not there is told by the list`(_ hidden: Hidden, _ status: Int) throws {
    let registry = hiding(hidden, status, tag: "2")
    try ferry.run(arguments(registry.host), exits: 0)
    #expect(registry.tags == ["new/app:1", "new/app:2"])
  }

  /// The list is read before the tag is pushed as well as before anything is.
  @Test func `does not move a tag that comes while blobs go`() throws {
    let came = Mutex(false)
    let registry = ScriptedRegistry { request in
      if request.method == "PUT", request.path.contains("/blobs/") { came.withLock { $0 = true } }
      if request.path.hasSuffix("/tags/list"), came.withLock({ $0 }) {
        return ScriptedResponse(json: #"{"name":"new/app","tags":["1"]}"#)
      }
      guard request.path.hasSuffix("/manifests/1"), request.method != "PUT" else { return nil }
      return request.method == "HEAD" ? .headOnly(403, length: 0) : ScriptedResponse(403, json: Self.denial)
    }
    try ferry.run(arguments(registry.host), exits: 15).complains("new/app:1 is there", "--overwrite")
    #expect(registry.tags.isEmpty)
  }

  /// Whoever may push need not be allowed to ask for a blob.
  @Test(arguments: [403, 401, 405, 400, 500], [false, true])
  func `of a blob is found out by GET or by pushing`(_ status: Int, isGetAnswered: Bool) throws {
    guard status != 500 || isGetAnswered else { return }
    let pushed = Mutex<Set<String>>([])
    let registry = ScriptedRegistry { request in
      let digest = request.path.split(separator: "/").last.map(String.init) ?? ""
      if request.method == "PUT", let query = request.query?.removingPercentEncoding {
        pushed.withLock { _ = $0.insert(String(query.suffix(71))) }
      }
      guard request.path.contains("/blobs/sha256:"), !pushed.withLock({ $0.contains(digest) }) else {
        return nil
      }
      if request.method == "HEAD" { return .headOnly(status, length: 0) }
      return isGetAnswered ? nil : ScriptedResponse(status, json: Self.denial)
    }
    try ferry.run(arguments(registry.host), exits: 0)
    #expect(registry.tags == ["new/app:1"])
  }

  /// A storage that is redirected to takes no HEAD.
  @Test(arguments: [403, 405, 501]) func `by a storage's HEAD is found out by GET`(_ status: Int) throws {
    let storage = ScriptedServer { request in
      request.method == "HEAD"
        ? ScriptedResponse(status)
        : ScriptedResponse(206, headers: [("Content-Range", "bytes 0-0/3")], body: [1])
    }
    let blob = BlobDigest.of([1, 2, 3])
    let registry = ScriptedRegistry { request in
      guard request.path.hasSuffix(blob), ["GET", "HEAD"].contains(request.method) else { return nil }
      return ScriptedResponse(307, headers: [("Location", storage.url("/\(blob)"))])
    }
    try ferry.run(arguments(registry.host), exits: 0)
    #expect(registry.tags == ["new/app:1"])
  }

  /// What a token says of itself is for the registry; some say nothing, and some say it another way.
  @Test(arguments: [
    "[]", "null", #"[{"type":"repository","name":"*","actions":["*"]}]"#,
    #"[{"type":"repository","name":"new/app","actions":["*"]}]"#,
    #"[{"type":"repository","name":"new/app","actions":["pull","write"]}]"#,
    #"[{"Type":"repository","Name":"new/app","Actions":["pull","push"]}]"#,
    #""repository:new/app:pull,push""#,
    #"{"new/app":["push"]}"#, #"[{"type":"repository(plugin)","name":"new/app","actions":["push"]}]"#,
  ]) func `in a token is found out by pushing`(_ access: String) throws {
    func encoded(_ text: String) -> String {
      Data(text.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
        "=", with: "")
    }
    let token = "\(encoded(#"{"alg":"none"}"#)).\(encoded(#"{"access":\#(access)}"#)).c2ln"
    let realm = ScriptedServer { _ in ScriptedResponse(json: #"{"token":"\#(token)"}"#) }
    let registry = ScriptedRegistry { request in
      guard request.header("Authorization") != "Bearer \(token)" else { return nil }
      return ScriptedResponse(
        401,
        headers: [
          (
            "WWW-Authenticate",
            #"Bearer realm="\#(realm.url("/token"))",service="r",scope="repository:new/app:pull,push""#
          )
        ])
    }
    try ferry.run(arguments(registry.host), exits: 0)
    #expect(registry.tags == ["new/app:1"])
  }

  @Test func `and that is not there is a denial`() throws {
    let registry = ScriptedRegistry { request in
      ["POST", "PUT", "PATCH"].contains(request.method)
        ? ScriptedResponse(403, json: #"{"errors":[{"code":"DENIED"}]}"#) : nil
    }
    try ferry.run(arguments(registry.host), exits: 11)
    #expect(registry.tags.isEmpty)
  }
}
