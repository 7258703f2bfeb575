import Synchronization
import TestSupport
import Transport

@testable import NVIDIA

/// Keys in the shapes that keys have; none was ever good for anything.
enum Keys {
  static let dgx = "0123456789dgxdgxdgxdABCDEFGHIJ0123456789"
  static let ngc = "nvapi-0123456789abcdefghij-ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuv"
}

extension NVIDIAStage {
  var services: NVIDIAServices {
    get throws {
      try NVIDIAServices(
        dgxAPI: address(.dgxAPI), ngcAPI: address(.ngcAPI), ngcAuthn: address(.authn))
    }
  }

  func catalog(_ key: String) throws -> NVIDIACatalog {
    NVIDIACatalog(key: try apiKey(key), services: try services, http: try client())
  }
}

func apiKey(_ text: String) throws -> APIKey {
  guard let key = APIKey(text) else { throw TestFailure("no key") }
  return key
}

/// A client that does not wait long between its attempts.
func client(retries: Int = 2, log: (@Sendable (String) -> Void)? = nil) throws -> HTTPClient {
  try HTTPClient(TransportOptions(retries: retries, backoff: .milliseconds(1), log: log))
}

/// A REST service that gives one answer to everything.
func scripted(_ answer: ScriptedResponse) -> ScriptedServer {
  ScriptedServer { _ in answer }
}

extension NVIDIAServices {
  /// All three services at `server`.
  init(at server: ScriptedServer) throws {
    try self.init(dgxAPI: server.url(), ngcAPI: server.url(""), ngcAuthn: server.url(""))
  }
}

/// Counts what a script was asked.
final class Counter: Sendable {
  private let count = Mutex(0)

  /// 0, 1, 2, …
  func next() -> Int {
    count.withLock { count in
      defer { count += 1 }
      return count
    }
  }
}

/// Keeps the lines of a log.
final class Lines: Sendable {
  private let lines = Mutex<[String]>([])

  func add(_ line: String) { lines.withLock { $0.append(line) } }
  var all: [String] { lines.withLock { $0 } }
}
