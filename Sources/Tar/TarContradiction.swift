import Files

/// A tar entry whose headers say two things, of which one reader takes the one and another reader the other.
///
/// What a tar says beyond the 512 bytes of a ustar header stands in further headers: GNU's long names, pax records.
/// Which of them counts where they differ is up to the reader; libarchive, which ``TarIndex`` reads with, shows only
/// what it took itself.
public enum TarContradiction: Hashable, Sendable {
  /// Two paths, or two paths that a link leads to; the other one.
  case names(String)
  case sizes
  /// Headers that some readers pass over: records for all that follows, a record that cannot be read, a kind of entry
  /// that is not known, contents where none belong.
  case headers
  /// Content that is not stored from end to end.
  case sparse
}

/// Reads an entry's headers as they stand, to find what ``TarContradiction`` is about.
struct RawTarHeaders {
  private static let block = Int(TarHeader.blockSize)
  /// The most bytes that all headers of one entry are.
  static let longest: Int64 = 1 << 20

  private var paths: [String] = []
  private var links: [String] = []
  private var sizes: [Int64] = []
  private var paxHeaders = 0
  private let names: TarNames
  private var found: TarContradiction?
  /// Whether pax records say that the content is not stored from end to end.
  private var isSparse = false
  private var leavesOut = false

  private init(_ names: TarNames) { self.names = names }

  /// Notes what the bytes from an entry's first header to its content say of it otherwise than that, and whose they are.
  static func examine(
    _ entry: inout TarEntry, in file: any RandomAccess, _ names: TarNames
  ) throws(FileError) {
    let length = entry.offset - entry.headerOffset
    guard length > 0, length <= longest else {
      entry.contradiction = .headers
      return
    }
    guard file.holds(Int(length), at: entry.headerOffset) else { return }
    let bytes = try file.read(Int(length), at: entry.headerOffset)
    guard bytes.count == Int(length) else { return }
    var headers = RawTarHeaders(names)
    entry.contradiction = headers.contradiction(in: bytes, of: entry)
    entry.leavesOut = headers.leavesOut
    // A name that we would not write is none of ours.
    entry.hasOwnHeaders =
      entry.kind == .file && TarHeader.isLikely(bytes)
      && (try? TarHeader.bytes(path: entry.path, size: entry.size)) == bytes
  }

  private mutating func contradiction(in bytes: [UInt8], of entry: TarEntry) -> TarContradiction? {
    var position = 0
    while position + Self.block <= bytes.count {
      let header = bytes[position..<(position + Self.block)]
      position += Self.block
      let type = header[header.startIndex + 156]
      if type == UInt8(ascii: "V"), isLabel(header) { continue }
      guard Self.extensions.contains(type) else {
        return judge(header, type: type, of: entry, isLast: position == bytes.count)
      }
      guard let size = Self.number(header, 124, 12), size <= bytes.count - position else { return .headers }
      let content = bytes[position..<(position + Int(size))]
      position += Int(size) + TarHeader.padding(after: size)
      switch type {
      case UInt8(ascii: "L"): paths.append(Self.text(content))
      case UInt8(ascii: "K"): links.append(Self.text(content))
      case UInt8(ascii: "g"): readRecords(content, isForAll: true)
      default:
        paxHeaders += 1
        readRecords(content, isForAll: false)
      }
      // Who knows nothing of sparse files reads the headers that follow all the same.
      if found == .sparse {
        isSparse = true
        found = nil
      }
      if let found { return found }
    }
    return .headers
  }

  /// Headers of headers: GNU's long names and links, pax records of one entry (Solaris writes `X`) and of all.
  private static let extensions = Set("LKxXg".utf8)
  /// How much content a header of headers has, in bytes; nil for any other, and where readers may disagree on it.
  static func extensionSize(_ header: [UInt8]) -> Int64? {
    extensions.contains(header[156]) ? number(header[...], 124, 12) : nil
  }

  /// GNU tar's name for a whole volume, which most readers pass over and some take for an empty file: no harm where
  /// nobody looks for a file of that name.
  private func isLabel(_ header: ArraySlice<UInt8>) -> Bool {
    let name = Self.text(header[header.startIndex..<(header.startIndex + 100)])
    return Self.number(header, 124, 12) == 0 && !name.contains("/") && !names.isFile(name)
  }

