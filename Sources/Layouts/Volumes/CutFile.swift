import Files
import Tar

/// An archive that another tool than Ferry cut into files: what `split` makes (`NAME.tar.aa`, `NAME.tar.000`), and what people
/// rename volumes to (`part-1`). Each piece alone looks damaged, and none of it is.
public struct CutFile {
  /// The file that is told of.
  private let path: String
  private let name: PieceName
  /// How each piece is compressed by itself.
  private let compression: Compression

  /// The most pieces that are gone back over to find the first.
  private static let mostPieces = VolumeName.most

  /// Refuses to read a piece of a file as the archive that all its pieces are. One that begins an archive is a piece where it
  /// does not end one, and the file that follows by its name begins none; any other is one where the first of them is.
  /// `isNamed` tells whether `path` was named itself, and not found in a directory. What is compressed is read through, and what
  /// of it is kept is laid in `temporary`. Throws ``LayoutError/cutFile(path:pieces:whole:_:)``.
  public static func refuse(
    _ path: String, isNamed: Bool, temporary: String, memoryLimit: Int64
  ) throws(LayoutError) {
    guard let name = PieceName(path) else { return }
    let first = first(of: name)
    guard isNamed || first == name, let second = first.next.first(where: DataFile.isPlain),
      case let looks = Looks(first.path, memoryLimit), case let isTiny = first.isTinyStart,
      looks.beginsArchive || isTiny,
      case let following = Looks(second, memoryLimit), !following.beginsArchive,
      first == name || !Looks(path, memoryLimit).beginsArchive,
      isTiny ? true : try !endsArchive(first.path, looks, temporary: temporary, memoryLimit: memoryLimit)
    else { return }
    throw CutFile(path: path, name: first, compression: following.compression).error
  }

  /// What to say of volumes of which the first begins no archive: nil where they are no pieces that are numbered from zero on.
  static func error(ofVolumesFrom first: String) -> LayoutError? {
    guard let name = PieceName(first), case let zeroth = Self.first(of: name), zeroth != name else {
      return nil
    }
    return CutFile(path: first, name: zeroth, compression: .none).error
  }

  /// What to say of a file in a directory that is a piece of an archive by its name, begins none or too little of one, and has no
  /// piece before it; nil for any other.
  static func error(ofOrphan path: String) -> LayoutError? {
    guard let name = PieceName(path), !name.previous.contains(where: DataFile.isPlain) else { return nil }
    if name.isTinyStart { return CutFile(path: path, name: name, compression: .none).error }
    guard let archive = name.archive, let before = name.previous.first,
      name.isUsual || name.next.contains(where: DataFile.isPlain),
      !Looks(path, Decompressor.usualMemory).beginsArchive
    else { return nil }
    return .volumeNeeded(path: before, archive: archive)
  }

  /// Whether a file is called as a piece of an archive is.
  static func isPiece(_ name: String) -> Bool {
    PieceName(name).map { $0.archive != nil && $0.isUsual } ?? false
  }

  private static func first(of name: PieceName) -> PieceName {
    var first = name
    for _ in 0..<mostPieces {
      guard let before = first.previous.first(where: DataFile.isPlain), let piece = PieceName(before) else {
        break
      }
      first = piece
    }
    return first
  }

  /// Whether a tar comes to its end.
  private static func endsArchive(
    _ path: String, _ looks: Looks, temporary: String, memoryLimit: Int64
  ) throws(LayoutError) -> Bool {
    do throws(LayoutError) {
      let tar: TarIndex
      if looks.compression != .none {
        let content = try LayoutError.wrapping { () throws(TarError) in
          try StreamedContent.open(path, memoryLimit: memoryLimit)
        }
        guard let content else { return true }
        tar = try PassedContent.read(
          content, after: nil, unpacksBlobs: false, keepingIn: temporary, memoryLimit: memoryLimit
        ).tar
      } else {
        let file = try LayoutError.wrapping { () throws(FileError) in try DataFile.open(reading: path) }
        tar = try LayoutError.wrapping { () throws(TarError) in try TarIndex.read(file, names: .layout) }
      }
      if case .marker = tar.end { return true }
      return false
    } catch {
      switch error {
      case .cancelled: throw error
      // What is cut within its compression.
      case .malformed, .truncated: return false
      default: return true
      }
    }
  }

  private var error: LayoutError {
    .cutFile(path: path, pieces: name.pattern, whole: name.whole, compression)
  }

  /// What a file begins as.
  private struct Looks {
    private(set) var compression = Compression.none
    private(set) var beginsArchive = false

