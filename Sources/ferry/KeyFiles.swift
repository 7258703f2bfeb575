import Credentials
import Digests
import Glibc
import Transport

/// minisign's keys, as the user points at them.
enum KeyFiles {
  /// Far beyond any key file, in bytes.
  private static let longest = 64 << 10

  /// The public key in a file, or written out as `RW…`. Throws ``FerryError``, and `CancellationError` when
  /// the task is cancelled meanwhile.
  static func publicKey(_ text: String) throws -> VerificationKey {
    if text.hasPrefix(VerificationKey.textPrefix), let key = try? VerificationKey(text: Array(text.utf8)) {
      return key
    }
    let bytes = try InputFile.bytes(of: text, limit: longest)
    do { return try VerificationKey(text: bytes) } catch { throw FerryError.keyRefused(path: text, error) }
  }

  /// The secret key in the file at `path`, opened with the password in `environment` or one typed at the
  /// terminal. Throws ``FerryError``, and `CancellationError` when the user gives up.
  static func signingKey(_ path: String, environment: Environment, _ console: Console) throws
    -> SigningKey
  {
    let bytes = try InputFile.bytes(of: path, limit: longest)
    if Paths.isReadableByOthers(path) {
      console.complain(CredentialText.line(for: .keyFileReadable(path: path)))
    }
    do {
      let file = try SigningKeyFile(text: bytes)
      guard file.isLocked else { return try file.open() }
      if let password = environment.signPassphrase {
        return try file.open(password: Array(password.utf8))
      }
      guard let password = try PasswordPrompt.ask("Password of \(path): ") else {
        throw FerryError.noKeyPassword(path: path)
      }
      console.secrets.add([String(decoding: password, as: UTF8.self)])
      return try file.open(password: password)
    } catch let error as SignatureError {
      throw FerryError.keyRefused(path: path, error)
    }
  }
}

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

  /// Reads what is typed up to the line's end. An interrupt must find the terminal as it was.
  private static func line(from terminal: Int32) throws -> [UInt8] {
    var line: [UInt8] = []
    while true {
      try InputFile.wait(for: terminal)
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
