import Digests
import Files
import Tar

/// In what a layout lies.
public enum LayoutForm: String, Hashable, Sendable {
  /// An OCI image layout in a tar.
  case tar
  /// An OCI image layout in a directory.
  case directory
  /// A tar in docker's own form, or what is unpacked of one, from which Ferry makes the layout.
  case dockerSave = "docker-save"
  /// A directory in skopeo's own form, or a tar of what lies in one, from which Ferry makes the layout.
  case skopeo = "dir"
}

/// What a layout is read from: content of whatever form, and where in it the layout's files lie.
struct LayoutSource {
  let file: any RandomAccess
  /// What the content consists of, whether or not it is a tar.
  let tar: TarIndex
  let entries: TarContents
  let form: LayoutForm
  /// What was found wrong before the layout itself is read.
  var problems: [LayoutProblem] = []
  /// How much memory decompressing a layer may take, in bytes.
  let memoryLimit: Int64
  /// What it is read from where that came once.
  var passed: PassedContent?
  /// How many bytes that took as they lie there, where it may be compressed.
  var stored: Int64?
  /// What it lists, where Ferry makes that of a list of another form: it is larger than one that is read may be.
  var made: IndexFile?
  /// What the image is called that has no name in it.
  var givenName: String?
  /// Whether it is a tar: what else lies in that nobody looks for.
  var isTar = false
  /// How many signatures lie there that only skopeo and podman read.
  var signatures = 0

  /// Looks what lies at `path`, and chooses how to read it. `name` is where it lies below a directory that was named: there
  /// are tools whose image has no other name.
  static func open(_ path: String, name: String? = nil, memoryLimit: Int64) throws(LayoutError)
    -> LayoutSource
  {
    if DataFile.isDirectory(path) { return try open(directory: path, name: name, memoryLimit: memoryLimit) }
    return try open(
      tar: LayoutError.wrapping { () throws(FileError) in try DataFile.open(reading: path) },
      memoryLimit: memoryLimit)
  }

  /// A tar, wherever its bytes come from: a layout in it, or what `docker save` wrote. `isCut`: these ended too early.
  static func open(
    tar file: any RandomAccess, isCut: Bool = false, memoryLimit: Int64
  ) throws(LayoutError) -> LayoutSource {
    var tar = try LayoutError.wrapping { () throws(TarError) in try TarIndex.read(file, names: .layout) }
    if isCut { tar = tar.ofFile(size: tar.fileSize, isCut: true) }
    return try open(file, tar, memoryLimit: memoryLimit)
  }

  /// A tar that has passed.
  static func open(
    _ passed: (content: PassedContent, tar: TarIndex), memoryLimit: Int64
  ) throws(LayoutError) -> LayoutSource {
    var source = try open(passed.content, passed.tar, memoryLimit: memoryLimit)
    source.passed = passed.content
    source.stored = passed.content.storedSize
    return source
  }

  private static func open(
    _ file: any RandomAccess, _ tar: TarIndex, memoryLimit: Int64
  ) throws(LayoutError) -> LayoutSource {
    let entries = try TarContents(tar, of: file.path).comparingCopies(in: file)
    if let entry = entries.sparse.filter(TarContents.isOwn).min() {
      throw .sparse(path: file.path, entry: entry)
    }
    if try SkopeoDirectory.isPacked(entries, in: file) {
      var source = try SkopeoDirectory.source(
        of: file, at: file.path, tar: tar, entries: entries, memoryLimit: memoryLimit)
      source.isTar = true
      return source
    }
    if let archive = try DockerSaveArchive.open(
      file: file, tar: tar, entries: entries, memoryLimit: memoryLimit)
    {
      var source = try archive.source()
      source.isTar = true
      return source
    }
    var source = LayoutSource(file: file, tar: tar, entries: entries, form: .tar, memoryLimit: memoryLimit)
    source.isTar = true
    return source
  }

  private static func open(
    directory path: String, name: String?, memoryLimit: Int64
  ) throws(LayoutError) -> LayoutSource {
    // Asked first: it may be anything, a home directory for one.
    guard [LayoutFile.path, IndexFile.path].contains(where: { DataFile.exists("\(path)/\($0)") }) else {
      switch try LayoutError.wrapping({ () throws(FileError) in try DirectoryForm.read(path) })?.kind {
      case .skopeo:
        var source = try SkopeoDirectory.source(path, memoryLimit: memoryLimit)
        source.givenName = SkopeoDirectory.name(of: path, known: name)
        return source
      case .dockerSave: return try open(dockerSave: path, memoryLimit: memoryLimit)
      case .legacySave: throw .savedBeforeManifests(path: path)
      case .layout, .incomplete, nil: throw .notALayout(path: path, missing: LayoutFile.path)
      }
    }
    // Digests prove what blobs are, wherever they lie; nothing else is looked for elsewhere, nor far below.
    let directory = try LayoutError.wrapping { () throws(TarError) in
      try DirectoryContent.read(path) { TarContents.isOwn($0) && $0.split(separator: "/").count <= 3 }
    }
    return LayoutSource(
      file: directory.content, tar: directory.index,
      entries: try TarContents(directory.index, of: path).comparingCopies(in: directory.content),
      form: .directory, memoryLimit: memoryLimit)
  }

  /// What was unpacked of a tar that `docker save` wrote: the list says what is a config or a layer, and these may be links.
  private static func open(
    dockerSave path: String, memoryLimit: Int64
  ) throws(LayoutError) -> LayoutSource {
    let list = try LayoutError.wrapping { () throws(FileError) in
      let file = try DataFile.open(reading: "\(path)/\(DockerManifestFile.path)")
      return try file.read(Int(min(file.size(), DockerManifestFile.sizeLimit)), at: 0)
    }
    let paths = Set(DockerManifestFile.paths(in: list).map(TarPath.plain)).union([DockerManifestFile.path]
    )
    let directory = try LayoutError.wrapping { () throws(TarError) in
      try DirectoryContent.read(path, following: paths.contains)
    }
    let entries = try TarContents(directory.index, of: path).comparingCopies(in: directory.content)
    guard
      let archive = try DockerSaveArchive.open(
        file: directory.content, tar: directory.index, entries: entries, memoryLimit: memoryLimit)
    else { throw .notALayout(path: path, missing: DockerManifestFile.path) }
    return try archive.source()
  }
}

extension TarNames {
  /// Those that readers of image layouts look for, and of what `docker save` wrote.
  static let layout = TarNames(
    first: LayoutFile.path, files: [LayoutFile.path, "repositories"], ending: ".json", folder: "blobs/")
}
