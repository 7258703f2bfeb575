import ArgumentParser
import Layouts

/// The files that a command writes beside its work: reports and receipts. None may be one that it reads, or another
/// that it writes.
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
    let others = (archives + kept + files.compactMap(\.self)).filter { $0 != "-" }
    var earlier: [(option: String, path: String)] = []
    for (option, path) in written {
      guard let path else { continue }
      if path.isEmpty { throw ValidationError("\(option) needs a name.") }
      if let lost = others.first(where: { Paths.areSame($0, path) }) ?? kept.first(where: { holds($0, path) })
      {
        throw ValidationError("\(option) would overwrite \(lost); give it another name.")
      }
      if let other = earlier.first(where: { Paths.areSame($0.path, path) }) {
        throw ValidationError("\(other.option) and \(option) would write one file; give each its own name.")
      }
      earlier.append((option, path))
    }
  }

  /// Whether `path` is something in the layout directory `archive`.
  private func holds(_ archive: String, _ path: String) -> Bool {
    Paths.isDirectory(archive) && Paths.canonical(path).hasPrefix(Paths.canonical(archive) + "/")
  }
}
