import Digests
import Files
import Tar

/// What lies in a directory and may hold images, and is not looked into.
public struct UnreadArchive: Hashable, Sendable {
  public let path: String
  /// What keeps it from being read.
  public let error: LayoutError
}

/// What was met in a directory of archives and is none, whatever it is.
public struct PassedOver: Hashable, Sendable {
  /// Files that are no archives, and what is no plain file.
  public var files = 0
  /// What may hold images all the same, and was not looked into: that is no success.
  public var unread: [UnreadArchive] = []
  /// Symbolic links that lead nowhere.
  public var links = 0

  public init() {}

  /// Whether there is nothing, but for what is ``unread``.
  public var isEmpty: Bool { files == 0 && links == 0 }

  public static func + (left: Self, right: Self) -> Self {
    var sum = Self()
    sum.files = left.files + right.files
    sum.links = left.links + right.links
    sum.unread = left.unread + right.unread
    return sum
  }

  /// Adds what turned out to be no archive of images when it was opened, by what that threw.
  public mutating func add(_ input: ArchiveInput, _ error: any Error) {
    let why: LayoutError
    switch error as? LayoutError {
    case .tar(.foreignForm(let path, let form)): why = .tar(.foreignForm(path: path, form))
    // Of a tar, too, only what stands before its end was looked at.
    case .notAnArchive(let path), .notALayout(let path, _): why = .mayHoldImages(path: path)
    default:
      files += 1
      return
    }
    let name = input.path.split(separator: "/").last.map(String.init) ?? input.path
    if let file = try? DataFile.open(reading: input.path),
      NestedFile.verdict(on: file, called: name) == .other
    {
      files += 1
    } else {
      unread.append(UnreadArchive(path: input.path, error: why))
    }
  }

  /// What is ``unread`` and lies below none of `directories`.
  public func unread(besides directories: [String]) -> [UnreadArchive] {
    let others = Set(directories.flatMap { unread(below: $0) })
    return unread.filter { !others.contains($0) }
  }

  /// What was not looked into below a directory.
  public func unread(below directory: String) -> [UnreadArchive] {
    let prefix = directory.hasSuffix("/") ? directory : directory + "/"
    return unread.filter { $0.path.hasPrefix(prefix) }
  }
}

/// The archives below a directory, at any depth.
///
/// Directories are opened one in the other and no link to one is followed, so that the walk ends and does not leave the
/// directory. What an archive has of its own is not looked into.
struct ArchiveTree {
  /// What stands for an archive, or may.
  struct Item {
    /// As it was named, or from the directory that was named on.
    let path: String
    let kind: Kind

    enum Kind: Equatable {
      case directory
      case file(ArchiveLooks)
      /// Of this archive there are volumes.
      case volumes
      /// The file of an export that did not come to its end.
      case unfinished
      /// It cannot be told what it is.
      case fault(LayoutError)
    }
  }

  /// Below this many directories nothing is looked for.
  static let deepest = 64

  /// In the order of their paths. Whether the directory is an archive itself is the first.
  private(set) var items: [Item] = []
  private(set) var passedOver = PassedOver()

  /// The directory's one path that leads through no link.
  private let rootPath: String?
  private var left = TarIndex.mostEntries

  private struct Pending {
    let above: OpenDirectory?
    let name: String
    let path: String
    let depth: Int
    var part = Part.none
  }

  /// What a directory is to the layout that it belongs to.
  private enum Part: Equatable {
    case none
    /// Where the folders of blobs lie.
    case blobs
    case folder(Digest.Algorithm)

    /// Whether something in it is the layout's, or left behind by who wrote it, and no archive.
    func owns(_ entry: OpenDirectory.Entry) -> Bool {
      guard self != .none, entry.kind != .directory else { return false }
      // Some lay layers there with an ending.
      let stem = entry.name.prefix { $0 != "." }
      if case .folder(let algorithm) = self, Digest(hex: stem, by: algorithm) != nil { return true }
      return ![LayoutFile.path, IndexFile.path, DockerManifestFile.path, SkopeoDirectory.versionFile]
        .contains(
          entry.name) && !ArchiveLooks.isNamed(entry.name)
    }

    /// What a directory in it is.
    func part(_ name: String) -> Part {
      guard self == .blobs, let algorithm = Digest.Algorithm(rawValue: name) else { return .none }
      return .folder(algorithm)
    }
  }

