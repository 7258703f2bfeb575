import Glibc

/// Asks for a password at the terminal, which does not show it.
enum PasswordPrompt {
  /// The longest password, in bytes: minisign's own limit.
  private static let longest = 1024

  /// What was typed, without the line's end; nil when there is no terminal. Throws `CancellationError` when the
  /// work is cancelled meanwhile.
  static func ask(_ question: Wording) throws -> [UInt8]? {
    let terminal = unsafe open("/dev/tty", O_RDWR | O_CLOEXEC)
    guard terminal >= 0 else { return nil }
    defer { close(terminal) }
    var before = termios()
    guard unsafe tcgetattr(terminal, &before) == 0 else { return nil }
    var silent = before
    silent.c_lflag &= ~tcflag_t(ECHO)
    // What was typed before the question is no answer to it.
    guard unsafe tcsetattr(terminal, TCSAFLUSH, &silent) == 0 else { return nil }
    defer {
      _ = unsafe tcsetattr(terminal, TCSAFLUSH, &before)
      say("\n", to: terminal)
    }
    say(question.text, to: terminal)
    return try line(from: terminal)
  }

  /// Waits in short steps: an interrupt must find the terminal as it was.
  private static func line(from terminal: Int32) throws -> [UInt8] {
    var line: [UInt8] = []
    while true {
      try Task.checkCancellation()
      var wait = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
      guard unsafe poll(&wait, 1, 100) > 0 else { continue }
      var byte: UInt8 = 0
      let count = unsafe read(terminal, &byte, 1)
      if count < 0, errno == EINTR { continue }
      guard count == 1, byte != UInt8(ascii: "\n"), line.count < longest else { return line }
      line.append(byte)
    }
  }

  private static func say(_ text: String, to terminal: Int32) {
    let bytes = Array(text.utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe write(terminal, $0.baseAddress, $0.count) }
  }
}
