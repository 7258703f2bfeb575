import Digests
import Files
import Synchronization
import Tar

/// A file of a tar that may be an archive of images to who unpacks the tar, or a part of one. It is judged as it is read from its
/// first byte on, once: where it lies, and just so while it passes.
struct NestedFile {
  /// What is known of images in a file.
  enum Verdict: Int, Comparable, Sendable {
    /// There are none.
    case other
    /// There may be some: it cannot be told, or costs more than is spent on it.
    case unknown
    case images

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  private enum Role {
    /// A layout's version, in a folder.
    case version
    /// A list of images, in a folder.
    case list
    /// A blob or a layer below a folder, of which nothing else need be there.
    case part
    /// Any other file.
    case any
  }

  /// The folder or the file that would be an archive.
  let place: String
  /// What the file is called in its folder.
  private let name: String
  private let role: Role

  /// How many tars and layers of compression may lie in each other of which the innermost is looked into.
  private static let deepest = 8
  /// How much of a list is looked at, in bytes.
  private static let listStart: Int64 = 64 << 10

  /// The file of a tar that has the plain path `path`; nil for a blob where layouts have it, for what layouts and docker's own form have at
  /// their top, and for docker's own layers.
  init?(_ path: String) {
    let parts = path.split(separator: "/")
    guard let last = parts.last, BlobPath.digest(of: path) == nil else { return nil }
    name = String(last)
    let folder = parts.dropLast()
    guard let above = folder.last else {
      guard !TarContents.isOwn(path), path != LegacyTags.path else { return nil }
      (place, role) = (path, .any)
      return
    }
    switch name {
    case LayoutFile.path: (place, role) = (folder.joined(separator: "/"), .version)
    case IndexFile.path, DockerManifestFile.path: (place, role) = (folder.joined(separator: "/"), .list)
    case "layer.tar" where Digest(hex: above) != nil:
      guard folder.count > 1 else { return nil }
      (place, role) = (folder.dropLast().joined(separator: "/"), .part)
    case _ where folder.count > 2 && BlobPath.digest(of: parts.suffix(3).joined(separator: "/")) != nil:
      (place, role) = (folder.dropLast(2).joined(separator: "/"), .part)
    // What lies beside blobs is mostly what was left of one, and no archive.
    case _
    where parts[0] == "blobs" && !ArchiveLooks.isNamed(name)
      && (folder.count == 1 || folder.count == 2 && Digest.Algorithm(rawValue: String(parts[1])) != nil):
      return nil
    default: (place, role) = (path, .any)
    }
  }

  /// Whether the path alone says that there are images in its folder.
  var isVersion: Bool { role == .version }
  /// Whether it is a blob or a layer below a folder.
  var isPart: Bool { role == .part }
  /// Whether it would be an archive itself, and not what lies in its folder.
  var isAny: Bool { role == .any }
  /// Whether it is called as archives are.
  var isNamedArchive: Bool { role == .any && ArchiveLooks.isNamed(name) }

  /// What judging all files of one archive may cost.
  final class Bounds: Sendable {
    /// How much memory a decoder may take, in bytes.
    let memory: Int64
    let allowance: UnpackingAllowance
    private let entries = Atomic<Int>(0)

    /// The most entries that are looked at of all tars within the archive: a small one may unpack to any number.
    private static let mostEntries = 1 << 20
    /// So many entries cost as much as one that has to be decompressed.
    private static let entriesPerDecoder = 16

    init(memory: Int64, allowance: UnpackingAllowance) {
      self.memory = memory
      self.allowance = allowance
    }

    /// Counts an entry; false where there were too many.
    fileprivate func takeEntry() -> Bool { take(1) }

    /// Counts the decoder of an entry; false where there were too many.
    fileprivate func takeDecoder() -> Bool { take(Self.entriesPerDecoder) }

