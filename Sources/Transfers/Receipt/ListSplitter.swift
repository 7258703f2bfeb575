import Images

/// Takes the elements of one list out of a JSON object that comes byte by byte: the list stands under a key of the object
/// itself. What is left is a document with that list empty; neither it nor an element is longer, or has more values, than
/// a decoder can be given.
///
/// It tells strings from brackets and no more: what it takes for an element, and the rest, are to be checked. When all of
/// them are JSON, so was the whole.
struct ListSplitter {
  private enum Place {
    /// In what is left.
    case rest
    /// Before an element, which must come after a comma and need not after the list's beginning.
    case due(mayEnd: Bool)
    /// Behind an element.
    case behind
    case element
  }

  /// An object or list with what is in it, or a string, or a number, as far as it has come.
  private struct Text {
    var bytes: [UInt8] = []
    /// How many objects and lists are open.
    var depth = 0
    var isInString = false
    private var isEscaped = false
    /// Brackets, commas and colons: so many values a decoder makes of it, or fewer.
    private var marks = 0

    /// Whether its values are so small that they take many times its length in memory: an entry of a receipt has seven
    /// marks in more than a hundred bytes.
    var isCrowded: Bool { marks > 4096 + bytes.count / 12 }

    /// Returns whether the byte is part of a string.
    mutating func take(_ byte: UInt8) -> Bool {
      bytes.append(byte)
      if isInString {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
        return true
      }
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        marks += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: ","), UInt8(ascii: ":"): marks += 1
      default: break
      }
      return false
    }
  }

  private let name: [UInt8]
  private let elementLimit: Int
  private let restLimit: Int
  private var place = Place.rest
  private var left = Text()
  private var element = Text()
  /// How many bytes have come.
  private var position = 0
  /// The last string of the object itself, as far as it matters.
  private var key: [UInt8] = []
  /// Whether a list that begins now is the one.
  private var isDue = false
  /// Where in what is left the list stands, and how many bytes were taken out there. A second document behind the first
  /// has a list of its own.
  private var cuts: [(offset: Int, count: Int)] = []

  /// Takes out the elements of the list under `name`, each of up to `elementLimit` bytes.
  init(_ name: String, elementLimit: Int, restLimit: Int) {
    self.name = Array(name.utf8)
    self.elementLimit = elementLimit
    self.restLimit = restLimit
  }

  /// The document without the list's elements.
  var rest: [UInt8] { left.bytes }

  /// A fault of the rest, with the byte of the whole that it is at.
  func placed(_ fault: DocumentFault) -> DocumentFault {
    func whole(_ offset: Int) -> Int {
      offset + cuts.prefix { offset >= $0.offset }.map(\.count).saturatingSum()
    }
    switch fault {
    case .malformed(let offset): return .malformed(at: whole(offset))
    case .surplus(let offset): return .surplus(at: whole(offset))
    case .unreadableKey(let offset): return .unreadableKey(at: whole(offset))
    default: return fault
    }
  }

  /// Takes in the next byte; the element that ends with it or before it, and where that begins.
  mutating func take(_ byte: UInt8) throws(ReceiptFault) -> (bytes: [UInt8], offset: Int)? {
    defer { position += 1 }
    switch place {
    case .rest:
      try leave(byte)
      return nil
    case .due(let mayEnd):
      if Self.isBlank(byte) {
        takeOut()
      } else if mayEnd, byte == UInt8(ascii: "]") {
        end(byte)
      } else if byte == UInt8(ascii: "]") || byte == UInt8(ascii: ",") {
        throw .document(DocumentFault.malformed(at: position))
      } else {
        place = .element
        takeOut()
        element = Text()
        _ = element.take(byte)
      }
      return nil
    case .behind:
      try pass(byte)
      return nil
    case .element:
      // A number or a word ends before what is none of it.
      let isWord = element.depth == 0 && !element.isInString
      if isWord, Self.isBlank(byte) || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") {
        let done = (element.bytes, position - element.bytes.count)
        try pass(byte)
        return done
      }
      takeOut()
      _ = element.take(byte)
      guard element.bytes.count <= elementLimit, !element.isCrowded else { throw .tooLarge }
      guard !isWord, element.depth <= 0, !element.isInString else { return nil }
      place = .behind
      return (element.bytes, position + 1 - element.bytes.count)
    }
  }

  private mutating func takeOut() { cuts[cuts.count - 1].count += 1 }

  /// Takes in a byte between two elements.
  private mutating func pass(_ byte: UInt8) throws(ReceiptFault) {
    place = .behind
    if byte == UInt8(ascii: "]") { return end(byte) }
    takeOut()
    if byte == UInt8(ascii: ",") {
      place = .due(mayEnd: false)
    } else if !Self.isBlank(byte) {
      throw .document(DocumentFault.malformed(at: position))
    }
  }

  private mutating func end(_ byte: UInt8) {
    _ = left.take(byte)
    place = .rest
  }

  private mutating func leave(_ byte: UInt8) throws(ReceiptFault) {
    let isOwn = left.depth == 1
    if left.take(byte) {
      if isOwn, left.isInString, key.count <= name.count { key.append(byte) }
    } else {
      switch byte {
      case UInt8(ascii: "\""):
        key = []
        isDue = false
      case UInt8(ascii: ":"): isDue = isOwn && key == name
      case UInt8(ascii: "["):
        if isOwn, isDue {
          place = .due(mayEnd: true)
          cuts.append((left.bytes.count, 0))
        }
        isDue = false
      case _ where Self.isBlank(byte): break
      default: isDue = false
      }
    }
    guard left.bytes.count > restLimit || left.isCrowded else { return }
    // What begins otherwise is no object, however long it is.
    guard let start = left.bytes.firstIndex(where: { !Self.isBlank($0) }),
      left.bytes[start] != UInt8(ascii: "{")
    else { throw .tooLarge }
    throw .document(DocumentFault.malformed(at: start))
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
  }
}
