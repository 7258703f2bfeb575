/// Forms in which people have archives and that Ferry does not read, known by their first bytes.
public enum ForeignForm: String, CaseIterable, Sendable {
  case lz4, lzip, lzop, lzma, compress, zip, sevenZip = "7z", rar
  case gpg, age, openssl, base64
  /// What `tar --multi-volume` made, but for the first.
  case laterVolume = "a later volume of what tar --multi-volume cut"
  /// What `tar --listed-incremental` made, where it left out what an earlier archive has.
  case incremental = "an incremental archive without what had not changed"

  /// How many of the first bytes tell.
  public static let magicSize = 19

  /// What content that begins with `bytes` is; nil where it is none of these.
  public init?(of bytes: [UInt8]) {
    guard let form = Self.allCases.first(where: { $0.begins(bytes) }) else { return nil }
    self = form
  }

  /// What a file is that was made of another and has its name with such an ending, in capitals or not; nil where that tells nothing.
  public init?(ending: some StringProtocol) {
    switch ending.lowercased() {
    case "gpg", "pgp": self = .gpg
    case "age": self = .age
    case "enc", "aes": self = .openssl
    case "b64", "base64": self = .base64
    default: return nil
    }
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
    case .gpg: "gpg -d"
    case .age: "age -d"
    case .openssl: "openssl enc -d"
    case .base64: "base64 -d"
    case .laterVolume: "tar -xMf FIRST-VOLUME -f"
    case .incremental: "tar -C DIRECTORY -xGf"
    }
  }

  private func begins(_ bytes: [UInt8]) -> Bool { beginning.map(bytes.starts) ?? false }

  /// nil where no bytes tell.
  private var beginning: [UInt8]? {
    switch self {
    case .lz4: [0x04, 0x22, 0x4d, 0x18]
    case .lzip: Array("LZIP".utf8)
    case .lzop: [0x89, 0x4c, 0x5a, 0x4f]
    case .lzma: [0x5d, 0x00, 0x00]
    case .compress: [0x1f, 0x9d]
    case .zip: [0x50, 0x4b, 0x03, 0x04]
    case .sevenZip: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]
    case .rar: [0x52, 0x61, 0x72, 0x21, 0x1a, 0x07]
    case .age: Array("age-encryption.org/".utf8)
    case .openssl: Array("Salted__".utf8)
    case .gpg, .base64, .laterVolume, .incremental: nil
    }
  }
}
