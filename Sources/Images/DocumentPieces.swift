/// A list that is most of a large JSON object, under a key of the object itself. Decoders take many times as much memory for what
/// they read as the text has: they are given the rest, and then the list's elements, so many at a time.
///
/// The document must have been checked (``DocumentScan``): strings are told from brackets here, and no more.
struct DocumentPieces {
  /// A document of fewer bytes is decoded at once.
  static let smallest = 1 << 20
  /// So many bytes of elements are decoded at a time, or an element more.
  private static let pieceSize = 256 << 10

  private let bytes: [UInt8]
  /// The elements, without the list's brackets.
  private let list: Range<Int>
  /// Into ``bytes``: of whole elements.
  private(set) var pieces: [Range<Int>] = []

  /// nil where no list stands under `name`.
  init?(of bytes: [UInt8], list name: String) {
    let name = Array(name.utf8)
    var depth = 0
    /// Where the last string began, and where it ended.
    var text = 0..<0
    var isDue = false
    var start: Int?
    var pieceStart = 0
    var found: Range<Int>?
    var index = 0
    scan: while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "\""):
        let first = index + 1
        index = first
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
          index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard index < bytes.count else { return nil }
        text = first..<index
      case UInt8(ascii: ":"): isDue = start == nil && depth == 1 && bytes[text].elementsEqual(name)
      case UInt8(ascii: "{"): (depth, isDue) = (depth + 1, false)
      case UInt8(ascii: "["):
        depth += 1
        if isDue { (start, pieceStart) = (index + 1, index + 1) }
        isDue = false
      case UInt8(ascii: "}"): depth -= 1
      case UInt8(ascii: "]"):
        depth -= 1
        guard let first = start, depth == 1 else { break }
        found = first..<index
        if bytes[pieceStart..<index].contains(where: { $0 > UInt8(ascii: " ") }) {
          pieces.append(pieceStart..<index)
        }
        break scan
      case UInt8(ascii: ",") where start != nil && depth == 2 && index - pieceStart >= Self.pieceSize:
        pieces.append(pieceStart..<index)
        pieceStart = index + 1
      default: break
      }
      index += 1
    }
    guard let found else { return nil }
    list = found
    self.bytes = bytes
  }

  /// The document with the list empty.
  var rest: [UInt8] { Array(bytes[..<list.lowerBound]) + bytes[list.upperBound...] }

  /// A piece as a list of its own.
  func list(of piece: Range<Int>) -> [UInt8] {
    var list: [UInt8] = []
    list.reserveCapacity(piece.count + 2)
    list.append(UInt8(ascii: "["))
    list += bytes[piece]
    list.append(UInt8(ascii: "]"))
    return list
  }
}

extension DocumentShape {
  /// The same as ``decode(_:from:within:userInfo:)`` for an object in which the list under `name` may be most of it. Of a large one that list is
  /// empty in the value, and its elements are returned beside it.
  public func decode<Value: Decodable, Element: Decodable>(
    _ type: Value.Type, from bytes: [UInt8], apart name: String, _ element: Element.Type,
    within bounds: DocumentBounds = .usual
  ) throws -> (value: Value, elements: [Element]) {
    guard bytes.count >= DocumentPieces.smallest else {
      return (try decode(type, from: bytes, within: bounds), [])
    }
    let document = try checked(bytes, within: bounds)
    guard let parts = DocumentPieces(of: document.bytes, list: name) else {
      return (try document.decode(type), [])
    }
    return try document.whenThereIsMemory {
      let value = try CheckedDocument.decode(type, from: parts.rest)
      var elements: [Element] = []
      for piece in parts.pieces {
        elements += try CheckedDocument.decode([Element].self, from: parts.list(of: piece))
      }
      return (value, elements)
    }
  }
}
