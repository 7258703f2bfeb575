import Glibc

/// A pipe, socket or terminal that is read from start to end. The descriptor stays its owner's.
struct InputStream: Sendable {
  let descriptor: Int32
  /// What errors call it.
  let name: String

  /// How often the reader looks whether its task was cancelled while nothing comes, in milliseconds.
  private static let patience: Int32 = 200

  /// Reads what there is, waiting for it; 0 only at the end. Throws ``ArchiveError/cancelled`` when the task is.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
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
