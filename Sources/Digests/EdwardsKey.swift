private import CCrypto

/// An Ed25519 key that signs (RFC 8032), and what its signatures are checked by.
struct EdwardsKey: Sendable {
  private let seed: [UInt8]
  /// Its public half, 32 bytes.
  let point: [UInt8]

  private static let signatureSize = 64

  /// The key of a seed of 32 bytes; nil for another number.
  init?(seed: [UInt8]) {
    guard seed.count == 32 else { return nil }
    let point = unsafe Self.withLibrary { library -> [UInt8]? in
      let key = unsafe EVP_PKEY_new_raw_private_key_ex(library, "ED25519", nil, seed, seed.count)
      defer { unsafe EVP_PKEY_free(key) }
      var point = [UInt8](repeating: 0, count: 32)
      var count = point.count
      guard unsafe key != nil, unsafe EVP_PKEY_get_raw_public_key(key, &point, &count) == 1 else {
        return nil
      }
      return point
    }
    guard let point else { return nil }
    self.seed = seed
    self.point = point
  }

  /// The signature of `message`, 64 bytes; nil where memory for it cannot be had.
  func signature(of message: [UInt8]) -> [UInt8]? {
    unsafe Self.withLibrary { library in
      let key = unsafe EVP_PKEY_new_raw_private_key_ex(library, "ED25519", nil, seed, seed.count)
      let context = unsafe EVP_MD_CTX_new()
      defer {
        unsafe EVP_MD_CTX_free(context)
        unsafe EVP_PKEY_free(key)
      }
      var signature = [UInt8](repeating: 0, count: Self.signatureSize)
      var count = signature.count
      guard unsafe key != nil, unsafe context != nil,
        unsafe EVP_DigestSignInit_ex(context, nil, nil, library, nil, key, nil) == 1,
        unsafe EVP_DigestSign(context, &signature, &count, message, message.count) == 1
      else { return nil }
      return signature
    }
  }

  /// Whether `signature` is one of `message` by the key with this public half, and its point is one that proves something.
  static func isValid(_ signature: [UInt8], of message: [UInt8], by point: [UInt8]) -> Bool {
    guard signature.count == signatureSize, !CurvePoint.isWeak(signature.prefix(32)) else { return false }
    return unsafe withLibrary { library in
      let key = unsafe EVP_PKEY_new_raw_public_key_ex(library, "ED25519", nil, point, point.count)
      let context = unsafe EVP_MD_CTX_new()
      defer {
        unsafe EVP_MD_CTX_free(context)
        unsafe EVP_PKEY_free(key)
      }
      return unsafe key != nil && context != nil
        && EVP_DigestVerifyInit_ex(context, nil, nil, library, nil, key, nil) == 1
        && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }
  }

  /// Gives `body` OpenSSL as it is built in: a machine's own configuration, which may allow less, does not count.
  private static func withLibrary<Result>(_ body: (OpaquePointer?) -> Result) -> Result {
    let library = unsafe OSSL_LIB_CTX_new()
    defer {
      unsafe OSSL_LIB_CTX_free(library)
      // What failed is told by its result, and is nothing to the thread's next user of OpenSSL.
      ERR_clear_error()
    }
    return unsafe body(library)
  }
}

/// Points of edwards25519 as keys and signatures have them: y in 255 bits, little-endian, and the sign of x in the last.
///
/// With a key whose point has one of the orders 1, 2, 4 and 8, one signature is right for a part of all contents, and whoever
/// makes such a key signs what nobody has written yet. RFC 8032 has verifiers take them; libsodium, and so minisign, does not,
/// and neither does it take a y beyond the field.
enum CurvePoint {
  /// 2^255 - 19, from its last byte to its first.
  private static let prime = [0x7F] + [UInt8](repeating: 0xFF, count: 30) + [0xED]

  /// The y of the eight points of those orders, from the last byte to the first: 0, 1, -1, and those of order 8, of which each
  /// is the other's negative.
  private static let weak: [[UInt8]] = [
    [UInt8](repeating: 0, count: 32),
    [UInt8](repeating: 0, count: 31) + [1],
    [0x7F] + [UInt8](repeating: 0xFF, count: 30) + [0xEC],
    [
      0x05, 0xFC, 0x53, 0x6D, 0x88, 0x02, 0x38, 0xB1, 0x39, 0x33, 0xC6, 0xD3, 0x05, 0xAC, 0xDF, 0xD5,
      0xF0, 0x98, 0xEF, 0xF2, 0x89, 0xF4, 0xC3, 0x45, 0xB0, 0x27, 0xB2, 0xC2, 0x8F, 0x95, 0xE8, 0x26,
    ],
    [
      0x7A, 0x03, 0xAC, 0x92, 0x77, 0xFD, 0xC7, 0x4E, 0xC6, 0xCC, 0x39, 0x2C, 0xFA, 0x53, 0x20, 0x2A,
      0x0F, 0x67, 0x10, 0x0D, 0x76, 0x0B, 0x3C, 0xBA, 0x4F, 0xD8, 0x4D, 0x3D, 0x70, 0x6A, 0x17, 0xC7,
    ],
  ]

  /// Whether the 32 bytes of a point are one that proves nothing, or no point's one form.
  static func isWeak(_ point: some Collection<UInt8>) -> Bool {
    guard point.count == 32 else { return true }
    var y = [UInt8](point.reversed())
    y[0] &= 0x7F
    return weak.contains(y) || !y.lexicographicallyPrecedes(prime)
  }
}
