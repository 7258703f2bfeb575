import Glibc

/// A pipe, terminal or file that is written from start to end. The descriptor stays its owner's.
public struct OutputStream: Sendable {
  public let descriptor: Int32
  /// What errors call it.
  public let name: String

  public init(descriptor: Int32, name: String) {
    self.descriptor = descriptor
    self.name = name
  }

  /// Writes all of `bytes`.
  public func write(_ bytes: RawSpan) throws(FileError) {
    try unsafe bytes.withUnsafeBytes { (buffer) throws(FileError) in
      var done = 0
      while done < buffer.count {
        let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[done...])
        let count = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
        if count >= 0 {
          done += count
          continue
        }
        switch errno {
        case EINTR: continue
        case EAGAIN:
          var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          unsafe poll(&waiting, 1, -1)
        case ENOSPC, EDQUOT: throw .noSpace(path: name, needed: nil, available: nil, code: errno)
        case let code: throw .file(.write, path: name, code: code)
        }
      }
    }
  }
}
