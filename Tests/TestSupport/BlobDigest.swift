import CCrypto

/// Content's name: `sha256:` and 64 hexadecimal digits, computed without Ferry's help.
public enum BlobDigest {
  public static func of(_ bytes: some Sequence<UInt8>) -> String { of(bytes, by: "sha256") }

  /// The same by another algorithm, `sha384` or `sha512`.
  public static func of(_ bytes: some Sequence<UInt8>, by algorithm: String) -> String {
    digest(algorithm) { take in take(Array(bytes)) }
  }

  /// The name of `count` times `chunk`.
  public static func of(_ chunk: [UInt8], times count: Int) -> String {
    digest("sha256") { take in for _ in 0..<count { take(chunk) } }
  }

  private static func digest(_ algorithm: String, of content: (_ take: ([UInt8]) -> Void) -> Void) -> String {
    let context = EVP_MD_CTX_new()
    defer { EVP_MD_CTX_free(context) }
    EVP_DigestInit_ex(context, EVP_get_digestbyname(algorithm), nil)
    content { EVP_DigestUpdate(context, $0, $0.count) }
    var hash = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    EVP_DigestFinal_ex(context, &hash, &count)
    return "\(algorithm):"
      + hash.prefix(Int(count)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
