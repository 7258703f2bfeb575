public import Digests
import Files
import FoundationEssentials
import Images

/// Why a file is no receipt.
public enum ReceiptFault: Error, Sendable {
  /// It has more than any receipt of Ferry's, or more than is kept in memory.
  case tooLarge
  /// It is a report of Ferry's, and no receipt.
  case otherReport
  /// It is not JSON, or not what a receipt holds.
  case document(any Error)
}

extension Receipt {
  /// Reads the receipt at `path`, which `signature` may demand to be signed. Blocks. Throws `FileError` when
  /// the file cannot be read, and ``TransferError``: `malformedReceipt`, `unsupportedReceipt`, `unsigned` and
  /// `signatureRefused`.
  public static func read(path: String, demanding signature: SignatureDemand? = nil) throws -> Receipt {
    try file(at: path, demanding: signature).receipt
  }

  /// The receipt at `path` and the digest of its file: what ``read(path:demanding:)`` does, which throws the same.
  static func file(
    at path: String, demanding signature: SignatureDemand?
  ) throws -> (receipt: Receipt, digest: Digest) {
    var reading = ReceiptReading()
    var hasher = ContentHasher()
    var content = SignedContent()
    try reading.read(try DataFile.open(reading: path)) { piece in
      hasher.update(piece)
      if signature != nil { content.update(unsafe piece.withUnsafeBytes { unsafe Array($0) }) }
    }
    // Of what nobody has signed nothing is said.
    try signature?.check(content, of: path)
    return (try reading.receipt(at: path), hasher.digest())
  }

  /// Whether what lies at `path` is JSON rather than any kind of archive, so that it is a receipt if anything. Blocks.
  public static func isDocument(_ path: String) -> Bool {
    guard let file = try? DataFile.open(reading: path), let size = try? file.size(), size > 0 else {
      return false
    }
    return (try? file.read(1, at: 0)) == [UInt8(ascii: "{")]
  }

  /// Writes the receipt to `path`, whole or not at all, in place of an earlier receipt, and beside it the signature of
  /// `key`. Blocks. Throws `FileError`, `foreign` among them when something else is there.
  public func write(path: String, signedBy key: SigningKey? = nil) throws {
    var content = SignedContent()
    try AtomicFile.replace(path, where: Self.isReceipt) { write in
      try DocumentText.write(ReceiptHead(of: self)) { piece in
        if key != nil { content.update(piece) }
        try write(piece)
      }
    }
    if let key { try ArchiveSignature.sign(content, at: path, with: key) }
  }

  /// Makes sure, before anything moves, that a receipt can be written to `path`, and when it is to be signed its signature
  /// beside it. Throws `FileError`.
  public static func checkWritable(path: String, isSigned: Bool = false) throws {
    try AtomicFile.checkReplacing(path, where: isReceipt)
    if isSigned {
      try AtomicFile.checkReplacing(ArchiveSignature.path(for: path), where: ArchiveSignature.isSignature)
    }
  }

  /// Whether all that `file` holds is a receipt: read and written again it is the same, byte by byte. What is empty, as mktemp
  /// makes it, was made for one.
  private static func isReceipt(_ file: DataFile) -> Bool {
    if file.isEmpty { return true }
    do {
      var reading = ReceiptReading()
      try reading.read(file) { _ in }
      let receipt = try reading.receipt(at: file.path)
      return try FerryDocument.holds(file) { try DocumentText.write(ReceiptHead(of: receipt), to: $0) }
    } catch {
      return false
    }
  }
}

/// What a receipt's file holds.
struct ReceiptHead: Codable {
  /// What tells a receipt from any other JSON.
  static let schemaPrefix = "ferry/receipt/v"

  private(set) var schema = schemaPrefix + String(Receipt.formatVersion)
  let ferry: String
  let destination: String
  let archives: [Receipt.Archive]
  let started: ReceiptTime
  let finished: ReceiptTime
  /// Of a receipt that is read those that were not read one by one: the field's name is spelled with escapes.
  let images: DocumentList<ReceivedImage>

  init(of receipt: Receipt) {
    ferry = receipt.ferry
    destination = receipt.destination
    archives = receipt.archives
    started = ReceiptTime(receipt.started)
    finished = ReceiptTime(receipt.finished)
    images = DocumentList(receipt.images)
  }
}
