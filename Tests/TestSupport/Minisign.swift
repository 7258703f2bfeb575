import Foundation

/// Debian's `minisign`, with a pair of keys of its own in a directory of its own.
public struct Minisign: Sendable {
  public let directory: TemporaryDirectory
  public var secretKey: String { directory.file("minisign.key") }
  public var publicKey: String { directory.file("minisign.pub") }

  /// Makes the keys. One with a password gets a weaker one than by default: minisign takes no more memory for it
  /// than it has, and 1 GiB for each test is too much.
  public init(password: String? = nil) throws {
    directory = TemporaryDirectory()
    let generate = ["minisign", "-G", "-p", publicKey, "-s", secretKey]
    var command =
      password == nil
      ? Command(generate[0], Array(generate.dropFirst()) + ["-W"])
      : Command("sh", ["-c", "ulimit -v 200000; exec \"$@\"", "sh"] + generate)
    if let password { command.input = Array("\(password)\n\(password)\n".utf8) }
    let result = try command.run()
    guard result.status == 0 else { throw TestFailure("minisign -G: \(result.standardError)") }
    chmod(secretKey, 0o600)
  }

  /// The public key's one line of base64.
  public var publicText: String {
    get throws {
      let text = try String(contentsOfFile: publicKey, encoding: .utf8)
      return String(text.split(separator: "\n").last ?? "")
    }
  }

  /// Signs the file at `path`; `isLegacy` as minisign did before it hashed.
  public func sign(_ path: String, isLegacy: Bool = false) throws {
    try Command.run("minisign", ["-S", "-s", secretKey, "-m", path] + (isLegacy ? ["-l"] : []))
  }

  /// Whether minisign takes `path.minisig` for a signature over `path` with this key.
  public func accepts(_ path: String) throws -> Bool {
    try Command("minisign", ["-V", "-p", publicKey, "-m", path]).run().status == 0
  }
}
