import CCrypto
import Foundation

/// A key that signs tokens as ES256 does (RFC 7518, 3.4): ECDSA over P-256 and SHA-256.
public final class TokenKey: @unchecked Sendable {
  private let key: OpaquePointer

  /// A new one.
  public init() throws {
    let context = EVP_PKEY_CTX_new_from_name(nil, "EC", nil)
    defer { EVP_PKEY_CTX_free(context) }
    var made: OpaquePointer?
    guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_CTX_set_group_name(context, "P-256") == 1,
      EVP_PKEY_generate(context, &made) == 1, let made
    else { throw TestFailure("OpenSSL makes no key") }
    key = made
  }

  /// The one in a file that `openssl` wrote.
  public init(pem file: String) throws {
    let text = try Data(contentsOf: URL(fileURLWithPath: file))
    let bytes = text.withUnsafeBytes { BIO_new_mem_buf($0.baseAddress, Int32($0.count)) }
    defer { BIO_free(bytes) }
    guard let read = PEM_read_bio_PrivateKey(bytes, nil, nil, nil) else {
      throw TestFailure("no key in \(file)")
    }
    key = read
  }

  deinit { EVP_PKEY_free(key) }

  /// The public half's two coordinates, 32 bytes each.
  public var point: [UInt8] {
    get throws {
      var bytes = [UInt8](repeating: 0, count: 65)
      var count = 0
      guard EVP_PKEY_get_octet_string_param(key, "pub", &bytes, bytes.count, &count) == 1, count == 65,
        bytes[0] == 4
      else { throw TestFailure("not a point of two coordinates") }
      return Array(bytes[1...])
    }
  }

  /// The signature's two numbers, 32 bytes each.
  public func signature(of message: [UInt8]) throws -> [UInt8] {
    let context = EVP_MD_CTX_new()
    defer { EVP_MD_CTX_free(context) }
    var bytes = [UInt8](repeating: 0, count: 80)
    var count = bytes.count
    guard EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key) == 1,
      EVP_DigestSign(context, &bytes, &count, message, message.count) == 1
    else { throw TestFailure("OpenSSL signs nothing") }
    // DER: a sequence of two integers, which have as many bytes as they need and perhaps a zero before.
    let first = 4..<4 + Int(bytes[3])
    let second = first.upperBound + 2..<first.upperBound + 2 + Int(bytes[first.upperBound + 1])
    return [first, second].flatMap { range in
      let number = bytes[range].suffix(32)
      return [UInt8](repeating: 0, count: 32 - number.count) + number
    }
  }
}