  private static let plain = Set("07\0".utf8)
  /// Entries that have no content: links, devices, directories, pipes.
  private static let bare = Set("123456".utf8)
  /// A directory whose content is a list of what lay in it, which `tar --incremental` writes.
  private static let listed = UInt8(ascii: "D")
  /// The rest of a file of which the beginning stands in another tar.
  private static let continued = UInt8(ascii: "M")

  /// Whether a tar whose first entry this is goes on with one that GNU tar cut (`tar --multi-volume`).
  static func goOn(_ entry: TarEntry, in file: any RandomAccess) throws(FileError) -> Bool {
    let length = entry.offset - entry.headerOffset
    guard (Int64(block)...longest).contains(length), file.holds(Int(length), at: entry.headerOffset) else {
      return false
    }
    let bytes = try file.read(Int(length), at: entry.headerOffset)
    guard bytes.count == Int(length) else { return false }
    return bytes[bytes.count - block + 156] == continued
      || bytes[156] == UInt8(ascii: "g") && bytes.firstRange(of: Array(" GNU.volume.offset=".utf8)) != nil
  }

  /// What the entry's own header says, behind what the others did.
  private mutating func judge(
    _ header: ArraySlice<UInt8>, type: UInt8, of entry: TarEntry, isLast: Bool
  ) -> TarContradiction? {
    guard paxHeaders <= 1 else { return .headers }
    if type == UInt8(ascii: "S") { return .sparse }
    if isSparse {
      guard let own = Self.name(header) else { return .headers }
      let other = ([own] + paths).first {
        names.isInPlace($0) && Self.bareName($0) != Self.bareName(entry.path)
      }
      return other.map { .names($0) } ?? .sparse
    }
    let isListed = type == Self.listed
    guard isLast, isListed || Self.plain.contains(type) || Self.bare.contains(type) else { return .headers }
    guard let size = Self.number(header, 124, 12) else { return .sizes }
    if Self.bare.contains(type), size != 0 { return .headers }
    // A header has no room for more than 8 GiB; then the record alone tells.
    for other in sizes where other != size && other < 8 << 30 { return .sizes }
    guard Set(sizes).count <= 1 else { return .sizes }

    guard let own = Self.name(header) else { return .headers }
    if let other = other(than: own, among: paths) { return .names(other) }
    let link = Self.text(header[(header.startIndex + 157)..<(header.startIndex + 257)])
    if type == UInt8(ascii: "1") || type == UInt8(ascii: "2") {
      if let other = other(than: link, among: links) { return .names(other) }
    }
    // Where only one name is given, it is the one that was taken, but for what the locale has no characters for.
    let taken = paths.last ?? own
    // To some that is a directory, and what follows is the next header; to others a file, and what follows its content.
    if Self.plain.contains(type), taken.hasSuffix("/"), (sizes.last ?? size) != 0 { return .headers }
    // Who does not know this kind takes it for a file.
    if isListed, !taken.hasSuffix("/") || names.isFile(String(Self.bareName(taken))) { return .headers }
    guard taken.utf8.allSatisfy({ $0 < 0x80 }), Self.bareName(taken) != Self.bareName(entry.path) else {
      return nil
    }
    return .names(taken)
  }

  /// Without the slashes that directories may have behind their names.
  private static func bareName(_ path: String) -> Substring {
    path[...].prefix(upTo: path.lastIndex { $0 != "/" }.map(path.index(after:)) ?? path.startIndex)
  }

  /// A name that differs from the header's own where that has room for it; or from another of `others`. The header's
  /// is the beginning of one that is too long for it, or stands in for characters that it cannot have.
  private func other(than own: String, among others: [String]) -> String? {
    guard let first = others.first else { return nil }
    if let other = others.first(where: { $0 != first }) { return other }
    guard first != own else { return nil }
    let isTooLong = first.utf8.count > 100 || !first.utf8.allSatisfy { (0x20..<0x7f).contains($0) }
    guard isTooLong else { return own }
    // What nobody reads who knows long names may still be what the others read.
    return names.isInPlace(own) && !first.hasPrefix(own) ? own : nil
  }

