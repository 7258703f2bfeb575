import Archives
import Digests

/// Finding files where links stand in their place, as old `docker save` archives have them for layers that
/// images share. A link leads to another entry of the same tar, or nowhere.
extension TarContents {
  /// The most links on the way to one file, as Linux has it for a path.
  private static let mostSteps = 40

  /// The file that `path` leads to, its own name, and every name on the way.
  func resolve(_ path: String) -> (name: String, extent: BlobExtent, steps: [String])? {
    var name = path
    while name.hasPrefix("./") { name.removeFirst(2) }
    var steps: [String] = []
    // A hard link stands for what came before it, whatever comes behind.
    var limit = Int64.max
    while steps.count < Self.mostSteps {
      steps.append(name)
      if let extent = files[name] ?? BlobPath.digest(of: name).flatMap({ blobs[$0] }) {
        return extent.offset < limit ? (name, extent, steps) : nil
      }
      let step = links[name]
      let next: String?
      switch step?.link {
      case .symbolic(let target): next = Self.path(target, from: name.split(separator: "/").dropLast())
      case .hard(let target):
        next = Self.path(target, from: [])
        limit = min(limit, step?.offset ?? limit)
      case nil: next = nil
      }
      guard let next else { return nil }
      name = next
    }
    return nil
  }

  /// `target` as seen from a directory of the tar; nil when it leads out of it.
  private static func path(_ target: String, from folder: some Sequence<Substring>) -> String? {
    guard !target.hasPrefix("/") else { return nil }
    var parts = Array(folder)
    for part in target.split(separator: "/") where part != "." {
      if part != ".." {
        parts.append(part)
      } else if parts.popLast() == nil {
        return nil
      }
    }
    return parts.joined(separator: "/")
  }
}
