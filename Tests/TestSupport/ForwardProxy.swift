import Foundation
import Glibc
import Synchronization

/// A proxy for HTTP, by `CONNECT` and by whole URLs, with and without a login. Every name it is given leads to loopback, so
/// that tests can make names up. It listens on a free port and ends with the last reference to it.
public final class ForwardProxy: Sendable {
  private let listener: ProxyListener

  /// Without `login`, a `user:password`, it serves everybody.
  public init(login: String? = nil) {
    listener = ProxyListener(login: login)
  }

  deinit { listener.stop() }

  /// `127.0.0.1:port`.
  public var host: String { "127.0.0.1:\(listener.port)" }

  /// Every request for it: `CONNECT host:port`, `GET http://host/path`.
  public var lines: [String] { listener.heads.map { "\($0.method) \($0.target)" } }

  /// All headers of all requests for it.
  public var headers: String { listener.heads.map { String(decoding: $0.bytes, as: UTF8.self) }.joined() }
}

/// The threads' side of a ``ForwardProxy``.
private final class ProxyListener: Sendable {
  private struct State {
    var heads: [WireHead] = []
    var sockets: Set<Int32> = []
    var isStopped = false
  }

  let port: Int
  private let socket: Int32
  private let authorization: String?
  private let state = Mutex(State())

  init(login: String?) {
    authorization = login.map { "Basic " + Data($0.utf8).base64EncodedString() }
    (socket, port) = ScriptedListener.listen()
    detach { [self] in acceptAll() }
  }

  var heads: [WireHead] { state.withLock { $0.heads } }

  /// Wakes every thread; each closes what it has.
  func stop() {
    state.withLock { state in
      state.isStopped = true
      shutdown(socket, Int32(SHUT_RDWR))
      for socket in state.sockets { shutdown(socket, Int32(SHUT_RDWR)) }
    }
  }

  private func acceptAll() {
    while true {
      let accepted = accept(socket, nil, nil)
      if accepted < 0, errno == EINTR || errno == ECONNABORTED { continue }
      guard accepted >= 0 else { break }
      detach { [self] in
        let client = WireSocket(accepted)
        if begin(client) {
          serve(client)
          end(client)
        }
      }
    }
    close(socket)
  }

  /// Makes a socket one that ``stop()`` wakes. False when that was already.
  private func begin(_ socket: WireSocket) -> Bool {
    state.withLock { state in
      if !state.isStopped { state.sockets.insert(socket.descriptor) }
      return !state.isStopped
    }
  }

  private func end(_ socket: WireSocket) {
    state.withLock { _ = $0.sockets.remove(socket.descriptor) }
  }

  private func serve(_ client: WireSocket) {
    while let head = client.readHead() {
      state.withLock { $0.heads.append(head) }
      guard authorization == nil || head["Proxy-Authorization"] == authorization else {
        guard refuse(client, head) else { return }
        continue
      }
      if head.method == "CONNECT" { return tunnel(client, to: head.target) }
      guard relay(client, head) else { return }
    }
  }

  private func refuse(_ client: WireSocket, _ head: WireHead) -> Bool {
    guard client.readBody(head.requestFraming, { _ in true }) else { return false }
    let answer = WireHead(
      status: 407, headers: [("Proxy-Authenticate", "Basic realm=\"p\""), ("Content-Length", "0")])
    return client.send(answer.bytes[...])
  }

  private func tunnel(_ client: WireSocket, to target: String) {
    guard let port = target.split(separator: ":").last.flatMap({ Int($0) }),
      let server = WireSocket(port: port), begin(server)
    else {
      _ = client.send(WireHead(status: 502, headers: [("Content-Length", "0")]).bytes[...])
      return
    }
    defer { end(server) }
    guard client.send(Array("HTTP/1.1 200 Connected\r\n\r\n".utf8)[...]) else { return }
    let (inside, outside) = (client.descriptor, server.descriptor)
    let isOver = Gate()
    detach {
      Self.pump(from: outside, to: inside)
      isOver.open()
    }
    Self.pump(from: inside, to: outside)
    _ = isOver.wait(seconds: 300)
  }

  /// Hands on what comes until either side has gone, and then ends both.
  private static func pump(from source: Int32, to sink: Int32) {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    defer { for socket in [source, sink] { shutdown(socket, Int32(SHUT_RDWR)) } }
    while true {
      let count = recv(source, &buffer, buffer.count, 0)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      var sent = 0
      while sent < count {
        let more = buffer.withUnsafeBytes {
          Glibc.send(sink, $0.baseAddress.map { $0 + sent }, count - sent, Int32(MSG_NOSIGNAL))
        }
        guard more > 0 else { return }
        sent += more
      }
    }
  }

  /// Hands one request on, and its answer back. False when the connection has ended.
  private func relay(_ client: WireSocket, _ head: WireHead) -> Bool {
    guard let url = URL(string: head.target), let server = WireSocket(port: url.port ?? 80), begin(server)
    else {
      _ = client.send(WireHead(status: 502, headers: [("Content-Length", "0")]).bytes[...])
      return false
    }
    defer { end(server) }
    var request = head
    let path = head.target.dropFirst("http://".count).drop { $0 != "/" }
    request.retarget(path.isEmpty ? "/" : String(path))
    request["Proxy-Authorization"] = nil
    request["Proxy-Connection"] = nil
    request["Connection"] = "close"
    guard server.send(request.bytes[...]),
      client.readBody(head.requestFraming, { server.send($0) })
    else { return false }
    // The answer ends with its connection, and so does the client's.
    while let piece = server.read(.max) {
      guard client.send(piece) else { return false }
    }
    return false
  }

  private func detach(_ work: @escaping @Sendable () -> Void) {
    let thread = Thread(block: work)
    thread.stackSize = 1 << 20
    thread.start()
  }
}