  /// Looks into the directory at `path` and all below it. Throws ``FileError/tooManyEntries(path:limit:)`` for more than is kept
  /// account of; what goes wrong with one place is its item's.
  static func read(_ path: String) throws(LayoutError) -> ArchiveTree {
    var tree = ArchiveTree(root: path)
    var pending = [Pending(above: nil, name: "", path: path, depth: 0)]
    while let next = pending.popLast() {
      try LayoutError.checkCancellation()
      do throws(FileError) {
        guard next.depth <= deepest else { throw .tooDeep(path: next.path, limit: deepest) }
        let directory: OpenDirectory? =
          if let above = next.above {
            try above.directory(next.name, creating: false)
          } else {
            try .open(reading: path)
          }
        guard let directory else { continue }
        let folders = try tree.visit(directory, next)
        pending += folders.reversed().map { folder in
          Pending(
            above: directory, name: folder.name, path: tree.joined(next.path, folder.name),
            depth: folder.part == .none ? next.depth + 1 : next.depth, part: folder.part)
        }
      } catch .tooManyEntries where next.part == .none || tree.left < 0 {
        throw .archive(.tooManyEntries(path: path, limit: TarIndex.mostEntries))
      } catch {
        // One that is no directory any more is gone.
        if case .foreign = error { continue }
        // What keeps a layout's own blobs from being read is told where they are needed.
        guard next.part == .none else { continue }
        guard next.depth > 0 else { throw LayoutError(error) }
        tree.add(next.path, .fault(LayoutError(error)))
      }
    }
    tree.items = tree.items.enumerated().sorted { one, other in
      guard one.element.path != path, other.element.path != path else { return one.element.path == path }
      let (left, right) = (one.element.path, other.element.path)
      return left == right ? one.offset < other.offset : left.utf8.lexicographicallyPrecedes(right.utf8)
    }.map(\.element)
    return tree
  }

  private init(root: String) {
    rootPath = DirectoryListing.canonical(root)
  }

  private func joined(_ path: String, _ name: String) -> String {
    path.hasSuffix("/") ? path + name : "\(path)/\(name)"
  }

  private mutating func add(_ path: String, _ kind: Item.Kind) { items.append(Item(path: path, kind: kind)) }

  /// Takes what is an archive in one directory; those in it that are to be looked into.
  private mutating func visit(
    _ directory: OpenDirectory, _ place: Pending
  ) throws(FileError) -> [(name: String, part: Part)] {
    // The blobs of a layout are not counted.
    let entries = try directory.entries(limit: place.part == .none ? left : TarIndex.mostEntries)
      .filter { !place.part.owns($0) }
    left -= entries.count
    guard left >= 0 else { throw .tooManyEntries(path: place.path, limit: TarIndex.mostEntries) }
    let form = try DirectoryForm.read(directory, entries)
    if form != nil { add(place.path, .directory) }
    let others = entries.filter { !(form?.owns($0.name) ?? false) }
    let files = Set(others.lazy.filter { $0.kind == .file }.map(\.name))
    let sets = try sets(of: files, in: directory)
    for base in sets { add(joined(place.path, base), .volumes) }
    var unfinished: Set<String> = []
    for entry in others {
      let path = joined(place.path, entry.name)
      switch entry.kind {
      case .directory: break
      case .special: passedOver.files += 1
      case .unreadable: add(path, .fault(.archive(.unreadableName(path: path))))
      case .link: take(link: path, entry.name)
      case .file:
        if let volume = VolumeName(entry.name), sets.contains(volume.base) { continue }
        if let archive = UnfinishedArchive.archive(ofPartial: entry.name),
          ArchiveLooks.isNamed(archive) || files.contains(ArchiveJournal.path(of: archive))
            || UnfinishedArchive.volume(ofPartial: entry.name)?.isPadded ?? false
        {
          if unfinished.insert(archive).inserted { add(path, .unfinished) }
          continue
        }
        if let error = CutFile.error(ofOrphan: path) {
          add(path, .fault(error))
        } else {
          take(file: path) { () throws(FileError) in try directory.file(entry.name) }
        }
      }
    }
    let folders = entries.filter { $0.kind == .directory }.map(\.name)
    return folders.compactMap { name in
      // A form's own directories are not looked into, but for what may lie among its blobs.
      if form?.ownsBlobs ?? false, name == "blobs" { return (name, .blobs) }
      return form?.owns(name) ?? false ? nil : (name, place.part.part(name))
    }
  }

