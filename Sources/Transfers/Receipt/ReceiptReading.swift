import Digests
import Files
import FoundationEssentials
import Images
import Tar

/// Reads a receipt image by image, so that neither its text nor what a decoder makes of that is in memory at once. It comes
/// from the other side: only what is kept of it grows with it, and that has a limit.
struct ReceiptReading {
  /// A receipt is read up to here, in bytes: one of 20,000 images of 20 layers each takes 100 MB.
  private static let sizeLimit: Int64 = 128 << 20
  /// What the images may take up in memory beside what each of them may, in bytes.
  private static let keptLimit = 48 << 20
  private static let imageLimit = 4 << 10

  private var list = ListSplitter("images", elementLimit: 16 << 20, restLimit: 6 << 20)
  private var images: [ReceivedImage] = []
  /// How many images have been met, those that could not be read among them.
  private var count = 0
  /// What the images take up, in bytes.
  private var kept = 0
  private var types = MediaTypePool()
  /// What keeps the file from being a document, or from being read to its end.
  private var fault: ReceiptFault?
  /// The first image that is none.
  private var malformed: (any Error)?

  /// Reads `file` to its end, whatever is found in it; `hears` is given every piece of it. Throws `FileError` where it
  /// cannot be read, and what `hears` throws. Blocks.
  mutating func read(_ file: DataFile, _ hears: (RawSpan) throws -> Void) throws {
    let size = try file.size()
    guard size <= Self.sizeLimit else {
      throw TransferError.malformedReceipt(path: file.path, .tooLarge)
    }
    try unsafe ContentPieces.read(0..<size, from: { try unsafe file.read(into: $0, at: $1) }) { piece in
      try hears(piece)
      take(unsafe piece.withUnsafeBytes { unsafe Array($0) })
    }
  }

  private mutating func take(_ bytes: [UInt8]) {
    for byte in bytes {
      guard fault == nil else { return }
      do throws(ReceiptFault) {
        guard let element = try list.take(byte) else { continue }
        take(element.bytes, at: element.offset)
      } catch {
        fault = error
      }
    }
  }

  /// Takes in the image in `bytes`, which begins at a byte of the file.
  private mutating func take(_ bytes: [UInt8], at offset: Int) {
    let path: [any CodingKey] = [PathKey(stringValue: "images"), PathKey(intValue: count)]
    count += 1
    do {
      try DocumentShape.anything.check(bytes)
    } catch {
      fault = .document(error.within("images[\(count - 1)]", at: offset))
      return
    }
    guard malformed == nil else { return }
    do {
      let image = try DocumentShape.loose.decode(ReceivedImage.self, from: bytes).sharing(&types)
      kept += image.source.utf8.count + image.target.description.utf8.count + 512
      kept += image.parts.count * MemoryLayout<ReceivedImage.Part>.stride
      images.append(image)
    } catch {
      malformed = (error as? DecodingError)?.below(path) ?? error
    }
    if kept + types.size > Self.keptLimit + images.count * Self.imageLimit { fault = .tooLarge }
  }

  /// What was read. Throws ``TransferError/malformedReceipt(path:_:)`` and
  /// ``TransferError/unsupportedReceipt(path:version:)``.
  consuming func receipt(at path: String) throws(TransferError) -> Receipt {
    struct Schema: Decodable { let schema: String }
    if let fault { throw .malformedReceipt(path: path, fault) }
    do {
      let rest = list.rest
      do { try DocumentShape.anything.check(rest) } catch { throw list.placed(error) }
      let schema = try DocumentShape.loose.decode(Schema.self, from: rest).schema
      guard schema.hasPrefix(ReceiptHead.schemaPrefix) else {
        throw TransferError.malformedReceipt(path: path, .otherReport)
      }
      let version = String(schema.dropFirst(ReceiptHead.schemaPrefix.count))
      guard version == String(Receipt.formatVersion) else {
        throw TransferError.unsupportedReceipt(path: path, version: version)
      }
      let head = try DocumentShape.loose.decode(ReceiptHead.self, from: rest)
      if let malformed { throw malformed }
      let images = images + (try head.images.elements)
      try Self.refuseTwoSizes(images)
      return Receipt(
        ferry: head.ferry, destination: head.destination, archives: head.archives,
        started: head.started.date, finished: head.finished.date, images: images)
    } catch let error as TransferError {
      throw error
    } catch {
      throw .malformedReceipt(path: path, .document(error))
    }
  }

