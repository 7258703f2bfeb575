public import Files
import FoundationEssentials
import Images

/// Which files hold what an earlier run of Ferry wrote: they alone are written anew.
public enum FerryDocument {
  /// A file is read up to here, in bytes: one that is longer is taken for somebody else's.
  static let sizeLimit: Int64 = 1 << 30

  /// The document in `file`, if it has the form of Ferry's: the elements of each ``DocumentList`` are read when they are
  /// asked for. Throws `FileError`, `DecodingError`, and an error of its own for anything that is too large. Blocks.
  public static func read<Document: Decodable>(
    _ type: Document.Type = Document.self, from file: DataFile
  ) throws -> Document {
    let size = try file.size()
    guard size <= sizeLimit else { throw ForeignDocument() }
    return try DocumentReading.value(in: file, 0..<UInt32(size), indentation: 0)
  }

  /// Whether all that `file` holds is what `write` gives, piece by piece: there is nothing in it, before it or behind it
  /// that is somebody else's. The beginning, or a part, does not tell: people add notes to a report, paste a receipt into
  /// a list of theirs and keep several in one file. Throws what both throw. Blocks.
  public static func holds(
    _ file: DataFile, _ write: (([UInt8]) throws -> Void) throws -> Void
  ) throws -> Bool {
    var offset: Int64 = 0
    do {
      try write { piece in
        guard try file.read(piece.count, at: offset) == piece else { throw ForeignDocument() }
        offset += Int64(piece.count)
      }
    } catch is ForeignDocument {
      return false
    }
    return try file.size() == offset
  }
}

/// A file has not got the form of a document of Ferry's.
private struct ForeignDocument: Error {}

/// One value of a document in a file: what it has beside lists is in memory, and of its lists where their elements are. It
/// takes each line for what it is in a document as ``DocumentText`` writes it. Of any other document it makes something
/// that is written in another way, or nothing.
struct DocumentReading: Sendable {
  struct List: Sendable {
    /// Where its elements begin, each at its own line, and where the last one's last line ends, in bytes.
    fileprivate(set) var starts: [UInt32] = []
    fileprivate(set) var end: UInt32 = 0
    /// How far its brackets are indented.
    fileprivate let indentation: Int

    var count: Int { starts.count }
  }

  /// So long are a value's text without its lists, and a line, at the most, in bytes.
  private static let textLimit = 4 << 20
  /// So many elements a list has at the most.
  private static let countLimit = 4 << 20
  private static let bufferSize = 64 << 10
  private static let lineFeed = UInt8(ascii: "\n")

  private let file: DataFile
  /// The value, with a mark for each list that has elements.
  private var text: [UInt8] = []
  private var lists: [List] = []
  /// The list that the last line was in; at the index 0 is its text's beginning.
  private var open: List?

  static func value<Value: Decodable>(
    in file: DataFile, _ range: Range<UInt32>, indentation: Int
  ) throws -> Value {
    var reading = DocumentReading(file: file)
    try reading.read(range, indentation: indentation)
    let text = reading.text
    reading.text = []
    return try DocumentShape.loose.decode(
      Value.self, from: text, userInfo: [CodingUserInfoKey: any Sendable](handing: reading))
  }

  private init(file: DataFile) { self.file = file }

  /// The list that is to be decoded; nil for one that stands in the text.
  func list(of decoder: any Decoder) -> List? {
    guard let mark = try? decoder.singleValueContainer().decode(String.self),
      let index = ListMark.index(of: mark), lists.indices.contains(index)
    else { return nil }
    return lists[index]
  }

  func element<Element: Decodable>(_ index: Int, of list: List) throws -> Element {
    let end = index + 1 < list.count ? list.starts[index + 1] : list.end
    return try Self.value(in: file, list.starts[index]..<end, indentation: list.indentation + 2)
  }

  /// Takes in the lines of `range`, all indented so far at least.
  private mutating func read(_ range: Range<UInt32>, indentation: Int) throws {
    var (line, start): ([UInt8], UInt32) = ([], range.lowerBound)
    var offset = range.lowerBound
    while offset < range.upperBound {
      let bytes = try file.read(min(Self.bufferSize, range.count), at: Int64(offset))
        .prefix(Int(range.upperBound - offset))
      guard !bytes.isEmpty else { throw ForeignDocument() }
      offset += UInt32(bytes.count)
      var rest = bytes
      while let end = rest.firstIndex(of: Self.lineFeed) {
        line += rest[..<end]
        try take(line, at: start, indentation: indentation)
        start += UInt32(line.count) + 1
        line.removeAll(keepingCapacity: true)
        rest = rest[(end + 1)...]
      }
      line += rest
      guard line.count <= Self.textLimit else { throw ForeignDocument() }
    }
    try take(line, at: start, indentation: indentation)
    guard open == nil else { throw ForeignDocument() }
    // The comma before the element that follows.
    if let last = text.lastIndex(where: { $0 != Self.lineFeed }), text[last] == UInt8(ascii: ",") {
      text.removeSubrange(last...)
    }
  }

  private mutating func take(_ line: [UInt8], at start: UInt32, indentation: Int) throws {
    let own = line.prefix { $0 == UInt8(ascii: " ") }.count
    guard var list = open else {
      guard line.isEmpty || own >= indentation else { throw ForeignDocument() }
      if line.last == UInt8(ascii: "[") {
        text += line[indentation...].dropLast()
        open = List(indentation: own)
      } else {
        text += line.dropFirst(indentation)
        text.append(Self.lineFeed)
      }
      guard text.count <= Self.textLimit else { throw ForeignDocument() }
      return
    }
    open = nil
    if own == list.indentation, line[own...].first == UInt8(ascii: "]") {
      list.end = start
      text += list.starts.isEmpty ? Array("[]".utf8) : Array("\"\(ListMark.text(of: lists.count))\"".utf8)
      if !list.starts.isEmpty { lists.append(list) }
      text += line[(own + 1)...]
      text.append(Self.lineFeed)
      return
    }
    if own == list.indentation + 2, let first = line[own...].first, !Self.closing.contains(first) {
      guard list.count < Self.countLimit else { throw ForeignDocument() }
      list.starts.append(start)
    }
    open = list
  }

  private static let closing = [UInt8(ascii: "}"), UInt8(ascii: "]")]
}
