import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Transport

/// What requests to a host that refuses or fails come to, and what is told of it meanwhile.
@Suite(.waiting) struct `Waiting for a host` {
  /// A client whose notices are kept.
  private func client(_ options: TransportOptions, _ told: Notices) throws -> HTTPClient {
    var options = options
    options.notice = { told.add($0) }
    return try HTTPClient(options)
  }

  /// A server that gives these answers one after the other, the last one for ever.
  private func server(_ answers: ScriptedResponse...) -> ScriptedServer {
    let given = Mutex(0)
    return ScriptedServer { _ in
      given.withLock { given in
        defer { given += 1 }
        return answers[min(given, answers.count - 1)]
      }
    }
  }

  @Test(arguments: [429, 503]) func `is told once, with the moment`(status: Int) throws {
    let told = Notices()
    let server = server(
      ScriptedResponse(status, headers: [("Retry-After", "1")]),
      ScriptedResponse(status, headers: [("Retry-After", "1")]), ScriptedResponse())
    let client = try client(TransportOptions(retries: 3), told)
    let before = Int64(Date().timeIntervalSince1970)
    #expect(try client.sendRetrying(HTTPRequest(.get, HTTPURL(server.url()))).status == 200)
    guard case .waiting(let host, status, let until, 1) = told.all.first else {
      Issue.record("\(told.all)")
      return
    }
    #expect(host == server.host && until > before && told.all.count == 1)
  }

  @Test(arguments: ["61", "99999999999999999999", "Fri, 31 Dec 2199 23:59:59 GMT", "9999999999"])
  func `longer than is allowed is a failure at once`(asked: String) throws {
    let told = Notices()
    let server = server(ScriptedResponse(429, headers: [("Retry-After", asked)]))
    let client = try client(TransportOptions(retries: 8, maxWait: .seconds(60)), told)
    let error = #expect(throws: TransportError.self) {
      try client.sendRetrying(HTTPRequest(.get, HTTPURL(server.url())))
    }
    guard case .waitTooLong(server.host, let until, let seconds, .seconds(60)) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(seconds > 60 && until > Int64(Date().timeIntervalSince1970) + 60)
    #expect(server.requests.count == 1 && told.all == [])
  }

  @Test func `goes on for as long as it should, and is told of`() throws {
    let told = Notices()
    let end = Mutex<Date?>(nil)
    let server = ScriptedServer { _ in
      let end = end.withLock { end in
        let moment = end ?? Date(timeIntervalSinceNow: 3)
        end = moment
        return moment
      }
      return Date() < end ? ScriptedResponse(503) : ScriptedResponse()
    }
    let client = try client(
      TransportOptions(retries: 0, retryFor: .seconds(600), backoff: .seconds(2)), told)
    #expect(try client.sendRetrying(HTTPRequest(.get, HTTPURL(server.url()))).status == 200)
    guard case .failing(server.host, .status(503), _?, _) = told.all.first else {
      Issue.record("\(told.all)")
      return
    }
    #expect(told.all.count == 1)
  }

  @Test(arguments: [(500, false), (503, false), (404, true)])
  func `ends with its attempts where no time is given`(status: Int, isFinal: Bool) throws {
    let server = server(ScriptedResponse(status))
    let client = try HTTPClient(TransportOptions(retries: 2, backoff: .milliseconds(1)))
    #expect(try client.sendRetrying(HTTPRequest(.get, HTTPURL(server.url()))).status == status)
    #expect(server.requests.count == (isFinal ? 1 : 3))
  }

  @Test func `that resets connections goes on once it has answered`() throws {
    let server = server(ScriptedResponse(), .reset, .reset, .silence, ScriptedResponse(201))
    let client = try HTTPClient(
      TransportOptions(retries: 0, retryFor: .seconds(600), backoff: .milliseconds(1)))
    let request = try HTTPRequest(.get, HTTPURL(server.url()))
    #expect(try client.send(request).status == 200)
    #expect(try client.sendRetrying(request).status == 201)
  }
}

/// Requests to a host that bears few at a time.
@Suite(.waiting) struct `Requests at a time` {
  @Test func `are fewer once the host complains, and lose nothing`() throws {
    let state = Mutex((running: 0, refused: 0))
    let server = ScriptedServer { _ in
      let isTooMany = state.withLock { state in
        state.running += 1
        return state.running > 3
      }
      usleep(2000)
      state.withLock { state in
        state.running -= 1
        if isTooMany { state.refused += 1 }
      }
      return isTooMany ? ScriptedResponse(429) : ScriptedResponse()
    }
    let client = try HTTPClient(TransportOptions(retries: 20, backoff: .milliseconds(5)))
    let request = try HTTPRequest(.get, HTTPURL(server.url()))
    let done = Mutex(0)
    DispatchQueue.concurrentPerform(iterations: 16) { _ in
      for _ in 0..<25 where (try? client.sendRetrying(request))?.status == 200 { done.withLock { $0 += 1 } }
    }
    #expect(done.withLock { $0 } == 400)
    let refused = state.withLock { $0.refused }
    #expect(refused < 20, "\(refused) refusals")
  }

  @Test func `that wait for their turn end with their task, and the turn is another's`() async throws {
    let host = RemoteHost()
    let passes = try (0..<RequestWindow.start).map { _ in try host.enter() }
    let waiting = Task.detached { try host.enter() }
    waiting.cancel()
    await #expect(throws: TransportError.cancelled) { _ = try await waiting.value }
    let (entered, begun) = (Gate(), Gate())
    Thread.detachNewThread {
      begun.open()
      if let pass = try? host.enter() {
        host.leave(pass, .unknown)
        entered.open()
      }
    }
    #expect(begun.wait())
    for pass in passes { host.leave(pass, .unknown) }
    #expect(entered.wait())
    // All rights are back.
    for _ in 0..<RequestWindow.start { _ = try host.enter() }
  }

  @Test func `of which many are cancelled leave no right behind`() async throws {
    let host = RemoteHost()
    for _ in 0..<20 {
      let passes = try (0..<RequestWindow.start).map { _ in try host.enter() }
      let tasks = (0..<8).map { _ in
        Task.detached {
          let pass = try host.enter()
          host.leave(pass, .unknown)
        }
      }
      for task in tasks[...3] { task.cancel() }
      for pass in passes { host.leave(pass, .unknown) }
      for task in tasks { _ = await task.result }
    }
    for _ in 0..<RequestWindow.start { _ = try host.enter() }
  }
}

private final class Notices: Sendable {
  private let notices = Mutex<[TransportNotice]>([])

  func add(_ notice: TransportNotice) { notices.withLock { $0.append(notice) } }
  var all: [TransportNotice] { notices.withLock { $0 } }
}
