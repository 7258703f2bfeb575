import ArgumentParser
import Files
import FoundationEssentials
import Glibc
import Layouts

/// The files that a command writes: archives, reports, receipts, journals. None may be one that it reads, another that it
/// writes, or the one that a shell gave it as a standard stream; by which names they are called plays no part.
struct SideFiles {
  /// An option and the path that it was given; nil where it was not.
  typealias Given = (option: String, path: String?)

  /// What is written, in the order in which it is.
  let written: [Given]

  /// Throws a usage error when writing would change one of `files`, or of the `archives` as they were named: volumes
  /// and archives in directories as well.
  func validate(archives: [String] = [], files: [String?]) throws {
    let archives = archives.filter { $0 != "-" }
    // What cannot be told now is reported when the archives are read.
    let kept = (try? ArchiveInput.group(archives))?.flatMap(\.files) ?? []
    var taken: [FileIdentity: String] = [:]
    for path in archives + kept + files.compactMap(\.self) where path != "-" {
      if let file = FileIdentity(of: path), taken[file] == nil { taken[file] = path }
    }
    for (descriptor, name) in Self.streams {
      if let file = FileIdentity(descriptor: descriptor), taken[file] == nil { taken[file] = name }
    }
    var earlier: [FileIdentity: String] = [:]
    for (option, path) in written {
      guard let path else { continue }
      if path.isEmpty { throw ValidationError("\(option) needs a name.") }
      let file = FileIdentity(of: path)
      if let lost = file.flatMap({ taken[$0] }) ?? kept.first(where: { holds($0, path) }) {
        throw ValidationError("\(option) would overwrite \(lost); give it another name.")
      }
      guard let file, let other = earlier.updateValue(option, forKey: file) else { continue }
      throw ValidationError("\(other) and \(option) would write one file; give each its own name.")
    }
  }

  /// What a shell may have redirected from or to a file.
  private static let streams: [(Int32, String)] = [
    (0, "what standard input reads"), (1, "what standard output goes to"), (2, "what standard error goes to"),
  ]

  /// Whether `path` is something in the layout directory `archive`.
  private func holds(_ archive: String, _ path: String) -> Bool {
    guard Paths.isDirectory(archive), let root = DirectoryListing.canonical(archive),
      let directory = DirectoryListing.canonical(DataFile.directory(of: path))
    else { return false }
    return directory == root || directory.hasPrefix(root + "/")
  }
}

/// What a path given by the user is.
enum Paths {
  static func isDirectory(_ path: String) -> Bool {
    var isDirectory = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
  }

  /// Whether both paths lead to one file, by links of either kind too, or will.
  static func areSame(_ one: String, _ other: String) -> Bool {
    one == other || FileIdentity(of: one).map { $0 == FileIdentity(of: other) } ?? false
  }

  /// Whether something is there that is neither a plain file nor a directory: a device, a pipe.
  static func isSpecial(_ path: String) -> Bool {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return false }
    return status.st_mode & S_IFMT != S_IFREG && status.st_mode & S_IFMT != S_IFDIR
  }

  /// Whether its group or everybody may read the plain file at `path`.
  static func isReadableByOthers(_ path: String) -> Bool {
    var status = stat()
    guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
    return status.st_mode & 0o044 != 0
  }
}
