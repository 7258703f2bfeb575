import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Transport

@Suite(.waiting) struct `Cancelling` {
  /// Runs `call` in a task, cancels it once it has opened the gate that it is given, and says how it ended. The
  /// server would go on for ever; one that nobody has left after a long time is stopped, which is another end.
  private func outcome(
    options: TransportOptions = .init(stallTimeout: .seconds(3600)),
    of call: @escaping @Sendable (HTTPClient, HTTPURL, _ begun: Gate) throws -> Void,
    answering steps: @escaping @Sendable (_ begun: Gate, _ never: Gate) -> [ScriptedResponse.Step]
  ) async throws -> TransportError? {
    let (begun, never, ended) = (Gate(), Gate(), Gate())
    defer { never.open() }
    let server = ScriptedServer(reading: { _ in .none }) { _ in
      ScriptedResponse(steps: steps(begun, never))
    }
    let client = try HTTPClient(options)
    let url = try HTTPURL(server.url())
    let task = Task.detached {
      defer {
        begun.open()
        ended.open()
      }
      try call(client, url, begun)
    }
    // A thread of its own cancels: the pool's may all be blocked by calls like this one, and the call begin late.
    Thread.detachNewThread {
      begun.wait(seconds: 86_400)
      task.cancel()
      if !ended.wait() { server.stop() }
    }
    guard case .failure(let error) = await task.result else { return nil }
    return error as? TransportError
  }

  @Test func `ends a wait for an answer`() async throws {
    let error = try await outcome { client, url, _ in
      _ = try client.send(HTTPRequest(.get, url))
    } answering: { begun, never in
      begun.open()
      return [.stall(never)]
    }
    #expect(error == .cancelled)
  }

  @Test func `ends a download that flows`() async throws {
    let error = try await outcome { client, url, begun in
      _ = try client.receive(HTTPRequest(.get, url), accepts: { _ in true }, sink: { _ in begun.open() })
    } answering: { _, _ in
      [
        .send(ScriptedResponse.head(200, [], length: 1 << 50)),
        .sendRepeated(Array(repeating: 0, count: 1 << 16), count: 1 << 50),
      ]
    }
    #expect(error == .cancelled)
  }

  @Test func `ends an upload that flows`() async throws {
    let error = try await outcome { client, url, begun in
      _ = try client.transmit(HTTPRequest(.put, url), size: 1 << 50) { buffer in
        begun.open()
        return buffer.count
      }
    } answering: { _, _ in
      [.readBody]
    }
    #expect(error == .cancelled)
  }

  @Test func `ends a wait for the rate limit`() async throws {
    let error = try await outcome(options: TransportOptions(limitRate: 10)) { client, url, begun in
      _ = try client.receive(HTTPRequest(.get, url), accepts: { _ in true }, sink: { _ in begun.open() })
    } answering: { _, _ in
      [.send(ScriptedResponse.head(200, [], length: 3000)), .sendRepeated([0], count: 3000)]
    }
    #expect(error == .cancelled)
  }

  @Test func `ends a pause between attempts`() async throws {
    let client = try HTTPClient()
    let task = Task.detached { try client.wait(.seconds(3600)) }
    task.cancel()
    await #expect(throws: TransportError.cancelled) { try await task.value }
  }
}
