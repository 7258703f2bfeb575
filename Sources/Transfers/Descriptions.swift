import Digests
public import Files
import Images
import Layouts
import NVIDIA

/// The descriptions of repositories that travel beside the images: one Markdown file a repository under
/// `ferry/descriptions/`, exactly as its owner wrote it.
public enum Descriptions {
  private static let folder = "ferry/descriptions/"
  fileprivate static let ending = ".md"

  /// Where a repository's description lies in an archive.
  static func path(of repository: String) -> String { folder + repository + ending }

  /// The repository that a file of an archive describes; nil when it describes none.
  static func repository(of path: String) -> String? {
    guard path.hasPrefix(folder), path.hasSuffix(ending),
      path.utf8.count > folder.utf8.count + ending.utf8.count
    else { return nil }
    let name = String(path.dropFirst(folder.count).dropLast(ending.count))
    return RepositoryName.isValid(name) ? name : nil
  }

  /// The descriptions that `layout` carries, by repository, proved.
  static func all(in layout: Layout) throws(LayoutError) -> [(repository: String, text: String)] {
    var found: [(repository: String, text: String)] = []
    for file in layout.files {
      guard let repository = repository(of: file.path) else { continue }
      found.append((repository, String(decoding: try layout.bytes(of: file), as: UTF8.self)))
    }
    return found
  }

  /// Descriptions as they are written into a directory: `<repository>.md` each, made printable.
  public struct Files: Sendable {
    /// What each archive carries, in the archives' order; of one repository the first counts.
    let archives: [(path: String, files: [(repository: String, text: [UInt8])])]
    /// Where to.
    let directory: String
  }

  /// Makes sure, before anything is asked, that files can be made in `directory`, or that it can be made. Leaves nothing.
  /// Throws `FileError`. Blocks.
  public static func checkWritable(_ directory: String) throws {
    try Files(archives: [], directory: directory).check()
  }

  /// The descriptions of the repositories of `images`, as the archives carry them, to be written to `directory`.
  /// `printable` takes out of a text what would do more than be read. Throws ``LayoutError``.
  @concurrent
  public static func files(
    of images: [ImportImage], from prepared: PreparedImport, to directory: String,
    printable: @escaping @Sendable (String) -> String
  ) async throws -> Files {
    let repositories = Set(images.compactMap { (try? Reference(anyTag: $0.source))?.repository })
    let archives = try await BlockingExecutor(width: 1).run {
      var wanted = repositories
      return try zip(prepared.archives, prepared.opened.layouts).map { archive, layout in
        (
          archive.path,
          try all(in: layout).filter { wanted.remove($0.repository) != nil }
            .map { (repository: $0.repository, text: Array(printable($0.text).utf8)) }
        )
      }
    }
    return Files(archives: archives.map { (path: $0.0, files: $0.1) }, directory: directory)
  }
}

extension Descriptions.Files {
  /// Makes sure, before anything moves, that ``write()`` can do its work. Leaves nothing. Throws `FileError`:
  /// `foreign` where a file has one of the names that no import wrote, or that was changed since, or where a link or
  /// something else has. Blocks.
  public func check() throws(FileError) { try place.check(files) }

  /// Writes what is not there yet and returns how many descriptions of each archive are there then. Throws what
  /// ``check()`` throws. Blocks.
  public func write() throws(FileError) -> [(archive: String, count: Int)] {
    try place.write(files)
    return archives.map { ($0.path, $0.files.count) }
  }

  private var files: [DirectoryFiles.File] {
    archives.flatMap(\.files).map { (path: $0.repository + Descriptions.ending, bytes: $0.text) }
  }

  /// What an import wrote is known by a mark, as long as nobody changes it.
  private var place: DirectoryFiles {
    DirectoryFiles(
      directory: directory, isOwn: { $0.mark == Self.mark(of: $1) }, mark: { Self.mark(of: $0) })
  }

  private static func mark(of text: [UInt8]) -> [UInt8] { Array(Digest(of: text).description.utf8) }
}

/// The descriptions of the repositories of an export's images, by host and repository.
struct RepositoryDescriptions: Sendable {
  private let texts: [RegistryLocation: String]

  /// The descriptions as far as NVIDIA's REST services tell them. That they cannot be had is worth a note and stops
  /// nothing. Throws when the export is cancelled, and what opens no client. Blocks.
  static func find(
    of images: [Reference], registries: Registries, observer: any TransferObserver
  ) throws -> RepositoryDescriptions {
    var spaces: [RegistryLocation] = []
    var known: Set<RegistryLocation> = []
    var wanted: Set<RegistryLocation> = []
    for reference in images {
      wanted.insert(RegistryLocation(host: reference.host, path: reference.repository))
      let space = reference.repository.split(separator: "/").first.map(String.init) ?? ""
      let location = RegistryLocation(host: reference.host, path: space)
      if known.insert(location).inserted { spaces.append(location) }
    }
    var found: [RegistryLocation: String] = [:]
    for space in spaces {
      guard let catalog = try registries.catalog(host: space.host, repository: space.path) else { continue }
      do {
        for repository in try catalog.repositories(below: space.path).repositories {
          let location = RegistryLocation(host: space.host, path: repository.path)
          guard wanted.contains(location), let text = repository.description, !text.isEmpty else { continue }
          found[location] = text
        }
      } catch {
        try Task.checkCancellation()
        observer.note(.descriptionsMissing(host: space.host, error: error))
      }
    }
    return RepositoryDescriptions(texts: found)
  }

  /// The files that carry the descriptions of `images` in an archive. Of two hosts' repositories with one name, the first
  /// host's is carried.
  func files(of images: [Reference]) -> [(path: String, bytes: [UInt8])] {
    var files: [String: [UInt8]] = [:]
    for reference in images.sorted() {
      let location = RegistryLocation(host: reference.host, path: reference.repository)
      let path = Descriptions.path(of: reference.repository)
      guard let text = texts[location], files[path] == nil else { continue }
      files[path] = Array(text.utf8)
    }
    return files.map { (path: $0.key, bytes: $0.value) }
  }
}
