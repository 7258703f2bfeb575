/// Forms in which people have archives and that Ferry does not read, known by their first bytes.
public enum ForeignForm: String, CaseIterable, Sendable {
  case lz4, lzip, lzop, lzma, compress, zip, sevenZip = "7z", rar

  /// How many of the first bytes tell.
  public static let magicSize = 6

  /// What content that begins with `bytes` is; nil where it is none of these.
  public init?(of bytes: [UInt8]) {
    guard let form = Self.allCases.first(where: { bytes.starts(with: $0.beginning) }) else { return nil }
    self = form
  }

  /// The program that undoes it, with its arguments before the file's name.
  public var undoing: String {
    switch self {
    case .lz4: "lz4 -d"
    case .lzip: "lzip -d"
    case .lzop: "lzop -d"
    case .lzma: "xz -d --format=lzma"
    case .compress: "gzip -d"
    case .zip: "unzip"
    case .sevenZip: "7z x"
    case .rar: "unrar x"
    }
  }

  private var beginning: [UInt8] {
    switch self {
    case .lz4: [0x04, 0x22, 0x4d, 0x18]
    case .lzip: Array("LZIP".utf8)
    case .lzop: [0x89, 0x4c, 0x5a, 0x4f]
    case .lzma: [0x5d, 0x00, 0x00]
    case .compress: [0x1f, 0x9d]
    case .zip: [0x50, 0x4b, 0x03, 0x04]
    case .sevenZip: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]
    case .rar: [0x52, 0x61, 0x72, 0x21, 0x1a, 0x07]
    }
  }
}
