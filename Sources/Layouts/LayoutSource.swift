import Archives
import Digests

/// What a layout is read from: content of whatever form, and where in it the layout's files lie.
struct LayoutSource {
  let file: any RandomAccess
  /// What the content consists of, whether or not it is a tar.
  let tar: TarIndex
  let entries: TarContents
  let form: LayoutForm
  /// What was found wrong before the layout itself is read.
  let problems: [LayoutProblem]

  init(
    file: any RandomAccess, tar: TarIndex, entries: TarContents, form: LayoutForm,
    problems: [LayoutProblem] = []
  ) {
    self.file = file
    self.tar = tar
    self.entries = entries
    self.form = form
    self.problems = problems
  }

  /// Looks what lies at `path`, and chooses how to read it.
  static func open(_ path: String) throws(LayoutError) -> LayoutSource {
    if DataFile.isDirectory(path) { return try LayoutSource(directory: path) }
    return try LayoutSource(
      tar: LayoutError.wrapping { () throws(ArchiveError) in try DataFile.open(reading: path) })
  }

  /// A tar, wherever its bytes come from: a layout in it, or what `docker save` wrote.
  init(tar file: any RandomAccess) throws(LayoutError) {
    let tar = try LayoutError.wrapping { () throws(ArchiveError) in try TarIndex.read(file) }
    let entries = try TarContents(tar).comparingCopies(in: file)
    if let archive = try DockerSaveArchive(file: file, tar: tar, entries: entries) {
      self = try archive.source()
    } else {
      self.init(file: file, tar: tar, entries: entries, form: .tar)
    }
  }

  private init(directory path: String) throws(LayoutError) {
    // Asked first: it may be anything, a home directory for one.
    guard [LayoutFile.path, IndexFile.path].contains(where: { DataFile.exists("\(path)/\($0)") }) else {
      throw .notALayout(path: path, missing: LayoutFile.path)
    }
    let directory = try LayoutError.wrapping { () throws(ArchiveError) in try DirectoryContent.read(path) }
    self.init(
      file: directory.content, tar: directory.index, entries: TarContents(directory.index), form: .directory)
  }
}
