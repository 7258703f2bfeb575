import Glibc

/// The three streams that a process is given.
enum StandardStreams {
  /// Takes the places of those that it was not given (`<&-`), as the C library does for programs with privileges:
  /// else the next file that is opened would be read, or written to, as one of them.
  static func occupy() {
    // The other way round than they are used, so that using them fails.
    for (descriptor, mode) in [
      (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY),
    ]
    where fcntl(descriptor, F_GETFD) < 0 {
      _ = unsafe open("/dev/null", mode)
    }
  }
}
