import Glibc

/// Reads what the user points to: a file, a pipe such as `<(…)`, or standard input as `-`.
enum InputFile {
  /// The bytes of `path`, at most one more than `limit`; nil when it cannot be read.
  static func bytes(of path: String, limit: Int) -> [UInt8]? {
    guard path != "-" else { return bytes(from: 0, limit: limit) }
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return bytes(from: descriptor, limit: limit)
  }

  private static func bytes(from descriptor: Int32, limit: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count <= limit {
      let wanted = min(buffer.count, limit - bytes.count + 1)
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, wanted) }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { return nil }
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    return bytes
  }
}
