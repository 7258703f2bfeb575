import Glibc

/// A file that the user points at: a plain one, a pipe such as `/dev/stdin` or a shell's `<(…)`, or standard
/// input as `-`. (`FileManager` reads no pipes.)
enum InputFile {
  /// What the file holds, of which never more than `limit` bytes and one are read. Throws ``FerryError/unreadable(path:code:)``,
  /// and `CancellationError` when the task is cancelled meanwhile, whether or not anything comes.
  static func bytes(of path: String, limit: Int) throws -> [UInt8] {
    guard path != "-" else { return try bytes(of: STDIN_FILENO, called: "standard input", limit: limit) }
    // A pipe's writer is waited for where the task can be cancelled, not here.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FerryError.unreadable(path: path, code: errno) }
    defer { close(descriptor) }
    return try bytes(of: descriptor, called: path, limit: limit)
  }

  /// Returns when something can be read, or nothing ever will be. Throws `CancellationError` when the task is cancelled
  /// before that, for which it looks in short steps.
  static func wait(for descriptor: Int32) throws(CancellationError) {
    var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while true {
      if Task.isCancelled { throw CancellationError() }
      let ready = unsafe poll(&wanted, 1, 100)
      if ready > 0 || ready < 0 && errno != EINTR { return }
    }
  }

  private static func bytes(of descriptor: Int32, called path: String, limit: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count <= limit {
      try wait(for: descriptor)
      let wanted = min(buffer.count, limit + 1 - bytes.count)
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, wanted) }
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      guard count >= 0 else { throw FerryError.unreadable(path: path, code: errno) }
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    return bytes
  }
}

/// A list of lines, as `ferry list` prints them and `-f` and `--map-file` read them.
enum ImageList {
  /// Far beyond any real list, in bytes.
  private static let longest = 64 << 20

  /// The lines of `path`, or of standard input for `-`, without comments, blanks and empty lines. Throws ``FerryError``, and
  /// `CancellationError` when the task is cancelled meanwhile.
  static func read(_ path: String) throws -> [String] {
    let bytes = try InputFile.bytes(of: path, limit: longest)
    guard bytes.count <= longest, let text = String(validating: bytes, as: UTF8.self), !text.contains("\0")
    else {
      throw FerryError.notAList(path: path)
    }
    return lines(of: text)
  }

  /// `#` starts a comment at the beginning of a line or after a blank.
  static func lines(of text: String) -> [String] {
    text.split(whereSeparator: \.isNewline).compactMap { line in
      var kept = ""
      for character in line {
        if character == "#", kept.last?.isWhitespace ?? true { break }
        kept.append(character)
      }
      while kept.last?.isWhitespace == true { kept.removeLast() }
      let trimmed = kept.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
      return trimmed.isEmpty ? nil : String(trimmed)
    }
  }
}
