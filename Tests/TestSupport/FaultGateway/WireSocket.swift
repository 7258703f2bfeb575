import Foundation
import Glibc

/// One side of a ``FaultGateway``: a connected socket, read through a buffer. Closed when it goes.
final class WireSocket {
  let descriptor: Int32
  private var buffer: ArraySlice<UInt8> = []
  private var scratch = [UInt8](repeating: 0, count: 64 << 10)

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    var noDelay: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &noDelay, socklen_t(MemoryLayout<Int32>.size))
    // What lies in buffers when a client is killed counts as sent: let it be little.
    var room: Int32 = 256 << 10
    setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &room, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Connects to a port of loopback; nil when nothing listens there.
  convenience init?(port: Int) {
    let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port)).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard isConnected else {
      close(descriptor)
      return nil
    }
    self.init(descriptor)
  }

  deinit { close(descriptor) }

  /// The next head; nil at the end of the connection.
  func readHead() -> WireHead? {
    var text: [UInt8] = []
    while let line = readLine() {
      if line.isEmpty { return WireHead(String(decoding: text.dropLast(2), as: UTF8.self)) }
      text += line + [13, 10]
      guard text.count < 1 << 20 else { return nil }
    }
    return nil
  }

  private func readLine() -> [UInt8]? {
    while true {
      if let end = buffer.firstIndex(of: 10) {
        let line = buffer[..<end]
        buffer = buffer[(end + 1)...]
        return line.last == 13 ? Array(line.dropLast()) : Array(line)
      }
      guard buffer.count < 1 << 20, let more = receive() else { return nil }
      buffer = buffer + more
    }
  }

  /// At most `count` bytes of what comes next, at least one; nil at the end of the connection.
  func read(_ count: Int) -> ArraySlice<UInt8>? {
    guard buffer.isEmpty else {
      let piece = buffer.prefix(count)
      buffer = buffer.dropFirst(count)
      return piece
    }
    return receive(min(count, scratch.count))
  }

  private func receive(_ limit: Int = .max) -> ArraySlice<UInt8>? {
    while true {
      let count = recv(descriptor, &scratch, min(scratch.count, limit), 0)
      if count < 0 && errno == EINTR { continue }
      return count > 0 ? scratch[..<count] : nil
    }
  }

  /// Gives `take` each piece of a body, without its framing, until it says no. True when the body's end came.
  func readBody(_ framing: WireHead.Framing, _ take: (ArraySlice<UInt8>) -> Bool) -> Bool {
    switch framing {
    case .length(var left):
      while left > 0 {
        guard let piece = read(left) else { return false }
        left -= piece.count
        guard take(piece) else { return false }
      }
      return true
    case .untilClose:
      while let piece = read(.max) {
        guard take(piece) else { return false }
      }
      return true
    case .chunked:
      while let line = readLine(),
        let size = Int(String(decoding: line.prefix { $0 != 59 }, as: UTF8.self), radix: 16)
      {
        guard size == 0 || readBody(.length(size), take), readLine() != nil else { return false }
        if size == 0 { return true }
      }
      return false
    }
  }

  /// False when the other side is gone.
  func send(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let count = Glibc.send(
          descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count, Int32(MSG_NOSIGNAL))
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return false }
        rest = rest.dropFirst(count)
      }
      return true
    }
  }

  /// Whether something can be read now, an end included.
  var isReadable: Bool {
    guard buffer.isEmpty else { return true }
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&waiting, 1, 0) > 0
  }

  /// Waits until the other side has gone, or `isOver`.
  ///
  /// That it has gone shows only behind what it had sent: after three seconds, in which it has to notice that
  /// nothing moves, that is read too.
  func waitForHangUp(isOver: () -> Bool) {
    // POLLRDHUP is not in Swift's Glibc module.
    let hangUp: Int16 = 0x2000
    let patience = ContinuousClock.now + .seconds(3)
    while !isOver() {
      let isPatient = ContinuousClock.now < patience
      var waiting = pollfd(fd: descriptor, events: isPatient ? hangUp : Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, 20) > 0 else { continue }
      guard !isPatient, receive() != nil else { return }
    }
  }

  /// Says that no more comes, and waits until the other side has taken that in and is gone.
  func hangUp() {
    shutdown(descriptor, Int32(SHUT_WR))
    while read(.max) != nil {}
  }

  /// Closing will be an RST.
  func closeWithReset() {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
  }
}
