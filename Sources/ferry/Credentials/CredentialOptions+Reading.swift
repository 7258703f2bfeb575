import FoundationEssentials
import Glibc

extension CredentialOptions {
  /// Reads the secrets that the flags point to. Throws ``CredentialError``.
  func read() throws -> PhaseCredentials.Explicit {
    if let username {
      guard let password = Self.trimmed(Self.standardInput()) else {
        throw CredentialError.noPasswordOnStandardInput
      }
      return .login(username: username, password: password)
    }
    guard let apiKeyFile else { return .none }
    guard let data = FileManager.default.contents(atPath: apiKeyFile) else {
      throw CredentialError.unreadable(path: apiKeyFile)
    }
    guard data.count <= Self.longestSecret, let key = Self.trimmed([UInt8](data)), !key.contains("\n") else {
      throw CredentialError.notAKey(path: apiKeyFile)
    }
    return .apiKey(key, path: apiKeyFile)
  }

  private static let longestSecret = 64 << 10

  private static func standardInput() -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while bytes.count <= longestSecret {
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(0, $0.baseAddress, $0.count) }
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    return bytes
  }

  /// The text without the white space around it; nil when nothing or no text is left.
  private static func trimmed(_ bytes: [UInt8]) -> String? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    var rest = text[...]
    while rest.first?.isWhitespace == true { rest.removeFirst() }
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return rest.isEmpty ? nil : String(rest)
  }
}
