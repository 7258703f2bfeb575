import Foundation

/// The kernel's word on what happens to the files of a directory.
public enum DirectoryWatch {
  /// Waits until `isMet`, looking again whenever a file in `directory` is made, written, renamed or removed.
  /// False when it was not within `limit`.
  public static func wait(
    in directory: String, within limit: Duration = .seconds(300), until isMet: () -> Bool
  ) throws -> Bool {
    let watch = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
    guard watch >= 0 else { throw TestFailure("no inotify: \(String(cString: strerror(errno)))") }
    defer { close(watch) }
    let events = UInt32(IN_CREATE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE)
    guard inotify_add_watch(watch, directory, events) >= 0 else {
      throw TestFailure("cannot watch \(directory): \(String(cString: strerror(errno)))")
    }
    let end = limit.fromNow
    var scratch = [UInt8](repeating: 0, count: 64 << 10)
    while !isMet() {
      let left = end.timeIntervalSinceNow
      guard left > 0 else { return false }
      var waiting = pollfd(fd: watch, events: Int16(POLLIN), revents: 0)
      _ = poll(&waiting, 1, Int32(left * 1000) + 1)
      // What happened is of no interest, only that something did.
      while read(watch, &scratch, scratch.count) > 0 {}
    }
    return true
  }
}
