import Foundation
import Glibc
import Synchronization

/// The threads' side of a ``ScriptedServer``: they own it, so that the server itself can go while they wait.
final class ScriptedListener: Sendable {
  private struct State {
    var requests: [ScriptedRequest] = []
    var sockets: Set<Int32> = []
    var accepted = 0
    var isStopped = false
    var keepsPort = false
  }

  let port: Int
  private let socket: Int32
  /// Bound to the port too, and never listening.
  private let placeholder: Int32
  private let script: ScriptedServer.Script
  private let reading: @Sendable (ScriptedRequest) -> ScriptedServer.BodyReading
  private let state = Mutex(State())
  private let arrivals = NSCondition()
  private let stopping = Gate()

  init(
    reading: @escaping @Sendable (ScriptedRequest) -> ScriptedServer.BodyReading,
    _ script: @escaping ScriptedServer.Script
  ) {
    self.script = script
    self.reading = reading
    (placeholder, port) = Self.bind()
    socket = Self.bind(port: port).socket
    guard Glibc.listen(socket, 128) == 0 else { fatalError("listen: \(String(cString: strerror(errno)))") }
    detach { [self] in acceptAll() }
  }

  var requests: [ScriptedRequest] { state.withLock { $0.requests } }
  var connections: Int { state.withLock { $0.accepted } }

  func waitForRequests(_ count: Int, seconds: Double) -> Bool {
    let end = Date(timeIntervalSinceNow: seconds)
    return arrivals.withLock {
      while requests.count < count {
        guard arrivals.wait(until: end) else { return requests.count >= count }
      }
      return true
    }
  }

  deinit {
    if !state.withLock({ $0.keepsPort }) { close(placeholder) }
  }

  /// Nobody is to get the port when this listener has gone.
  func reservePort() { state.withLock { $0.keepsPort = true } }

  /// Wakes every thread; each closes what it has.
  func stop() {
    stopping.open()
    state.withLock { state in
      guard !state.isStopped else { return }
      state.isStopped = true
      shutdown(socket, Int32(SHUT_RDWR))
      for socket in state.sockets { shutdown(socket, Int32(SHUT_RDWR)) }
    }
  }

  private func acceptAll() {
    while true {
      let connection = accept(socket, nil, nil)
      guard connection >= 0 else {
        if errno == EINTR || errno == ECONNABORTED { continue }
        break
      }
      _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
      let number: Int? = state.withLock { state in
        guard !state.isStopped else { return nil }
        state.sockets.insert(connection)
        state.accepted += 1
        return state.accepted - 1
      }
      guard let number else {
        close(connection)
        break
      }
      detach { [self] in serve(connection, number: number) }
    }
    state.withLock { state in
      state.isStopped = true
      close(socket)
    }
  }

  private func serve(_ socket: Int32, number: Int) {
    var noDelay: Int32 = 1
    setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &noDelay, socklen_t(MemoryLayout<Int32>.size))
    let connection = ScriptedConnection(socket: socket, number: number)
    while let head = connection.nextHead(), answer(head, on: connection) {}
    state.withLock { state in
      state.sockets.remove(socket)
      close(socket)
    }
  }

  /// False when the connection has ended.
  private func answer(_ head: ScriptedRequest, on connection: ScriptedConnection) -> Bool {
    var request = head
    if case .all = reading(head) { connection.readBody(into: &request) }
    let index = state.withLock { state in
      state.requests.append(request)
      return state.requests.count - 1
    }
    arrivals.withLock { arrivals.broadcast() }
    let goesOn = connection.perform(script(request), request: &request, stopping: stopping)
    state.withLock { $0.requests[index] = request }
    return goesOn
  }

  private func detach(_ work: @escaping @Sendable () -> Void) {
    let thread = Thread(block: work)
    thread.stackSize = 1 << 20
    thread.start()
  }

  /// A socket that listens on a free port of loopback.
  static func listen() -> (socket: Int32, port: Int) {
    let bound = bind()
    guard Glibc.listen(bound.socket, 128) == 0 else {
      fatalError("listen: \(String(cString: strerror(errno)))")
    }
    return bound
  }

  /// A socket on a port of loopback, a free one if it is 0. Several may have one port while none listens.
  private static func bind(port: Int = 0) -> (socket: Int32, port: Int) {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var isShared: Int32 = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &isShared, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port)).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        Glibc.bind(socket, address, length) == 0 && getsockname(socket, address, &length) == 0
      }
    }
    guard isBound else { fatalError("bind: \(String(cString: strerror(errno)))") }
    return (socket, Int(UInt16(bigEndian: address.sin_port)))
  }
}
