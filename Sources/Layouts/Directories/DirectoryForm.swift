import Digests
import Files
import Tar

/// What a directory is to those who read images, as far as its names and the beginnings of a few files tell.
struct DirectoryForm {
  enum Kind {
    /// An OCI image layout.
    case layout
    /// What skopeo calls `dir:`, and podman `docker-dir`: one image, its manifest and its blobs beside each other.
    case skopeo
    /// What `docker save` writes, unpacked.
    case dockerSave
    /// What it wrote before docker 1.10, unpacked.
    case legacySave
    /// What has blobs as layouts have them, or layers as docker had them, and not what says what they are.
    case incomplete
  }

  let kind: Kind
  /// What there is of the form at the top of the directory.
  private let own: Set<String>

  /// Of the directory at `path`. Throws ``FileError`` where that cannot be told.
  static func read(_ path: String) throws(FileError) -> DirectoryForm? {
    let directory = try OpenDirectory.open(reading: path)
    return try read(directory, directory.entries(limit: TarIndex.mostEntries))
  }

  /// nil for a directory that is none of these. Throws ``FileError`` where that cannot be told.
  static func read(
    _ directory: OpenDirectory, _ entries: [OpenDirectory.Entry]
  ) throws(FileError) -> DirectoryForm? {
    let names = Set(entries.map(\.name))
    let hasBlobs = names.contains("blobs")
    func saved() throws(FileError) -> Set<String> {
      names.contains(DockerManifestFile.path) ? try Self.saved(in: directory) : []
    }
    if names.contains(LayoutFile.path) { return DirectoryForm(.layout, own: try saved()) }
    if names.contains(IndexFile.path) {
      let isIndex = hasBlobs ? true : try start(of: IndexFile.path, in: directory).contains("\"manifests\"")
      if isIndex { return DirectoryForm(.layout, own: try saved()) }
    }
    if names.contains(SkopeoDirectory.versionFile),
      try start(of: SkopeoDirectory.versionFile, in: directory).hasPrefix(SkopeoDirectory.versionStart)
    {
      return DirectoryForm(.skopeo)
    }
    if names.contains(DockerManifestFile.path) {
      let text = try start(of: DockerManifestFile.path, in: directory)
      let first = text.first { !$0.isWhitespace }
      // skopeo wrote no version once.
      if first == "{", text.contains("\"schemaVersion\""), names.contains(where: isBlobName) {
        return DirectoryForm(.skopeo)
      }
      if first == "[",
        text.contains("\"Config\"") || text.contains("\"Layers\"")
      {
        return DirectoryForm(.dockerSave, own: try saved())
      }
    }
    if hasBlobs, try holdsBlobs(directory) { return DirectoryForm(.incomplete) }
    if try LegacySave.hasLayers(directory, entries) {
      // A directory that is half copied may look the same but for what was written last.
      return DirectoryForm(names.contains(LegacyTags.path) ? .legacySave : .incomplete)
    }
    if names.contains(LegacyTags.path), names.contains(where: isBlobName) {
      return DirectoryForm(.incomplete)
    }
    return nil
  }

  private init(_ kind: Kind, own: Set<String> = []) {
    self.kind = kind
    switch kind {
    case .layout:
      self.own = own.union([
        LayoutFile.path, IndexFile.path, DockerManifestFile.path, FerryFile.path, LegacyTags.path, "blobs",
        String(CarriedFile.folder.dropLast()),
      ])
    case .skopeo: self.own = [SkopeoDirectory.versionFile, DockerManifestFile.path]
    case .dockerSave: self.own = own.union([DockerManifestFile.path, LegacyTags.path, "blobs"])
    case .legacySave, .incomplete: self.own = [LegacyTags.path, "blobs"]
    }
  }

  /// Whether it has its blobs in a directory of its own.
  var ownsBlobs: Bool { own.contains("blobs") }

  /// Whether what is called so in the directory is a part of the form, and no archive beside it.
  func owns(_ name: String) -> Bool {
    own.contains(name) || Self.isBlobName(name) || kind == .skopeo && SkopeoDirectory.isSignature(name)
  }

  /// Whether a file or folder is named by its digest, or an image's ID: then its ending says what it is.
  private static func isBlobName(_ name: String) -> Bool {
    Digest(fileName: name.prefix { $0 != "." }) != nil
  }

  /// What stands at the top of the directory of what docker's list names.
  private static func saved(in directory: OpenDirectory) throws(FileError) -> Set<String> {
    var own: Set<String> = []
    for path in DockerManifestFile.paths(in: try content(of: DockerManifestFile.path, in: directory)) {
      if let first = path.split(separator: "/").first(where: { $0 != "." }) { own.insert(String(first)) }
    }
    return own
  }

  private static func holdsBlobs(_ directory: OpenDirectory) throws(FileError) -> Bool {
    guard let blobs = try? directory.directory("blobs", creating: false) else { return false }
    for algorithm in Digest.Algorithm.allCases {
      guard let folder = try? blobs.directory(algorithm.rawValue, creating: false) else { continue }
      do throws(FileError) {
        let isThere = try folder.entries(limit: TarIndex.mostEntries).contains {
          $0.kind == .file && Digest(hex: $0.name, by: algorithm) != nil
        }
        if isThere { return true }
      } catch .tooManyEntries {
        return true
      }
    }
    return false
  }

  /// What a file begins with; empty where none can be had by that name.
  private static func start(of name: String, in directory: OpenDirectory) throws(FileError) -> String {
    String(decoding: try content(of: name, in: directory, limit: 64 << 10), as: UTF8.self)
  }

  private static func content(
    of name: String, in directory: OpenDirectory, limit: Int = Int(DockerManifestFile.sizeLimit)
  ) throws(FileError) -> [UInt8] {
    do throws(FileError) {
      guard let file = try directory.file(name) else { return [] }
      return try file.read(Int(min(file.size(), Int64(limit))), at: 0)
    } catch .foreign {
      // A link, as build tools make trees of: what it leads to is read as its file would be.
      guard let file = try? DataFile.open(reading: "\(directory.path)/\(name)") else { return [] }
      return try file.read(Int(min(file.size(), Int64(limit))), at: 0)
    }
  }
}