    private func take(_ count: Int) -> Bool {
      entries.wrappingAdd(count, ordering: .relaxed).newValue <= Self.mostEntries
    }
  }

  /// Judges what `read` gives: the bytes from an offset on, fewer than asked for only at the end. It is asked for none before those
  /// that it has given. Throws what `read` throws, and ``TarError`` for what cannot be unpacked.
  func verdict(
    within bounds: Bounds, reading read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int
  ) throws -> Verdict {
    switch role {
    case .version: return .images
    case .part: return .unknown
    case .list: return try unsafe Self.isList(name, read) ? .images : .other
    case .any: return try unsafe Self.verdict(of: name, depth: 1, memory: bounds.memory, bounds, read)
    }
  }

  /// The same of what comes: `source` puts at least one byte into a buffer, 0 only at the end.
  func verdict(
    within bounds: Bounds, passing source: (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws -> Verdict {
    try unsafe withoutActuallyEscaping(source) { source in
      let coming = unsafe ComingBytes(source)
      return try unsafe verdict(within: bounds, reading: coming.read)
    }
  }

  /// The same of what comes out of a compressed file, which no list is.
  func verdict(
    within bounds: Bounds, unpacking content: (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws -> Verdict {
    switch role {
    case .version: return .images
    case .part: return .unknown
    case .list: return .other
    case .any:
      return try unsafe Self.verdict(of: name, unpacking: content, depth: 1, memory: bounds.memory, bounds)
    }
  }

  // MARK: What a file holds

  /// Judges what `read` gives by its first bytes, and by its name where these may be damaged. `memory` is how much a decoder may take,
  /// in bytes.
  private static func verdict(
    of name: String, depth: Int, memory: Int64, _ bounds: Bounds,
    _ read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int
  ) throws -> Verdict {
    let start = try unsafe bytes(Int(TarHeader.blockSize), at: 0, read)
    let compression = Compression(magic: start)
    guard compression != .none || ArchiveLooks.isNamed(name) || ArchiveLooks.isTar(start) else {
      let isPiece = VolumeName(name).map { ArchiveLooks.isNamed($0.base) } ?? false
      let isForeign = ForeignForm(of: start) != nil || ArchiveLooks.form(ofNamed: name) != nil
      return isPiece || isForeign ? .unknown : .other
    }
    guard depth <= deepest else { return .unknown }
    guard compression != .none else {
      return try unsafe verdict(
        of: name, beginningWith: start, depth: depth, memory: memory, bounds, read)
    }
    guard depth == 1 || bounds.takeDecoder() else { return .unknown }
    var first = start[...]
    var position: Int64 = 0
    let decompressor = Decompressor(compression, memoryLimit: memory, within: bounds.allowance)
    // What lies in it is decompressed beside it.
    let rest = compression == .gzip ? memory : memory / 2
    return try unsafe decompressor.reading(
      from: { buffer in
        if !first.isEmpty {
          let piece = first.prefix(buffer.count)
          unsafe buffer.copyBytes(from: piece)
          first = first.dropFirst(piece.count)
          position += Int64(piece.count)
          return piece.count
        }
        let count = try unsafe read(buffer, position)
        position += Int64(count)
        return count
      }, { content in try unsafe verdict(of: name, unpacking: content, depth: depth, memory: rest, bounds) })
  }

  /// Judges what comes out of a compressed file.
  private static func verdict(
    of name: String, unpacking content: (UnsafeMutableRawBufferPointer) throws -> Int, depth: Int,
    memory: Int64, _ bounds: Bounds
  ) throws -> Verdict {
    try unsafe withoutActuallyEscaping(content) { content in
      let coming = unsafe ComingBytes(content)
      return try unsafe verdict(of: name, depth: depth + 1, memory: memory, bounds, coming.read)
    }
  }

  /// Judges a tar, of which `start` was read; what is called like one and is none is damaged.
  private static func verdict(
    of name: String, beginningWith start: [UInt8], depth: Int, memory: Int64, _ bounds: Bounds,
    _ read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int
  ) throws -> Verdict {
    var found = Verdict.other
    var position: Int64 = 0
    while true {
      guard !Task.isCancelled else { throw TarError.file(.cancelled) }
      var next = position
      let coming = try ComingEntry.read(at: position, of: name, names: .layout) { size in
        let piece = try next == 0 ? start : unsafe bytes(size, at: next, read)
        next += Int64(piece.count)
        return piece
      }
      switch coming {
      case .entry(let entry):
        guard bounds.takeEntry() else { return .unknown }
        found = max(found, try unsafe verdict(of: entry, depth: depth, memory: memory, bounds, read))
        if found == .images { return .images }
        position = entry.end
      case .zeros: return found
      // Of what is cut or damaged nobody can tell what else there was.
      case .nothing, .cut, .damaged: return .unknown
      }
    }
  }

  /// Judges what lies in a tar within the tar.
  private static func verdict(
    of entry: TarEntry, depth: Int, memory: Int64, _ bounds: Bounds,
    _ read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int
  ) throws -> Verdict {
    guard entry.kind != .directory else { return .other }
    let path = TarPath.plain(entry.path)
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    let isOfList = [IndexFile.path, DockerManifestFile.path].contains(name)
    guard isOfList || !TarContents.looksLikeImages(path) else { return .images }
    guard entry.kind == .file else { return .other }
    func within(_ buffer: UnsafeMutableRawBufferPointer, _ offset: Int64) throws -> Int {
      guard offset < entry.size else { return 0 }
      let count = Int(min(Int64(buffer.count), entry.size - offset))
      let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      return try unsafe read(part, entry.offset + offset)
    }
    if isOfList { return try unsafe isList(name, within) ? .images : .other }
    return try unsafe verdict(of: name, depth: depth + 1, memory: memory, bounds, within)
  }

  /// Whether a file by a list's name begins as one.
  private static func isList(
    _ name: String, _ read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int
  ) throws -> Bool {
    let text = String(decoding: try unsafe bytes(Int(listStart), at: 0, read), as: UTF8.self)
    switch (name, text.first { !$0.isWhitespace }) {
    case (IndexFile.path, "{"): return text.contains("\"manifests\"") && text.contains("\"digest\"")
    case (DockerManifestFile.path, "["): return text.contains("\"Config\"") && text.contains("\"Layers\"")
    // skopeo's dir:.
    case (DockerManifestFile.path, "{"):
      return text.contains("\"schemaVersion\"")
        && (text.contains("\"config\"") || text.contains("\"manifests\""))
    default: return false
    }
  }

  // MARK: Reading

  /// So many of the bytes from `offset` on; fewer only at the end.
  private static func bytes(
    _ count: Int, at offset: Int64, _ read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int
  ) throws -> [UInt8] {
    var position = offset
    return try unsafe Pieces.bytes(count) { buffer in
      try unsafe Pieces.fill(buffer) { room in
        let count = try unsafe read(room, position)
        position += Int64(count)
        return count
      }
    }
  }
}

/// What comes, read by offsets, each behind those before; what lies between is passed over.
@safe private final class ComingBytes {
  private let source: (UnsafeMutableRawBufferPointer) throws -> Int
  private var position: Int64 = 0

  private static let pieceSize: Int64 = 64 << 10

  init(_ source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int) { unsafe self.source = source }

  /// Puts at least one byte into `buffer`, 0 only at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
    while position < offset {
      guard !Task.isCancelled else { throw TarError.file(.cancelled) }
      let count = Int(min(Self.pieceSize, offset - position))
      let piece = try unsafe Pieces.bytes(count) { try unsafe source($0) }
      guard !piece.isEmpty else { return 0 }
      position += Int64(piece.count)
    }
    let count = try unsafe source(buffer)
    position += Int64(count)
    return count
  }
}
