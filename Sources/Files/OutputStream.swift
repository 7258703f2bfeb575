private import CLinux
import Glibc

/// A pipe, socket, terminal or file that is written from start to end. The descriptor stays its owner's.
public struct OutputStream: Sendable {
  public let descriptor: Int32
  /// What errors call it.
  public let name: String
  private let kind: Kind
  private let isCancelled: @Sendable () -> Bool

  /// What a descriptor leads to, by how it can be written without waiting for whoever reads it.
  private enum Kind {
    /// Waits for nobody.
    case file
    case socket
    /// A pipe, or a terminal.
    case pipe
  }

  /// `isCancelled` is asked while nobody reads: whether the task was, unless something else ends the writing.
  public init(
    descriptor: Int32, name: String, isCancelled: @escaping @Sendable () -> Bool = { Task.isCancelled }
  ) {
    self.isCancelled = isCancelled
    self.descriptor = descriptor
    self.name = name
    kind = Self.kind(of: descriptor)
  }

  private static func kind(of descriptor: Int32) -> Kind {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { return .file }
    switch status.st_mode & S_IFMT {
    case S_IFSOCK: return .socket
    case S_IFIFO: return .pipe
    default: return isatty(descriptor) == 1 ? .pipe : .file
    }
  }

  /// How often the writer looks whether its task was cancelled while nobody reads, in milliseconds.
  private static let patience: Int32 = 200
  /// What a pipe that takes anything takes at once (pipe(7)), in bytes: a longer write waits for its reader, and not for a
  /// cancellation. The descriptor is not made one that never waits: others may write to the same pipe.
  private static let atOnce = 4096

  /// Writes all of `bytes`, waiting for whoever reads them. Throws ``FileError/cancelled`` when that is cancelled while
  /// nobody does.
  public func write(_ bytes: RawSpan) throws(FileError) {
    try unsafe bytes.withUnsafeBytes { (buffer) throws(FileError) in
      var done = 0
      while done < buffer.count {
        if kind != .file { try waitForReader() }
        let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[done...])
        let count = unsafe write(rest)
        if count >= 0 {
          done += count
          continue
        }
        switch errno {
        case EINTR: continue
        case EAGAIN: try waitForReader()
        case ENOSPC, EDQUOT: throw .noSpace(path: name, needed: nil, available: nil, code: errno)
        case let code: throw .file(.write, path: name, code: code)
        }
      }
    }
  }

  /// How many bytes were written, or -1.
  private func write(_ bytes: UnsafeRawBufferPointer) -> Int {
    switch kind {
    case .file: unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count)
    case .pipe: unsafe Glibc.write(descriptor, bytes.baseAddress, min(bytes.count, Self.atOnce))
    case .socket:
      unsafe send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
    }
  }

  private func waitForReader() throws(FileError) {
    while true {
      var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      let ready = unsafe poll(&waiting, 1, Self.patience)
      // What is wrong with the descriptor the write will say.
      guard ready == 0 || ready < 0 && errno == EINTR else { return }
      guard !isCancelled() else { throw .cancelled }
    }
  }
}
