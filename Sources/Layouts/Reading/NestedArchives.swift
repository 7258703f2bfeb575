import Digests
import Files
import Images
import Tar

/// What a tar holds that would be archives of images, were it unpacked, and that nothing at its top speaks of: a directory is looked
/// through for these, a tar is one archive.
struct NestedArchives {
  /// The folders and files, in the order of their paths.
  let places: [String]
  /// Whether there are images in one of them; else there may be.
  let isCertain: Bool

  init(_ found: [String: NestedFile.Verdict]) {
    places = found.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    isCertain = found.values.contains(.images)
  }

  /// Looks among the files of the tar that `source` is, and into each; but for those that are `used` by what stands at its top.
  /// Where nothing does, there is nothing to be told of blobs alone. Throws ``LayoutError/cancelled``.
  static func find(
    in source: LayoutSource, used: (() -> Set<BlobExtent>)? = nil
  ) throws(LayoutError) -> NestedArchives? {
    let entries = source.entries
    let bounds = NestedFile.Bounds(
      memory: source.memoryLimit,
      allowance: UnpackingAllowance { source.stored ?? source.tar.fileSize })
    var found: [String: NestedFile.Verdict] = [:]
    var others: [(file: NestedFile, extent: BlobExtent)] = []
    let taken = used?() ?? []
    for path in entries.names {
      try LayoutError.checkCancellation()
      guard let file = NestedFile(path) else { continue }
      guard let extent = entries.files[path] else {
        if file.isVersion { found[file.place] = .images }
        continue
      }
      if file.isAny {
        if !taken.contains(extent) { others.append((file, extent)) }
        continue
      }
      // A link at the top may lead to it.
      let name = String(path.split(separator: "/").last ?? "")
      guard !file.isPart || used != nil && !taken.contains(extent), extent != entries.files[name] else {
        continue
      }
      let verdict = try source.verdict(on: file, at: extent, within: bounds)
      if verdict != .other { found[file.place] = max(verdict, found[file.place] ?? .other) }
    }
    if let top = entries.files[IndexFile.path] {
      for folder in found.keys where entries.files["\(folder)/\(IndexFile.path)"] == top {
        found[folder] = nil
      }
    }
    // In their order: what comes out of a compressed file is read from its beginning for what lies before.
    for (file, extent) in others.sorted(by: { $0.extent.offset < $1.extent.offset }) {
      try LayoutError.checkCancellation()
      // What lies in a place that is named is found there.
      guard !isBelow(file.place, found) else { continue }
      let verdict = try source.verdict(on: file, at: extent, within: bounds)
      if verdict != .other { found[file.place] = verdict }
    }
    for path in entries.sparse {
      if let file = NestedFile(path), file.isNamedArchive { found[file.place] = .unknown }
    }
    return found.isEmpty ? nil : NestedArchives(found)
  }

  /// Throws ``LayoutError/holdsLayouts(path:first:count:isCertain:)``; `path` is the tar's.
  func refuse(in path: String) throws(LayoutError) {
    throw .holdsLayouts(path: path, first: places.first ?? "", count: places.count, isCertain: isCertain)
  }

  private static func isBelow(_ path: String, _ places: [String: NestedFile.Verdict]) -> Bool {
    guard !places.isEmpty else { return false }
    var folder = path[...]
    while let slash = folder.lastIndex(of: "/") {
      folder = folder[..<slash]
      if places[String(folder)] != nil { return true }
    }
    return false
  }
}

extension LayoutSource {
  /// What is known of a file that begins at `extent`. What cannot be read may be anything. Throws ``LayoutError/cancelled``.
  fileprivate func verdict(
    on nested: NestedFile, at extent: BlobExtent, within bounds: NestedFile.Bounds
  ) throws(LayoutError) -> NestedFile.Verdict {
    // What Ferry made lies behind the rest.
    if let passed, extent.offset < tar.fileSize { return passed.verdict(at: extent.offset) }
    guard file.holds(extent.range) else { return .other }
    do {
      return try unsafe nested.verdict(within: bounds) { buffer, offset in
        guard offset < extent.size else { return 0 }
        let count = Int(min(Int64(buffer.count), extent.size - offset))
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        return try unsafe file.read(into: part, at: extent.offset + offset)
      }
    } catch {
      try LayoutError.checkCancellation()
      return .unknown
    }
  }
}
