/// One entry of an uncompressed tar.
public struct TarEntry: Equatable, Sendable {
  /// Of which most entries have nothing.
  private final class Details: Sendable {
    let link: Link?
    let contradiction: TarContradiction?

    init(_ link: Link?, _ contradiction: TarContradiction?) {
      self.link = link
      self.contradiction = contradiction
    }
  }

  private let name: TarEntryName
  // Where the name leaves room for them: there may be hundreds of thousands of entries.
  public let kind: Kind
  /// Whether its headers are, byte by byte, those that ``TarHeader`` writes.
  public internal(set) var hasOwnHeaders = false
  /// Whether it is a directory of which the archive says that something in it was left out, in a record of its own. What is
  /// said in its content is not told here.
  public internal(set) var leavesOut = false
  /// The content's size in bytes; 0 for anything but a file, and a directory whose content is a list that GNU tar makes.
  public let size: Int64
  /// Where the entry's first header begins in the file, in bytes.
  public let headerOffset: Int64
  /// Where the content begins in the file, in bytes.
  public let offset: Int64
  private var details: Details?

  /// As it stands in the tar, unchecked. Bytes that are no UTF-8 are replaced.
  public var path: String { name.path }
  /// What a link points at; nil for anything else.
  public var link: Link? { details?.link }
  /// What other readers may take it for; nil where all see the same.
  public internal(set) var contradiction: TarContradiction? {
    get { details?.contradiction }
    set { details = newValue == nil && link == nil ? nil : Details(link, newValue) }
  }

  public enum Link: Hashable, Sendable {
    /// A path from the directory of the entry, as it stands in the tar, unchecked.
    case symbolic(String)
    /// The path of another entry, which is an earlier one where all can unpack it, as it stands in the tar, unchecked.
    case hard(String)
  }

  public enum Kind: Hashable, Sendable {
    /// A plain file whose content stands in the tar from end to end.
    case file
    case directory
    /// A link, a device, a pipe, a sparse file.
    case other
  }

  public init(path: String, kind: Kind, size: Int64, headerOffset: Int64, offset: Int64, link: Link? = nil) {
    name = TarEntryName(path)
    self.kind = kind
    self.size = size
    self.headerOffset = headerOffset
    self.offset = offset
    details = link.map { Details($0, nil) }
  }

  /// How much its names take up, in bytes.
  var nameBytes: Int {
    switch link {
    case .symbolic(let target), .hard(let target): path.utf8.count + target.utf8.count
    case nil: path.utf8.count
    }
  }

  public static func == (left: Self, right: Self) -> Bool {
    left.name == right.name && left.kind == right.kind && left.size == right.size
      && left.headerOffset == right.headerOffset && left.offset == right.offset && left.link == right.link
      && left.contradiction == right.contradiction
  }

  /// Where the content and its padding end, in bytes.
  public var end: Int64 {
    let (end, overflow) = offset.addingReportingOverflow(size)
    let (padded, overflowAgain) = end.addingReportingOverflow(Int64(TarHeader.padding(after: size)))
    return overflow || overflowAgain ? .max : padded
  }
}

/// An entry's path. A tar may have hundreds of thousands that end in 64 hexadecimal digits: these take half the room of their
/// text.
private enum TarEntryName: Equatable, Sendable {
  /// What stands before the digits: the same for most entries.
  final class Folder: Equatable, Sendable {
    let path: String

    private static let ofBlobs = Folder("blobs/sha256/")

    private init(_ path: String) { self.path = path }

    static func of(_ path: Substring) -> Folder { path == ofBlobs.path[...] ? ofBlobs : Folder(String(path)) }

    static func == (left: Folder, right: Folder) -> Bool { left === right || left.path == right.path }
  }

  case text(String)
  case digits(behind: Folder, UInt64, UInt64, UInt64, UInt64)

  init(_ path: String) {
    let text = Array(path.utf8.suffix(64))
    var words: [UInt64] = [0, 0, 0, 0]
    for (index, character) in text.enumerated() {
      let digit: UInt8
      switch character {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
      default:
        self = .text(path)
        return
      }
      words[index >> 4] = words[index >> 4] << 4 | UInt64(digit)
    }
    guard text.count == 64 else {
      self = .text(path)
      return
    }
    let folder = path[..<path.utf8.index(path.endIndex, offsetBy: -64)]
    self = .digits(behind: .of(folder), words[0], words[1], words[2], words[3])
  }

  var path: String {
    switch self {
    case .text(let path): return path
    case .digits(let folder, let first, let second, let third, let fourth):
      let digits = Array("0123456789abcdef".utf8)
      var text = Array(folder.path.utf8)
      text.reserveCapacity(text.count + 64)
      for word in [first, second, third, fourth] {
        for shift in stride(from: 60, through: 0, by: -4) {
          text.append(digits[Int(word >> UInt64(shift) & 15)])
        }
      }
      return String(decoding: text, as: UTF8.self)
    }
  }
}