  /// A digest has one size, wherever it stands. Looked at part by part, so that what is compared stays small.
  private static func refuseTwoSizes(_ images: [ReceivedImage]) throws(DecodingError) {
    let rounds = UInt(images.reduce(0) { $0 + $1.parts.count } >> 16) + 1
    for round in 0..<rounds {
      var sizes: [Digest: Int64] = [:]
      for image in images {
        for part in image.parts
        where rounds == 1 || UInt(bitPattern: part.digest.hashValue) % rounds == round {
          guard sizes.updateValue(part.size, forKey: part.digest) ?? part.size == part.size else {
            throw .dataCorrupted(
              DecodingError.Context(
                codingPath: [PathKey(stringValue: "images")],
                debugDescription: "two sizes for \(part.digest)"))
          }
        }
      }
    }
  }
}

/// Media types, each in memory once, however many parts of images have it.
struct MediaTypePool {
  private var types: Set<MediaType> = []
  /// About what they take up, in bytes.
  private(set) var size = 0

  mutating func shared(_ type: MediaType) -> MediaType {
    let (isNew, known) = types.insert(type)
    if isNew { size += type.rawValue.utf8.count + 128 }
    return known
  }
}

/// A step on the way to a value in a document.
private struct PathKey: CodingKey {
  let stringValue: String
  let intValue: Int?

  init(stringValue: String) {
    self.stringValue = stringValue
    intValue = nil
  }

  init(intValue: Int) {
    stringValue = String(intValue)
    self.intValue = intValue
  }
}

extension DecodingError {
  /// The error of a value that stands at `path` in a document.
  fileprivate func below(_ path: [any CodingKey]) -> DecodingError {
    func placed(_ context: Context) -> Context {
      Context(
        codingPath: path + context.codingPath, debugDescription: context.debugDescription,
        underlyingError: context.underlyingError)
    }
    switch self {
    case .keyNotFound(let key, let context): return .keyNotFound(key, placed(context))
    case .valueNotFound(let type, let context): return .valueNotFound(type, placed(context))
    case .typeMismatch(let type, let context): return .typeMismatch(type, placed(context))
    // Without a path it is not JSON at all, wherever that is.
    case .dataCorrupted(let context) where context.codingPath.isEmpty: return self
    case .dataCorrupted(let context): return .dataCorrupted(placed(context))
    @unknown default: return self
    }
  }
}

extension DocumentFault {
  /// The fault of a value that stands at `path` in a document, and begins at the byte `offset`.
  fileprivate func within(_ path: String, at offset: Int) -> DocumentFault {
    func placed(_ inner: String) -> String {
      inner.isEmpty ? path : inner.hasPrefix("[") ? path + inner : "\(path).\(inner)"
    }
    switch self {
    case .malformed(let position): return .malformed(at: offset + position)
    case .surplus(let position): return .surplus(at: offset + position)
    case .unreadableKey(let position): return .unreadableKey(at: offset + position)
    case .repeatedKey(let inner): return .repeatedKey(placed(inner))
    case .twoSpellings(let inner, let other): return .twoSpellings(placed(inner), other: other)
    case .misspelled(let inner, let meant): return .misspelled(placed(inner), meant: meant)
    case .notWhole(let inner): return .notWhole(placed(inner))
    case .tooDeep, .tooManyKeys, .tooManyValues, .textTooLong: return self
    }
  }
}
