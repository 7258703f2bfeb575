import Files
import Tar

/// By what a file is taken for an archive.
enum ArchiveLooks: Hashable {
  /// It is called like one.
  case name
  /// It begins as a tar does.
  case tar
  /// It begins as compressed content does, of whatever.
  case compressed

  /// What a file that is open looks like, and by its `name` if it has one; nil for no archive.
  static func read(_ file: DataFile, called name: String = "") throws(FileError) -> ArchiveLooks? {
    if isNamed(name) { return .name }
    let start = try file.read(Int(TarHeader.blockSize), at: 0)
    if Compression(magic: start) != .none { return .compressed }
    return isTar(start) ? .tar : nil
  }

  /// Whether a block is the first of a tar, of whatever age.
  static func isTar(_ block: [UInt8]) -> Bool {
    guard block.count == Int(TarHeader.blockSize) else { return false }
    if block[257..<262].elementsEqual("ustar".utf8) { return true }
    let field = block[148..<156]
    let digits = field.drop { $0 == UInt8(ascii: " ") }.prefix {
      (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0)
    }
    guard let stated = Int(String(decoding: digits, as: UTF8.self), radix: 8), block[0] != 0 else {
      return false
    }
    // The field itself counts as blanks.
    return (block[..<148] + block[156...]).reduce(8 * 32) { $0 + Int($1) } == stated
  }

  /// Whether a file of that name is a tar, compressed or not, to people.
  static func isNamed(_ name: String) -> Bool {
    let parts = name.lowercased().split(separator: ".", omittingEmptySubsequences: false).dropFirst()
    guard let last = parts.last else { return false }
    return ["tar", "tgz", "txz", "tzst", "tbz", "tbz2", "tlz"].contains(last)
      || compressions.contains(String(last)) && parts.dropLast().last == "tar"
  }

  /// What was made of an archive that has the rest of that name, as its ending says; nil for any other name.
  static func form(ofNamed name: String) -> ForeignForm? {
    guard let dot = name.lastIndex(of: "."), isNamed(String(name[..<dot])) else { return nil }
    return ForeignForm(ending: name[name.index(after: dot)...])
  }

  /// Whether a file of that name that begins so is an archive to people, what was made of one, or what is to become one. A zip
  /// without files is none, nor is what a sum or a signature of an archive is called.
  static func mayBeNamed(_ name: String, beginningWith start: [UInt8]) -> Bool {
    let isEmptyZip =
      start.starts(with: [0x50, 0x4b, 0x05, 0x06]) && start.dropFirst(8).prefix(4).allSatisfy { $0 == 0 }
    guard !isEmptyZip else { return false }
    guard !isNamed(name), form(ofNamed: name) == nil else { return true }
    let plain = uncompressed(name)
    guard let dot = plain.lastIndex(of: ".") else { return false }
    let ending = plain[plain.index(after: dot)...].lowercased()
    let isOfSplitZip = ending.count == 3 && ending.first == "z" && Int(ending.dropFirst()) != nil
    return isOfSplitZip || packings.contains(ending)
      || unfinished.contains(ending) && isNamed(String(plain[..<dot]))
  }

  /// Whether a file of that name may be an archive, or a piece of one.
  static func mayBeNamed(_ name: String) -> Bool {
    mayBeNamed(name, beginningWith: []) || CutFile.isPiece(name)
      || VolumeName(name).map { mayBeNamed($0.base, beginningWith: []) || uncompressed($0.base) != $0.base }
        ?? false
  }

  private static let packings: Set = ["zip", "7z", "rar", "oci"]
  /// How a tar's name ends that has another compression, or has not come to its end.
  private static let unfinished: Set = ["br", "sz", "part", "partial", "crdownload", "download", "filepart"]

  /// A name without the ending that says how the file is compressed, if it has one.
  static func uncompressed(_ name: String) -> String {
    guard let dot = name.lastIndex(of: "."),
      compressions.contains(name[name.index(after: dot)...].lowercased())
    else { return name }
    return String(name[..<dot])
  }

  private static let compressions: Set = [
    "gz", "zst", "zstd", "xz", "bz2", "lz4", "lz", "lzo", "lzma", "z",
  ]
}