  /// The path in a header (POSIX.1-2017, pax, "ustar Interchange Format"); nil where readers disagree on it.
  private static func name(_ header: ArraySlice<UInt8>) -> String? {
    let start = header.startIndex
    let name = text(header[start..<(start + 100)])
    let prefix = header[(start + 345)..<(start + 500)]
    guard prefix.contains(where: { $0 != 0 }) else { return name }
    // GNU's headers have no prefix, but times there; what is none some take for a part of the name. Star's have times, too.
    if header[(start + 257)..<(start + 265)].elementsEqual("ustar  \0".utf8) {
      let areTimes = isTime(header, 345) && isTime(header, 357) && prefix.dropFirst(24).allSatisfy { $0 == 0 }
      return areTimes ? name : nil
    }
    guard header[(start + 257)..<(start + 263)].elementsEqual("ustar\0".utf8),
      !header[(start + 508)..<(start + 512)].elementsEqual("tar\0".utf8)
    else { return nil }
    return text(prefix) + "/" + name
  }

  /// Whether a field of GNU's has a time, or none; one before 1970 is binary and negative.
  private static func isTime(_ header: ArraySlice<UInt8>, _ offset: Int) -> Bool {
    header[header.startIndex + offset] == 0xff || number(header, offset, 12) != nil
  }

  /// Up to the first zero, as far as it goes.
  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// An octal number between blanks, or GNU's binary one; nil where readers may disagree on it.
  private static func number(_ header: ArraySlice<UInt8>, _ offset: Int, _ count: Int) -> Int64? {
    let field = header[(header.startIndex + offset)..<(header.startIndex + offset + count)]
    if field.first == 0x80 {
      return field.dropFirst().reduce(Int64?(0)) { sum, byte in
        guard let sum, sum < 1 << 54 else { return nil }
        return sum << 8 | Int64(byte)
      }
    }
    let isBlank: (UInt8) -> Bool = { $0 == 0 || $0 == UInt8(ascii: " ") }
    let text = field.drop { $0 == UInt8(ascii: " ") }
    let digits = text.prefix { (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }
    guard text.dropFirst(digits.count).allSatisfy(isBlank) else { return nil }
    return digits.reduce(Int64(0)) { $0 << 3 | Int64($1 - UInt8(ascii: "0")) }
  }

  /// Reads `LENGTH KEY=VALUE\n` records.
  private mutating func readRecords(_ content: ArraySlice<UInt8>, isForAll: Bool) {
    var rest = content
    while !rest.isEmpty {
      let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      guard (1...9).contains(digits.count), let length = Int(String(decoding: digits, as: UTF8.self)),
        length > digits.count + 2, length <= rest.count,
        rest[rest.startIndex + digits.count] == UInt8(ascii: " ")
      else { return found = .headers }
      let record = rest.prefix(length)
      guard record.last == UInt8(ascii: "\n"), let equals = record.firstIndex(of: UInt8(ascii: "=")) else {
        return found = .headers
      }
      let key = String(decoding: record[(record.startIndex + digits.count + 1)..<equals], as: UTF8.self)
      read(key, record[(equals + 1)..<(record.endIndex - 1)], isForAll: isForAll)
      rest = rest.dropFirst(length)
    }
  }

  private mutating func read(_ key: String, _ value: ArraySlice<UInt8>, isForAll: Bool) {
    if key == "GNU.dumpdir" {
      var list = DirectoryList()
      list.take(value)
      leavesOut = leavesOut || list.leavesOut
    }
    let isSparse = key.hasPrefix("GNU.sparse.") || key == "SCHILY.realsize"
    guard ["path", "linkpath", "size"].contains(key) || isSparse else { return }
    if isForAll || value.isEmpty || value.contains(0) { return found = .headers }
    if isSparse { return found = .sparse }
    let text = String(decoding: value, as: UTF8.self)
    switch key {
    case "path": paths.append(text)
    case "linkpath": links.append(text)
    default:
      guard value.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
        let size = Int64(text)
      else { return found = .sizes }
      sizes.append(size)
    }
  }
}
