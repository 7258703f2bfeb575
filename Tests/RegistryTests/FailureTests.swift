import Digests
import Registry
import TestSupport
import Testing
import Transport

@Suite(.waiting) struct `What a registry says no with` {
  func errors(_ codes: String...) -> String {
    "{\"errors\":[" + codes.map { #"{"code":"\#($0)","message":"m"}"# }.joined(separator: ",") + "]}"
  }

  func manifestError(_ status: Int, _ body: String) throws -> (RegistryError?, String) {
    let server = ScriptedServer { _ in ScriptedResponse(status, text: body) }
    return (error { _ = try client(server.host, retries: 0).manifest("1.0", of: "team/app") }, server.host)
  }

  @Test func `names the repository or the manifest that is missing`() throws {
    let message = { RegistryMessage(code: $0, message: "m") }
    var (error, host) = try manifestError(404, errors("NAME_UNKNOWN"))
    #expect(
      error == .repositoryNotFound(host: host, repository: "team/app", messages: [message("NAME_UNKNOWN")]))
    (error, host) = try manifestError(404, errors("MANIFEST_UNKNOWN"))
    #expect(
      error
        == .manifestNotFound(
          host: host, repository: "team/app", identifier: "1.0", messages: [message("MANIFEST_UNKNOWN")]))
    (error, host) = try manifestError(404, "")
    #expect(error == .manifestNotFound(host: host, repository: "team/app", identifier: "1.0", messages: []))
    let server = ScriptedServer { _ in ScriptedResponse(404) }
    #expect(
      self.error { _ = try client(server.host).tags(of: "team/app") }
        == .repositoryNotFound(host: server.host, repository: "team/app", messages: []))
  }

  private func error(_ body: () throws -> Void) -> RegistryError? {
    do { try body() } catch { return error as? RegistryError }
    return nil
  }

  @Test(arguments: [403, 401, 400]) func `tells denial from other refusals by its code`(_ status: Int) throws
  {
    // A 401 needs a challenge to be one.
    let server = ScriptedServer { _ in
      ScriptedResponse(
        status, headers: [("WWW-Authenticate", "Basic")], json: #"{"errors":[{"code":"DENIED"}]}"#)
    }
    let error = error { _ = try client(server.host, .user).manifest("1.0", of: "team/app") }
    guard case .denied(server.host, "team/app", .pull, [RegistryMessage(code: "DENIED", message: "")]) = error
    else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func `is quoted, short and harmless, when it is a page`() throws {
    let page = "<html><body>\u{1b}[31m" + String(repeating: "Forbidden ", count: 1000) + "</body></html>"
    guard case .denied(_, _, _, let messages) = try manifestError(403, page).0 else {
      Issue.record("not denied")
      return
    }
    #expect(messages.count == 1)
    #expect(messages[0].message.hasPrefix("[31mForbidden Forbidden"))
    #expect(messages[0].message.count <= 301)
  }

  @Test(arguments: [
    "Client sent an HTTP request to an HTTPS server.\n",
    "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>",
  ])
  func `may be that it wants TLS`(_ text: String) throws {
    let (error, host) = try manifestError(400, text)
    #expect(error == .tlsExpected(host: host))
  }

  @Test func `is no answer at all`() throws {
    let server = ScriptedServer { _ in ScriptedResponse(200) }
    let host = server.host
    server.stop()
    guard case .transport(.connectionRefused) = error({ _ = try client(host).catalog() }) else {
      Issue.record("not refused")
      return
    }
  }

  @Test func `keeps the status of anything else, and no query`() throws {
    let server = ScriptedServer { _ in ScriptedResponse(418, text: "teapot") }
    #expect(
      error { _ = try client(server.host).tags(of: "team/app") }
        == .refused(
          url: server.url("/v2/team/app/tags/list?n=…"), status: 418,
          messages: [RegistryMessage(code: "", message: "teapot")]))
    #expect(throws: RegistryError.self) { _ = try client(server.host).catalog() }
  }

  @Test func `is heard by HEAD for blobs`() throws {
    let blob = Digest(of: [1])
    let server = ScriptedServer { request in
      switch request.path.split(separator: "/")[1] {
      // A body that is promised and does not come would be waited for.
      case "there": request.method == "HEAD" ? .headOnly(length: 7) : ScriptedResponse(body: Array(1...7))
      case "gone": .headOnly(404, length: 0)
      default: .headOnly(403, length: 0)
      }
    }
    let client = try client(server.host)
    #expect(try client.hasBlob(blob, size: 7, in: "there/a"))
    #expect(try client.hasBlob(blob, size: nil, in: "there/a"))
    #expect(try !client.hasBlob(blob, size: 8, in: "there/a"))
    #expect(try !client.hasBlob(blob, size: 7, in: "gone/a"))
    guard
      case .denied(_, "closed/a", .pull, _) = error({ _ = try client.hasBlob(blob, size: 7, in: "closed/a") })
    else {
      Issue.record("not denied")
      return
    }
  }
}
