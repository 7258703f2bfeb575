import Glibc

/// A file that the user points at: a plain one, a pipe such as `/dev/stdin` or a shell's `<(…)`, or standard
/// input as `-`. (`FileManager` reads no pipes.)
enum InputFile {
  /// What the file holds, of which never more than `limit` bytes and one are read; nil when it cannot be read.
  static func bytes(of path: String, limit: Int) -> [UInt8]? {
    guard path != "-" else { return bytes(of: 0, limit: limit) }
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return bytes(of: descriptor, limit: limit)
  }

  private static func bytes(of descriptor: Int32, limit: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count <= limit {
      let wanted = min(buffer.count, limit + 1 - bytes.count)
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, wanted) }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { return nil }
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    return bytes
  }
}
