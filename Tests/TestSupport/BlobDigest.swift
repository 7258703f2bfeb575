import Crypto

/// Content's name: `sha256:` and 64 hexadecimal digits, computed without Ferry's help.
public enum BlobDigest {
  public static func of(_ bytes: some Sequence<UInt8>) -> String { text(SHA256.hash(data: Array(bytes))) }

  /// The same by another algorithm, `sha384` or `sha512`.
  public static func of(_ bytes: some Sequence<UInt8>, by algorithm: String) -> String {
    switch algorithm {
    case "sha384": "sha384:" + hex(SHA384.hash(data: Array(bytes)))
    case "sha512": "sha512:" + hex(SHA512.hash(data: Array(bytes)))
    default: of(bytes)
    }
  }

  private static func hex(_ hash: some Sequence<UInt8>) -> String {
    hash.map { byte in
      let text = String(byte, radix: 16)
      return text.count == 1 ? "0\(text)" : text
    }.joined()
  }

  /// The name of `count` times `chunk`.
  public static func of(_ chunk: [UInt8], times count: Int) -> String {
    var hash = SHA256()
    for _ in 0..<count { hash.update(data: chunk) }
    return text(hash.finalize())
  }

  private static func text(_ hash: SHA256.Digest) -> String {
    "sha256:"
      + hash.map { byte in
        let text = String(byte, radix: 16)
        return text.count == 1 ? "0\(text)" : text
      }.joined()
  }
}
