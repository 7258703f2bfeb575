import FoundationEssentials

/// The text of Ferry's documents: JSON, indented, its keys in order, a line feed at its end. It comes in pieces, for a
/// document may have more text than there is to be memory for: each ``DocumentList`` is written when all around it is.
public struct DocumentText {
  /// So many bytes a piece has, or a line more.
  private static let pieceSize = 64 << 10
  /// So many elements of a list are encoded together: each by itself would cost more than its encoding.
  private static let batch = 64
  private static let lineFeed = UInt8(ascii: "\n")

  private let encoder = JSONEncoder()
  private var piece: [UInt8] = []

  private init() {
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  }

  /// Gives `body` the text of `document`, whole lines at a time. Throws what encoding it and `body` throw.
  public static func write(_ document: some Encodable, to body: ([UInt8]) throws -> Void) throws {
    var text = DocumentText()
    let (encoded, lists) = try text.encoded { try $0.encode(document) }
    try text.add(encoded[...], lists, indentation: 0, body)
    text.piece.append(lineFeed)
    try body(text.piece)
  }

  /// What `encode` makes with the encoder, and the lists that are missing in it.
  private func encoded(_ encode: (JSONEncoder) throws -> Data) throws -> (
    text: [UInt8], lists: PostponedLists
  ) {
    let lists = PostponedLists()
    encoder.userInfo = [CodingUserInfoKey: any Sendable](handing: lists)
    return ([UInt8](try encode(encoder)), lists)
  }

  /// Adds lines, further indented than they are. No string has a line feed in it: each begins a line of JSON.
  private mutating func add(
    _ text: ArraySlice<UInt8>, _ lists: PostponedLists, indentation: Int, _ body: ([UInt8]) throws -> Void
  ) throws {
    var rest = text
    while true {
      let end = rest.firstIndex(of: Self.lineFeed) ?? rest.endIndex
      let line = rest[..<end]
      if !line.isEmpty { piece.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indentation)) }
      if let list = lists.list(markedIn: line) {
        let hasComma = line.last == UInt8(ascii: ",")
        piece += line.dropLast(ListMark.count + (hasComma ? 1 : 0))
        let own = line.prefix { $0 == UInt8(ascii: " ") }.count
        try add(list, indentation: indentation + own, body)
        if hasComma { piece.append(UInt8(ascii: ",")) }
      } else {
        piece += line
      }
      guard end < rest.endIndex else { return }
      piece.append(Self.lineFeed)
      rest = rest[(end + 1)...]
      if piece.count >= Self.pieceSize {
        try body(piece)
        piece.removeAll(keepingCapacity: true)
      }
    }
  }

  /// Adds a list that has elements, and stands in a line so far indented.
  private mutating func add(
    _ list: PostponedLists.List, indentation: Int, _ body: ([UInt8]) throws -> Void
  ) throws {
    piece.append(UInt8(ascii: "["))
    for start in stride(from: 0, to: list.count, by: Self.batch) {
      if start > 0 { piece.append(UInt8(ascii: ",")) }
      let (encoded, lists) = try encoded { try list.text($0, start..<min(start + Self.batch, list.count)) }
      // Without its brackets, and the line feed before the last.
      try add(encoded.dropFirst().dropLast(2), lists, indentation: indentation, body)
    }
    piece.append(Self.lineFeed)
    piece.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indentation))
    piece.append(UInt8(ascii: "]"))
  }
}