  /// What the volumes in a directory are named after: files that have the names of archives, or of which the first begins one. Where
  /// that one is lost or elsewhere, nothing but a number with zeros before it can tell what the others are.
  private func sets(of files: Set<String>, in directory: OpenDirectory) throws(FileError) -> Set<String> {
    var sets: Set<String> = []
    var first: Set<String> = []
    var padded: Set<String> = []
    var cut: Set<String> = []
    for name in files {
      guard let volume = VolumeName(name) else { continue }
      if ArchiveLooks.isNamed(volume.base) { sets.insert(volume.base) }
      if volume.number == 1 {
        first.insert(volume.base)
        // Who counts from zero is another tool, and what it cut is one file.
        if files.contains(VolumeName.text(volume.base, 0, digits: volume.digits)),
          let file = try? directory.file(name), (try? ArchiveLooks.read(file)) == nil
        {
          cut.insert(volume.base)
        }
        if !sets.contains(volume.base), let file = try? directory.file(name),
          case .tar = try? ArchiveLooks.read(file)
        {
          sets.insert(volume.base)
        }
      } else if volume.isPadded {
        padded.insert(volume.base)
      }
    }
    return sets.union(padded.subtracting(first)).subtracting(cut)
  }

  private mutating func take(file path: String, _ open: () throws(FileError) -> DataFile?) {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    do throws(FileError) {
      guard let file = try open() else { return }
      if let looks = try ArchiveLooks.read(file, called: name) {
        add(path, .file(looks))
      } else if let form = try ForeignForm(of: file.read(ForeignForm.magicSize, at: 0))
        ?? ArchiveLooks.form(ofNamed: name)
      {
        if NestedFile.verdict(on: file, called: name) == .other {
          passedOver.files += 1
        } else {
          let error = LayoutError.tar(.foreignForm(path: path, form))
          passedOver.unread.append(UnreadArchive(path: path, error: error))
        }
      } else if try !Self.isCompanion(name, file) {
        guard try ArchiveLooks.mayBeNamed(name, beginningWith: file.read(ForeignForm.magicSize, at: 0)) else {
          return passedOver.files += 1
        }
        passedOver.unread.append(UnreadArchive(path: path, error: .mayHoldImages(path: path)))
      }
    } catch {
      if case .foreign = error { passedOver.files += 1 } else { add(path, .fault(LayoutError(error))) }
    }
  }

  /// A link to a file is that file, unless it lies in the directory anyway, and one to a directory elsewhere is not followed.
  private mutating func take(link path: String, _ name: String) {
    guard let target = DirectoryListing.canonical(path) else {
      let words = DirectoryListing.target(ofLink: path)?.split(separator: "/").last.map(String.init)
      guard DirectoryListing.leadsNowhere(path), !ArchiveLooks.mayBeNamed(name),
        !ArchiveLooks.mayBeNamed(words ?? "")
      else {
        // Somebody had an archive there, or nobody can tell.
        return take(file: path) { () throws(FileError) in try DataFile.open(reading: path) }
      }
      return passedOver.links += 1
    }
    if let rootPath, DirectoryListing.isBelow(target, rootPath) {
      // Where it lies it is found, unless the link alone has an archive's name.
      guard ArchiveLooks.isNamed(name), DataFile.isPlain(target), !isFound(at: target) else { return }
    }
    guard !DataFile.isDirectory(target) else {
      let error = LayoutError.linkOutside(path: path, target: target)
      return passedOver.unread.append(UnreadArchive(path: path, error: error))
    }
    guard DataFile.isPlain(target) else { return passedOver.files += 1 }
    take(file: path) { () throws(FileError) in try DataFile.open(reading: path) }
  }

  /// Whether a file is taken for an archive by its own name, or by what it holds.
  private func isFound(at path: String) -> Bool {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    guard !ArchiveLooks.isNamed(name), let file = try? DataFile.open(reading: path) else { return true }
    return ((try? ArchiveLooks.read(file, called: name)) ?? nil) != nil
  }

  /// Whether a file is one that Ferry lays beside archives, or writes about them.
  private static func isCompanion(_ name: String, _ file: DataFile) throws(FileError) -> Bool {
    if ArchiveCompanion.archive(besideWhich: name) != nil || name.hasSuffix(".minisig")
      || name.hasSuffix(ArchiveJournal.path(of: ""))
    {
      return true
    }
    let start = String(decoding: try file.read(512, at: 0), as: UTF8.self)
    return start.hasPrefix("{") && start.contains("\"ferry/")
  }
}
