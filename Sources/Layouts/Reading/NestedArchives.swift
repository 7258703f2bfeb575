import Digests
import Files
import Images
import Tar

/// What a tar holds that would be archives of images, were it unpacked, and that nothing at its top speaks of: a directory is looked
/// through for these, a tar is one archive.
struct NestedArchives {
  /// The folders and files, in the order of their paths.
  let places: [String]

  /// Looks among the files of a tar; into those that are tars themselves only where it is told which of them are `used` as blobs.
  /// Throws ``LayoutError/cancelled``.
  static func find(
    in entries: TarContents, of file: any RandomAccess, used: (() -> Set<BlobExtent>)? = nil
  ) throws(LayoutError) -> NestedArchives? {
    let names = entries.names
    var places: Set<String> = []
    for path in names where !TarContents.isOwn(path) {
      try LayoutError.checkCancellation()
      guard let slash = path.lastIndex(of: "/") else { continue }
      let folder = String(path[..<slash])
      switch path[path.index(after: slash)...] {
      case LayoutFile.path[...]: places.insert(folder)
      case IndexFile.path[...], DockerManifestFile.path[...]:
        // A link at the top may lead to it.
        let name = String(path[path.index(after: slash)...])
        guard let extent = entries.files[path], extent != entries.files[name], !places.contains(folder) else {
          continue
        }
        if try isList(extent, called: name, in: file) { places.insert(folder) }
      default: continue
      }
    }
    for folder in places where entries.files["\(folder)/\(IndexFile.path)"] == entries.files[IndexFile.path] {
      if entries.files[IndexFile.path] != nil { places.remove(folder) }
    }
    let packed = used == nil ? [] : entries.namesOfArchives.filter { !TarContents.isOwn($0) }
    let taken = packed.isEmpty ? [] : used?() ?? []
    let files = packed.compactMap { path in entries.files[path].map { (path: path, extent: $0) } }
    // In their order: what comes out of a compressed file is read from its beginning for what lies before.
    for (path, extent) in files.sorted(by: { $0.extent.offset < $1.extent.offset }) {
      try LayoutError.checkCancellation()
      guard !taken.contains(extent), file.holds(extent.range) else { continue }
      if isOfImages(extent, in: file) { places.insert(path) }
    }
    guard !places.isEmpty else { return nil }
    return NestedArchives(places: places.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
  }

  /// Throws ``LayoutError/holdsLayouts(path:first:count:)``; `path` is the tar's.
  func refuse(in path: String) throws(LayoutError) {
    throw .holdsLayouts(path: path, first: places.first ?? "", count: places.count)
  }

  /// Whether a file by a list's name begins as one. What cannot be read, because it has passed, is none.
  private static func isList(
    _ extent: BlobExtent, called name: String, in file: any RandomAccess
  ) throws(LayoutError) -> Bool {
    let start = BlobExtent(offset: extent.offset, size: min(extent.size, 64 << 10))
    guard file.holds(start.range) else { return false }
    let bytes: [UInt8]
    do { bytes = try start.bytes(in: file) } catch .cancelled { throw .cancelled } catch { return false }
    let text = String(decoding: bytes, as: UTF8.self)
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

  /// Whether a file is a tar of images that lies there as it is.
  private static func isOfImages(_ extent: BlobExtent, in file: any RandomAccess) -> Bool {
    let part = Part(file: file, extent: extent)
    guard let tar = try? TarIndex.read(part, names: .layout),
      let inside = try? TarContents(tar, of: file.path)
    else { return false }
    return inside.looksLikeImages
  }

  /// One file of a tar, as content of its own.
  private struct Part: RandomAccess {
    let file: any RandomAccess
    let extent: BlobExtent

    var path: String { file.path }

    func size() -> Int64 { extent.size }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
      guard (0..<extent.size).contains(offset) else { return 0 }
      let count = Int(min(Int64(buffer.count), extent.size - offset))
      let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      return try unsafe file.read(into: part, at: extent.offset + offset)
    }
  }
}
