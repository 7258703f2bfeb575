/// scrypt's parameters, as libsodium derives them from the two limits that a minisign key states
/// (`crypto_pwhash_scryptsalsa208sha256`, `pickparams`).
struct ScryptCost: Hashable {
  let blockSize = 8
  /// A power of two.
  let rounds: Int
  let parallelism: Int

  /// The most that a key may ask for, in bytes: four times minisign's default.
  static let largestMemory: UInt64 = 4 << 30
  /// And the most operations, which cost time that nothing can cut short: four times minisign's default.
  static let mostOperations: UInt64 = 4 << 25

  /// Throws ``SignatureError/costlyPassword(memory:)`` and ``SignatureError/slowPassword`` before any of it is spent.
  init(operations: UInt64, memory: UInt64) throws(SignatureError) {
    guard memory <= Self.largestMemory else { throw .costlyPassword(memory: memory) }
    guard operations <= Self.mostOperations else { throw .slowPassword }
    let operations = max(operations, 32_768)
    let isBoundByOperations = operations < memory / 32
    // Each round costs 4 operations, and 128 bytes, for each unit of the block size.
    let most = isBoundByOperations ? operations / 32 : memory / 1024
    var exponent = 1
    while exponent < 40, 1 << exponent <= most / 2 { exponent += 1 }
    rounds = 1 << exponent
    parallelism = isBoundByOperations ? 1 : max(1, Int(operations / 4 / UInt64(rounds)) / 8)
    guard self.memory <= Self.largestMemory else { throw .costlyPassword(memory: self.memory) }
  }

  /// In bytes.
  var memory: UInt64 { UInt64(128 * blockSize) * UInt64(rounds + parallelism) }
}
