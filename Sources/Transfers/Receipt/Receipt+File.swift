import Archives
public import Digests
import FoundationEssentials
import Images

extension Receipt {
  /// A receipt is read up to here, in bytes: some 800,000 blobs.
  static let sizeLimit = FerryDocument.sizeLimit

  /// Reads the receipt at `path`, which `signature` may demand to be signed. Blocks. Throws `ArchiveError` when
  /// the file cannot be read, and ``TransferError``: `malformedReceipt`, `unsupportedReceipt`, `unsigned` and
  /// `signatureRefused`.
  public static func read(path: String, demanding signature: SignatureDemand? = nil) throws -> Receipt {
    let bytes = try bytes(path: path)
    try signature?.check(bytes, of: path, beside: path)
    return try Receipt(bytes: bytes, path: path)
  }

  /// The bytes of the receipt at `path`, as they are signed.
  static func bytes(path: String) throws -> [UInt8] {
    let file = try DataFile.open(reading: path)
    let size = try file.size()
    guard size <= sizeLimit else { throw TransferError.malformedReceipt(path: path, .tooLarge) }
    return try file.read(Int(size), at: 0)
  }

  /// The receipt in `bytes`, which lay at `path`.
  init(bytes: [UInt8], path: String) throws(TransferError) {
    struct Schema: Decodable { let schema: String }
    do {
      let schema = try DocumentShape.anything.decode(Schema.self, from: bytes).schema
      guard schema.hasPrefix(Self.schemaPrefix) else {
        throw TransferError.malformedReceipt(path: path, .otherReport)
      }
      let version = String(schema.dropFirst(Self.schemaPrefix.count))
      guard version == String(Self.formatVersion) else {
        throw TransferError.unsupportedReceipt(path: path, version: version)
      }
      self = try JSONDecoder().decode(Receipt.self, from: Data(bytes))
    } catch let error as TransferError {
      throw error
    } catch {
      throw .malformedReceipt(path: path, .malformed(error.jsonReason))
    }
  }

  /// The receipt as its file holds it.
  func bytes() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(self)) + [UInt8(ascii: "\n")]
  }

  /// Writes the receipt to `path`, whole or not at all, in place of an earlier receipt, and beside it the signature of
  /// `key`. Blocks. Throws `ArchiveError`, `foreign` among them when something else is there.
  public func write(path: String, signedBy key: SigningKey? = nil) throws {
    let bytes = try bytes()
    try DataFile.replace(path, with: bytes, where: Self.isReceipt)
    if let key { try ArchiveSignature.sign(bytes, at: path, with: key) }
  }

  /// Makes sure, before anything moves, that a receipt can be written to `path`, and when it is to be signed its signature
  /// beside it. Throws `ArchiveError`.
  public static func checkWritable(path: String, isSigned: Bool = false) throws {
    try DataFile.checkReplacing(path, where: isReceipt)
    if isSigned {
      try DataFile.checkReplacing(ArchiveSignature.path(for: path), where: ArchiveSignature.isSignature)
    }
  }

  /// Whether all that `file` holds is a receipt: read and written again it is the same, byte by byte.
  private static func isReceipt(_ file: DataFile) -> Bool {
    FerryDocument.isWhole(file) { try Receipt(bytes: $0, path: file.path).bytes() == $0 }
  }
}
