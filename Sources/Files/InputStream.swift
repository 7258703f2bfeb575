import Glibc

/// A pipe, socket or terminal that is read from start to end.
public struct InputStream: Sendable {
  public let descriptor: Int32
  /// What errors call it.
  public let name: String
  /// Whose the descriptor is; nil where it is the caller's.
  private let owner: DataFile?

  /// Of a descriptor that stays its owner's.
  public init(descriptor: Int32, name: String) {
    self.descriptor = descriptor
    self.name = name
    owner = nil
  }

  private init(owner: DataFile) {
    descriptor = owner.descriptor
    name = owner.path
    self.owner = owner
  }

  /// Opens a named pipe, as those of `<(…)` and `/dev/stdin` are, without waiting for its writer; nil when `path` leads to
  /// none.
  public static func open(pipe path: String) throws(FileError) -> InputStream? {
    guard FileStatus.isPipe(path) else { return nil }
    let descriptor = unsafe Glibc.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw .file(.open, path: path, code: errno) }
    return InputStream(owner: DataFile(path: path, descriptor: descriptor))
  }

  /// How often the reader looks whether its task was cancelled while nothing comes, in milliseconds.
  private static let patience: Int32 = 200

  /// Reads what there is, waiting for it; 0 only at the end. Throws ``FileError/cancelled`` when the task is.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
    // Whoever owns the descriptor would close it.
    defer { withExtendedLifetime(owner) {} }
    while true {
      guard !Task.isCancelled else { throw .cancelled }
      var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = unsafe poll(&waiting, 1, Self.patience)
      // Not to be read after a signal either: that would wait for bytes, and look at nothing until they come.
      guard ready != 0, ready > 0 || errno != EINTR else { continue }
      guard ready > 0 else { throw .file(.read, path: name, code: errno) }
      let count = unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      if count >= 0 { return count }
      guard errno == EINTR || errno == EAGAIN else { throw .file(.read, path: name, code: errno) }
    }
  }
}
