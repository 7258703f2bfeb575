import Archives
import Digests
import FoundationEssentials
import Images
import Layouts

extension Export {
  /// Lays the archives out and looks for whatever stands in their way. Blocks.
  func plan(_ images: [ExportImage], failures: [ImageFailure]) throws -> PreparedExport {
    var blockers: [any Error] = []
    var archives: [PreparedExport.Archive] = []
    let descriptions = try descriptions(of: images)
    for (path, group) in try outputs(for: images, blockers: &blockers) {
      let plan = try ArchivePlan(
        images: group.map { ($0.reference, $0.tree.root) }, manifests: group.flatMap(\.tree.manifests),
        blobs: group.flatMap(\.tree.blobs), omissions: group.flatMap(\.omissions),
        extraFiles: files(describing: group, descriptions))
      let state = path.map { self.state(of: $0, for: plan) } ?? PreparedExport.State.toWrite
      if case .blocked = state, let path { blockers.append(TransferError.outputExists(path: path)) }
      archives.append(PreparedExport.Archive(path: path, plan: plan, state: state))
    }
    let space = try space(for: archives, blockers: &blockers)
    return PreparedExport(
      images: images, archives: archives, failures: failures, blockers: blockers, space: space)
  }

  /// The archives' paths and which images each holds.
  private func outputs(
    for images: [ExportImage], blockers: inout [any Error]
  ) throws -> [(path: String?, images: [ExportImage])] {
    guard !images.isEmpty else { return [] }
    switch request.output {
    case .file(let path): return [(path, images)]
    case .standardOutput: return [(nil, images)]
    case .directory(let directory):
      let named = Dictionary(grouping: images, by: \.reference.archiveName)
      for (name, sharing) in named.sorted(by: { $0.key < $1.key }) where sharing.count > 1 {
        blockers.append(TransferError.fileNameCollision(name: name, images: sharing.map(\.reference)))
      }
      let prefix = directory.hasSuffix("/") ? directory : directory + "/"
      return images.map { (prefix + $0.reference.archiveName, [$0]) }
    }
  }

  /// What is at `path` already. An archive with this very digest and size is taken for whole: it has its
  /// final name, and nothing gets that before every byte was proved.
  private func state(of path: String, for plan: ArchivePlan) -> PreparedExport.State {
    guard FileManager.default.fileExists(atPath: path) else { return .toWrite }
    if let layout = try? Layout.open(path), layout.archiveDigest == plan.archiveDigest,
      layout.totalSize == plan.totalSize
    {
      return .upToDate
    }
    return request.replacesExisting ? .toReplace : .blocked
  }

  /// The room the archives need and have.
  private func space(
    for archives: [PreparedExport.Archive], blockers: inout [any Error]
  ) throws -> (available: Int64, needed: Int64)? {
    let directory: String
    switch request.output {
    case .standardOutput: return nil
    case .file(let path): directory = parentDirectory(of: path)
    case .directory(let path): directory = existingAncestor(of: path)
    }
    let needed = archives.filter { !$0.isUpToDate }.reduce(0) { $0 + $1.plan.totalSize }
    do throws(ArchiveError) {
      // What an earlier, unfinished run left is overwritten: its room counts as free.
      let reusable = archives.reduce(Int64(0)) { sum, archive in
        sum + (archive.path.map { FreeSpace.taken(by: ArchiveWriter.partialPath(of: $0)) } ?? 0)
      }
      let available = try FreeSpace(at: directory).available + reusable
      if needed > available {
        blockers.append(
          TransferError.notEnoughSpace(path: directory, needed: needed, available: available))
      }
      return (available, needed)
    } catch {
      blockers.append(error)
      return nil
    }
  }

  private func parentDirectory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The nearest directory above `path` that exists; the rest is made when the first archive is written.
  private func existingAncestor(of path: String) -> String {
    var path = path
    while path.hasSuffix("/") && path.count > 1 { path.removeLast() }
    while !FileManager.default.fileExists(atPath: path), path != ".", path != "/" {
      path = parentDirectory(of: path)
    }
    return path
  }
}

extension PreparedExport.Archive {
  public var isUpToDate: Bool {
    if case .upToDate = state { true } else { false }
  }
}

extension Reference {
  /// The file name of an archive of this image alone: `<repository with / as _>__<tag>.tar`. Never holds a
  /// colon, which several readers take for the start of a tag.
  var archiveName: String {
    let name = String(repository.map { $0 == "/" ? "_" : $0 })
    let suffix = tag ?? digest.map { "sha256-\($0.hex)" } ?? Self.defaultTag
    return "\(name)__\(suffix).tar"
  }
}
