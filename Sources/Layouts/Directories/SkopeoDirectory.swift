import Digests
import Files
import Images
import Tar

/// What skopeo and podman write as `dir:` and `docker-dir`: one image whose files lie beside each other, each called by
/// the hexadecimal part of its digest, with the algorithm before it where that is not sha256, manifests below an index with `.manifest.json` behind it. `manifest.json` is the
/// image's manifest or index itself.
///
/// Ferry makes the layout that it stands for, of the directory or of a tar that has the same at its top. Nothing in it says what the image is called, nor what digest the topmost manifest
/// must have.
enum SkopeoDirectory {
  static let versionFile = "version"
  static let versionStart = "Directory Transport Version: 1."
  private static let childEnding = ".manifest.json"

  /// Whether it is a signature's file, which only skopeo and podman read: registries have no place for it.
  static func isSignature(_ name: String) -> Bool {
    name.hasPrefix("signature-") || name.contains(".signature-")
  }

  /// What the image in the directory `path` may be called: skopeo's `sync` keeps the name in the directory's path, so it is
  /// `known`, or else what the path ends with, where that has a tag; nil where it has none.
  static func name(of path: String, known: String?) -> String? {
    let path = known ?? path.split(separator: "/").last.map(String.init) ?? ""
    let name = path.split(separator: "/").last ?? ""
    return name.contains(":") && Digest(fileName: name) == nil && !name.hasPrefix("@") ? path : nil
  }

  /// The layout, of what lies in the directory at `path`.
  static func source(_ path: String, memoryLimit: Int64) throws(LayoutError) -> LayoutSource {
    let directory = try LayoutError.wrapping { () throws(TarError) in
      try DirectoryContent.read(path) {
        !$0.contains("/") && ($0 == DockerManifestFile.path || digest(of: $0) != nil)
      }
    }
    // Where the directory is called by a digest, that is the image's.
    let last = path.split(separator: "/").last ?? ""
    let named = last.lastIndex(of: "@").flatMap { try? Digest(String(last[last.index(after: $0)...])) }
    return try source(
      of: directory.content, at: path, tar: directory.index,
      entries: try TarContents(directory.index, of: path), named: named, memoryLimit: memoryLimit)
  }

  /// Whether a tar has at its top what lies in such a directory: a `version`, or a manifest beside files called by digests.
  static func isPacked(_ entries: TarContents, in file: any RandomAccess) throws(LayoutError) -> Bool {
    guard entries.files[LayoutFile.path] == nil, entries.files[IndexFile.path] == nil,
      let list = entries.files[DockerManifestFile.path], file.holds(list.range)
    else { return false }
    func start(of extent: BlobExtent, _ limit: Int64) throws(LayoutError) -> String {
      let bytes = try BlobExtent(offset: extent.offset, size: min(extent.size, limit)).bytes(in: file)
      return String(decoding: bytes, as: UTF8.self)
    }
    let text = try start(of: list, 64 << 10)
    let first = text.first { !$0.isWhitespace }
    // Of what passes no more is kept of such a file.
    if let version = entries.files[versionFile], file.holds(version.range), first != "[",
      try versionStart.hasPrefix(start(of: version, Int64(Compression.magicSize)))
    {
      return version.size >= Int64(versionStart.utf8.count)
    }
    return first == "{" && text.contains("\"schemaVersion\"")
      && entries.files.keys.contains { digest(of: $0) != nil }
  }

  /// The layout, of what a tar or a directory at `path` has at its top. `named` is the digest that the image is called by.
  static func source(
    of file: any RandomAccess, at path: String, tar: TarIndex, entries found: TarContents,
    named: Digest? = nil,
    memoryLimit: Int64
  ) throws(LayoutError) -> LayoutSource {
    guard let extent = found.files[DockerManifestFile.path] else {
      throw .missingFile(path: path, entry: DockerManifestFile.path)
    }
    guard extent.size <= Int64(Manifest.sizeLimit) else {
      throw .oversized(
        path: path, entry: DockerManifestFile.path, size: extent.size, limit: Int64(Manifest.sizeLimit))
    }
    let bytes = try extent.bytes(in: file)
    let actual = Digest(of: bytes, by: named?.algorithm ?? .sha256)
    if let named, named != actual {
      throw .wrongContent(named, .mismatch(expected: named, actual: actual))
    }
    let manifest: Manifest
    do { manifest = try Manifest(bytes: bytes, mediaType: nil, by: actual.algorithm) } catch {
      // No digest proves these bytes: what is no JSON was cut or changed on its way, and another copy may be right.
      if named == nil, case .malformed(.json(let fault)) = error {
        throw .malformed(path: path, entry: DockerManifestFile.path, why: .json(fault))
      }
      throw .notAManifest(actual, error)
    }
    let root = Descriptor(mediaType: manifest.mediaType, digest: actual, size: Int64(bytes.count))
    var blobs = [root.digest: extent]
    var files: [String: BlobExtent] = [:]
    var signatures = 0
    for (name, extent) in found.files {
      try LayoutError.checkCancellation()
      if let digest = digest(of: name) {
        blobs[digest] = blobs[digest] ?? extent
      } else if isSignature(name) {
        signatures += 1
      } else if name != DockerManifestFile.path, name != versionFile {
        files[name] = extent
      }
    }
    var tail = GeneratedFiles(behind: tar.fileSize)
    files[LayoutFile.path] = tail.append(LayoutFile.bytes)
    files[IndexFile.path] = tail.append(
      IndexFile(images: [LayoutImage(reference: nil, name: "", root: root)], ferryFileDigest: nil).bytes)
    let made = tail.bytes
    var source = LayoutSource(
      file: try LayoutError.wrapping { () throws(FileError) in try AppendedContent(file, made) },
      tar: tar,
      entries: try TarContents(
        blobs: blobs, files: files, problems: found.problems, isCut: found.isCut, shared: found.shared,
        of: path
      ).comparingCopies(in: file),
      form: .skopeo, memoryLimit: memoryLimit)
    source.signatures = signatures
    return source
  }

  /// The digest that a file is called by; nil for any other name. Layers had an ending once.
  private static func digest(of name: String) -> Digest? {
    for ending in [childEnding, ".tar"] where name.hasSuffix(ending) {
      return Digest(fileName: name.dropLast(ending.utf8.count))
    }
    return Digest(fileName: name)
  }
}
