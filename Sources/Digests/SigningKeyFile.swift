/// minisign's secret key as its file holds it: open (`minisign -G -W`), or locked with a password.
public struct SigningKeyFile: Sendable {
  private let keyAlgorithm: [UInt8]
  private let cost: ScryptCost?
  private let salt: [UInt8]
  /// The key's id, seed and public half, and a checksum over them; masked while it is locked.
  private let masked: [UInt8]

  private static let secretSize = 72
  private static let checksumSize = 32
  /// `Ed`, the password's algorithm, the checksum's, a salt of 32 bytes and two limits of 8.
  private static let headSize = 54

  /// Reads the file. Throws ``SignatureError/malformedSecretKey`` and ``SignatureError/costlyPassword(memory:)``.
  public init(text: [UInt8]) throws(SignatureError) {
    guard let lines = MinisignText.lines(of: text), lines.count == 2,
      lines[0].hasPrefix(MinisignText.untrusted),
      let bytes = MinisignText.bytes(
        lines[1], count: Self.headSize + Self.secretSize + Self.checksumSize)
    else { throw .malformedSecretKey }
    keyAlgorithm = Array(bytes[..<2])
    guard keyAlgorithm == Array("Ed".utf8), Array(bytes[4..<6]) == Array("B2".utf8) else {
      throw .malformedSecretKey
    }
    switch Array(bytes[2..<4]) {
    case [0, 0]: cost = nil
    case Array("Sc".utf8):
      cost = try ScryptCost(operations: Self.number(bytes[38..<46]), memory: Self.number(bytes[46..<54]))
    default: throw .malformedSecretKey
    }
    salt = Array(bytes[6..<38])
    masked = Array(bytes[Self.headSize...])
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Whether ``open(password:)`` is needed.
  public var isLocked: Bool { cost != nil }

  /// The key of a file that has no password. Throws ``SignatureError/wrongPassword`` for one that has.
  public func open() throws(SignatureError) -> SigningKey {
    guard cost == nil else { throw .wrongPassword }
    return try SigningKey(secret: Array(masked[..<Self.secretSize]))
  }

  /// Opens the key with its password. That takes seconds and, at minisign's default cost, 1 GiB of memory.
  /// Throws ``SignatureError/wrongPassword``.
  public func open(password: [UInt8]) throws(SignatureError) -> SigningKey {
    guard let cost else { return try open() }
    let mask = Scrypt.key(
      from: password, salt: salt, rounds: cost.rounds, blockSize: cost.blockSize,
      parallelism: cost.parallelism, count: masked.count)
    guard let mask else { throw .costlyPassword(memory: cost.memory) }
    let open = zip(masked, mask).map { $0 ^ $1 }
    let secret = Array(open[..<Self.secretSize])
    let checksum = BLAKE2b.hash(keyAlgorithm + secret, length: Self.checksumSize)
    guard checksum == Array(open[Self.secretSize...]) else { throw .wrongPassword }
    return try SigningKey(secret: secret)
  }
}

extension SigningKeyFile: CustomStringConvertible, CustomReflectable {
  public var description: String { "secret key file" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

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

  /// And the most lanes, which take memory and time beside those.
  static let mostLanes = 4096

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
    guard parallelism <= Self.mostLanes else { throw .slowPassword }
    guard self.memory <= Self.largestMemory else { throw .costlyPassword(memory: self.memory) }
  }

  /// In bytes.
  var memory: UInt64 { UInt64(128 * blockSize) * UInt64(rounds + parallelism) }
}