    init(_ path: String, _ memoryLimit: Int64) {
      guard let file = try? DataFile.open(reading: path), let looks = try? ArchiveLooks.read(file) else {
        return
      }
      guard looks == .compressed else {
        beginsArchive = true
        return
      }
      guard let start = try? file.read(Compression.magicSize, at: 0),
        let content = try? StreamedContent.open(path, memoryLimit: memoryLimit)
      else { return }
      compression = Compression(magic: start)
      let front = ContentFront(of: content, limit: 1 << 20, spoolingIn: "")
      let block = (try? front.read(Int(TarHeader.blockSize), at: 0)) ?? []
      beginsArchive = ArchiveLooks.isTar(block)
    }
  }
}

/// The name of a piece: what all of them begin with, a number or letters that count, and perhaps how each is compressed.
private struct PieceName: Equatable {
  let path: String
  private let stem: String
  private let counter: [UInt8]
  private let ending: String

  private static let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
  private static let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
  /// The most digits or letters that are taken for a counter, and how many letters `split` writes.
  private static let (longest, usual) = (9, 2)

  private var isOfDigits: Bool { counter.first.map(Self.digits.contains) ?? false }

  /// nil for a file whose name does not end in what counts.
  init?(_ path: String) {
    self.path = path
    let plain = ArchiveLooks.uncompressed(path)
    ending = String(path.dropFirst(plain.count))
    let isDigit = plain.utf8.last.map(Self.digits.contains) ?? false
    let range = isDigit ? Self.digits : Self.letters
    var count = plain.utf8.reversed().prefix { range.contains($0) }.count
    if !isDigit, !".-_".utf8.contains(plain.utf8.dropLast(count).last ?? 0) { count = min(count, Self.usual) }
    guard (isDigit ? 1...Self.longest : Self.usual...Self.longest).contains(count) else { return nil }
    counter = Array(plain.utf8.suffix(count))
    stem = String(plain.dropLast(count))
  }

  /// What may be called the piece behind it.
  var next: [String] { neighbours(1) }
  /// What may be called the piece before it.
  var previous: [String] { neighbours(-1) }

  private func neighbours(_ step: Int) -> [String] {
    guard isOfDigits else {
      var letters = counter
      for index in letters.indices.reversed() {
        let edge = step > 0 ? Self.letters.upperBound : Self.letters.lowerBound
        if letters[index] != edge {
          letters[index] = UInt8(Int(letters[index]) + step)
          return [stem + String(decoding: letters, as: UTF8.self) + ending]
        }
        letters[index] = step > 0 ? Self.letters.lowerBound : Self.letters.upperBound
      }
      return []
    }
    guard let number = Int(String(decoding: counter, as: UTF8.self)), number + step >= 0 else { return [] }
    let text = String(number + step)
    let padded = String(repeating: "0", count: max(0, counter.count - text.count)) + text
    return Set([padded, text]).sorted { $0.count > $1.count }.map { stem + $0 + ending }
  }

  /// Whether a tar begins here of which the first header goes on in the pieces that follow.
  var isTinyStart: Bool {
    let size = Int(TarHeader.blockSize)
    var block: [UInt8] = []
    var piece: PieceName? = self
    while block.count < size, let path = piece?.path, let file = try? DataFile.open(reading: path),
      let part = try? file.read(size - block.count, at: 0), (1..<size).contains(part.count)
    {
      block += part
      piece = piece?.next.first(where: DataFile.isPlain).flatMap { PieceName($0) }
    }
    return ArchiveLooks.isTar(block)
  }

  /// What a shell makes all pieces of, in their order.
  var pattern: String {
    let one = isOfDigits ? "[0-9]" : "[a-z]"
    let all = stem + String(repeating: one, count: counter.count) + ending
    // Without zeros before them, ten stands before two.
    guard isOfDigits, counter.count == 1 else { return all }
    let further = stem + one + one + ending
    return DataFile.isPlain(stem + "10" + ending) ? "\(all) \(further)" : all
  }

  /// What it is a piece of, where that is called like an archive.
  var archive: String? {
    ArchiveLooks.isNamed(base.split(separator: "/").last.map(String.init) ?? "") ? base : nil
  }

  /// Whether the counter alone says that it is one: an ending of two or more letters may be anything.
  var isUsual: Bool {
    isOfDigits
      ? counter.count <= Self.usual || counter.first == Self.digits.lowerBound
      : counter.count == Self.usual && counter.first == Self.letters.lowerBound
  }

  private var base: String {
    var base = stem
    while let last = base.utf8.last, ".-_".utf8.contains(last) { base = String(base.dropLast()) }
    return base
  }

  /// What all pieces together may be called, where nothing is called so.
  var whole: String {
    let name = archive ?? base + (base.isEmpty || base.hasSuffix("/") ? "whole.tar" : ".tar")
    return DataFile.exists(name) ? name + ".whole" : name
  }
}
