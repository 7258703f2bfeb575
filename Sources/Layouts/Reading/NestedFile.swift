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

    /// The most entries that are looked at of all archives within the archive: a small one may unpack to any number.
    private static let mostEntries = 1 << 19
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

  /// Judges a file that lies by itself and is called `name`. What cannot be read may be anything.
  static func verdict(on file: DataFile, called name: String) -> Verdict {
    let bounds = Bounds(
      memory: Decompressor.usualMemory, allowance: UnpackingAllowance { (try? file.size()) ?? 0 })
    let found = try? unsafe verdict(of: name, depth: 1, memory: bounds.memory, bounds) { buffer, offset in
      try unsafe file.read(into: buffer, at: offset)
    }
    return found ?? .unknown
  }

  // MARK: What a file holds

  /// Judges what `read` gives by its first bytes, and by its name where these may be damaged. `memory` is how much a decoder may take,
  /// in bytes. What is wrong with it may be anything; throws what `read` throws.
  private static func verdict(
    of name: String, depth: Int, memory: Int64, _ bounds: Bounds,
    _ read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int
  ) throws -> Verdict {
    let start = try unsafe bytes(Int(TarHeader.blockSize), at: 0, read)
    let compression = Compression(magic: start)
    let isTar = compression == .none && (ArchiveLooks.isNamed(name) || ArchiveLooks.isTar(start))
    guard compression != .none || isTar || mayBeForeign(name, start) else { return .other }
    guard depth <= deepest, compression == .none || depth == 1 || bounds.takeDecoder() else {
      return .unknown
    }
    var failed: (any Error)?
    func again(_ buffer: UnsafeMutableRawBufferPointer, _ offset: Int64) throws -> Int {
      if offset < start.count {
        let piece = start[Int(offset)...].prefix(buffer.count)
        unsafe buffer.copyBytes(from: piece)
        return piece.count
      }
      do { return try unsafe read(buffer, offset) } catch {
        failed = error
        throw error
      }
    }
    do {
      if isTar { return try unsafe verdict(ofTar: name, depth: depth, memory: memory, bounds, again) }
      guard compression != .none else {
        guard ForeignForm(of: start) == .zip else { return .unknown }
        return try unsafe verdict(ofZip: name, depth: depth, memory: memory, bounds, again)
      }
      var position: Int64 = 0
      // What lies in it is decompressed beside it.
      let rest = compression == .gzip ? memory : memory / 2
      return try unsafe Decompressor(compression, memoryLimit: memory, within: bounds.allowance).reading(
        from: { buffer in
          let count = try unsafe again(buffer, position)
          position += Int64(count)
          return count
        },
        { content in try unsafe verdict(of: name, unpacking: content, depth: depth, memory: rest, bounds) })
    } catch {
      if let failed { throw failed }
      guard !Task.isCancelled else { throw TarError.file(.cancelled) }
      return .unknown
    }
  }

  /// Whether a file is of a form that Ferry does not read, or a volume.
  private static func mayBeForeign(_ name: String, _ start: [UInt8]) -> Bool {
    ForeignForm(of: start) != nil || ArchiveLooks.mayBeNamed(name, beginningWith: start)
      || VolumeName(name).map { ArchiveLooks.isNamed($0.base) } ?? false
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

  /// Judges a tar; what is called like one and is none is damaged.
  private static func verdict(
    ofTar name: String, depth: Int, memory: Int64, _ bounds: Bounds,
    _ read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int
  ) throws -> Verdict {
    var found = Verdict.other
    var position: Int64 = 0
    while true {
      guard !Task.isCancelled else { throw TarError.file(.cancelled) }
      var next = position
      let coming = try ComingEntry.read(at: position, of: name, names: .layout) { size in
        let piece = try unsafe bytes(size, at: next, read)
        next += Int64(piece.count)
        return piece
      }
      switch coming {
      case .entry(let entry):
        guard bounds.takeEntry() else { return .unknown }
        func within(_ buffer: UnsafeMutableRawBufferPointer, _ offset: Int64) throws -> Int {
          guard offset < entry.size else { return 0 }
          let count = Int(min(Int64(buffer.count), entry.size - offset))
          let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
          return try unsafe read(part, entry.offset + offset)
        }
        if entry.kind == .directory {
          // GNU tar's list of what lay there, in an archive from which all of it may have been left out.
          let isListed = entry.leavesOut || entry.size > 0
          if isListed, TarPath.plain(entry.path).split(separator: "/").last == "blobs" {
            found = max(found, .unknown)
          }
        } else {
          found = max(
            found,
            try unsafe verdict(
              at: entry.path, isFile: entry.kind == .file, depth: depth, memory: memory, bounds, within))
        }
        if found == .images { return .images }
        position = entry.end
      case .zeros:
        let rest = position + TarHeader.blockSize
        return try unsafe hasZerosAlone(from: rest, read) ? found : max(found, .unknown)
      // Of what is cut or damaged nobody can tell what else there was.
      case .nothing, .cut, .damaged: return .unknown
      }
    }
  }

  /// Judges a zip.
  private static func verdict(
    ofZip name: String, depth: Int, memory: Int64, _ bounds: Bounds,
    _ read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int
  ) throws -> Verdict {
    var found = Verdict.other
    try unsafe ZipFiles.forEach(of: name, within: bounds.allowance, reading: read) { path, content in
      guard bounds.takeEntry() else {
        found = .unknown
        return false
      }
      let inner = try unsafe withoutActuallyEscaping(content) { content in
        let coming = unsafe ComingBytes(content)
        return try unsafe verdict(
          at: path, isFile: true, depth: depth, memory: memory, bounds, coming.read)
      }
      found = max(found, inner)
      return found != .images
    }
    return found
  }

  /// Judges what lies at `path` in an archive within the tar, by what that is called, and what `read` gives of it if it `isFile`.
  private static func verdict(
    at path: String, isFile: Bool, depth: Int, memory: Int64, _ bounds: Bounds,
    _ read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int
  ) throws -> Verdict {
    let path = TarPath.plain(path)
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    let isOfList = [IndexFile.path, DockerManifestFile.path].contains(name)
    guard isOfList || !TarContents.looksLikeImages(path) else { return .images }
    guard isFile else { return .other }
    if isOfList { return try unsafe isList(name, read) ? .images : .other }
    return try unsafe verdict(of: name, depth: depth + 1, memory: memory, bounds, read)
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

  /// The most zeros behind a tar's end that are read, in bytes.
  private static let longestTail: Int64 = 64 << 20

  /// Whether nothing but zeros follow: what lies behind a tar's end may be another tar.
  private static func hasZerosAlone(
    from offset: Int64, _ read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int
  ) throws -> Bool {
    var position = offset
    while position - offset < longestTail {
      guard !Task.isCancelled else { throw TarError.file(.cancelled) }
      let piece = try unsafe bytes(tailPieceSize, at: position, read)
      guard piece.allSatisfy({ $0 == 0 }) else { return false }
      guard piece.count == tailPieceSize else { return true }
      position += Int64(piece.count)
    }
    return false
  }

  private static let tailPieceSize = 64 << 10

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
