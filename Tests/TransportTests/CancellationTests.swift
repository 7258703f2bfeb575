import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Transport

@Suite struct `Cancelling` {
  /// Runs `call` in a task, cancels it once the server was asked, and says how it ended and how long after.
  ///
  /// The server's thread cancels: the pool's may all be blocked by calls like this one.
  private func outcome(
    options: TransportOptions = .init(), of call: @escaping @Sendable (HTTPClient, HTTPURL) throws -> Void,
    answering steps: @escaping @Sendable (Gate) -> [ScriptedResponse.Step]
  ) async throws -> (error: TransportError?, latency: Duration) {
    let gate = Gate()
    defer { gate.open() }
    let started = Gate()
    let running = Mutex<Task<Void, any Error>?>(nil)
    let cancelled = Mutex(ContinuousClock.now)
    let server = ScriptedServer(reading: { _ in .none }) { _ in
      started.wait()
      // Lets the answer begin before the cancellation strikes.
      Thread.detachNewThread {
        usleep(20_000)
        cancelled.withLock { $0 = .now }
        running.withLock { $0 }?.cancel()
      }
      return ScriptedResponse(steps: steps(gate))
    }
    let client = try HTTPClient(options)
    let url = try HTTPURL(server.url())
    let ended = Mutex(ContinuousClock.now)
    let task = Task.detached {
      defer { ended.withLock { $0 = .now } }
      try call(client, url)
    }
    running.withLock { $0 = task }
    started.open()
    let result = await task.result
    let latency = cancelled.withLock { $0 }.duration(to: ended.withLock { $0 })
    guard case .failure(let error) = result else { return (nil, latency) }
    return (error as? TransportError, latency)
  }

  @Test func `ends a wait for an answer`() async throws {
    let (error, latency) = try await outcome {
      _ = try $0.send(HTTPRequest(.get, $1))
    } answering: {
      [.stall($0)]
    }
    #expect(error == .cancelled && latency < .seconds(1))
  }

  @Test func `ends a download that flows`() async throws {
    let (error, latency) = try await outcome {
      _ = try $0.receive(HTTPRequest(.get, $1), accepts: { _ in true }, sink: { _ in })
    } answering: { _ in
      [
        .send(ScriptedResponse.head(200, [], length: 1 << 50)),
        .sendRepeated(Array(repeating: 0, count: 1 << 16), count: 1 << 50),
      ]
    }
    #expect(error == .cancelled && latency < .seconds(1))
  }

  @Test func `ends an upload that flows`() async throws {
    let (error, latency) = try await outcome {
      _ = try $0.transmit(HTTPRequest(.put, $1), size: 1 << 50) { $0.count }
    } answering: { _ in
      [.readBody]
    }
    #expect(error == .cancelled && latency < .seconds(1))
  }

  @Test func `ends a wait for the rate limit`() async throws {
    let (error, latency) = try await outcome(options: TransportOptions(limitRate: 10)) {
      _ = try $0.receive(HTTPRequest(.get, $1), accepts: { _ in true }, sink: { _ in })
    } answering: { _ in
      [.send(ScriptedResponse.head(200, [], length: 1 << 20)), .sendRepeated([0], count: 1 << 20)]
    }
    #expect(error == .cancelled && latency < .seconds(1))
  }

  @Test func `ends a pause between attempts`() async throws {
    let client = try HTTPClient()
    let task = Task.detached { try client.wait(.seconds(3600)) }
    task.cancel()
    await #expect(throws: TransportError.cancelled) { try await task.value }
  }
}
