import Foundation

/// A listening TCP socket on a free port of loopback.
struct LoopbackListener: Sendable {
  let descriptor: Int32
  let port: UInt16

  /// Throws ``TestFailure`` when the system gives no socket.
  init() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, length) == 0 && listen(descriptor, 511) == 0
          && getsockname(descriptor, address, &length) == 0
      }
    }
    guard isListening else { throw TestFailure("no socket: \(String(cString: strerror(errno)))") }
    self.descriptor = descriptor
    port = UInt16(bigEndian: address.sin_port)
  }

  /// `127.0.0.1:port`.
  var host: String { "127.0.0.1:\(port)" }

  /// A `127.0.0.1:port` where nothing listens at the moment.
  static func freeHost() throws -> String {
    let listener = try Self()
    close(listener.descriptor)
    return listener.host
  }
}
