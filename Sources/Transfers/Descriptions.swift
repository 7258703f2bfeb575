import FoundationEssentials
import Images
import Layouts

/// The descriptions of repositories that travel beside the images: one Markdown file a repository under
/// `ferry/descriptions/`, exactly as its owner wrote it.
public enum Descriptions {
  private static let folder = "ferry/descriptions/"
  private static let ending = ".md"

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

  /// Writes the descriptions that the import's archives carry to `directory`, one `<repository>.md` each, and returns
  /// how many of each archive. Throws ``LayoutError`` and ``TransferError/cannotWriteFile(path:)``.
  @concurrent
  public static func write(
    from prepared: PreparedImport, to directory: String
  ) async throws -> [(archive: String, count: Int)] {
    try await BlockingExecutor(width: 1).run {
      try zip(prepared.archives, prepared.layouts).map { archive, layout in
        (archive.path, try write(all(in: layout), to: directory))
      }
    }
  }

  private static func write(
    _ descriptions: [(repository: String, text: String)], to directory: String
  ) throws -> Int {
    for (repository, text) in descriptions {
      let file = "\(directory)/\(repository)\(ending)"
      do {
        let parent = String(file[..<(file.lastIndex(of: "/") ?? file.endIndex)])
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: file), options: .atomic)
      } catch {
        throw TransferError.cannotWriteFile(path: file)
      }
    }
    return descriptions.count
  }
}
