private import CCrypto

/// scrypt (RFC 7914): a key out of a password, at a cost of time and memory that makes guessing expensive.
enum Scrypt {
  /// A key of `count` bytes. `rounds` is the RFC's N, a power of two, `blockSize` its r, `parallelism` its p. nil where the
  /// memory for it, 128 × r × N bytes, cannot be had.
  static func key(
    from password: [UInt8], salt: [UInt8], rounds: Int, blockSize: Int, parallelism: Int, count: Int
  ) -> [UInt8]? {
    let library = unsafe OSSL_LIB_CTX_new()
    defer {
      unsafe OSSL_LIB_CTX_free(library)
      ERR_clear_error()
    }
    var key = [UInt8](repeating: 0, count: count)
    let isMade = unsafe password.withUnsafeBytes { password in
      unsafe EVP_PBE_scrypt_ex(
        password.assumingMemoryBound(to: CChar.self).baseAddress, password.count, salt, salt.count,
        UInt64(rounds),
        UInt64(blockSize), UInt64(parallelism), UInt64.max, &key, count, library, nil)
    }
    return isMade == 1 ? key : nil
  }
}
