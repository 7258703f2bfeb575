public import Files
import Tar

/// An archive as it was named to be read: a path, or volumes wherever they lie.
public struct ArchiveInput: Hashable, Sendable {
  /// What it is called: the path, or what the volumes' names begin with.
  public let path: String
  /// What it comes through when it is no file: then ``path`` is only what it is called.
  public let stream: Stream?
  /// By number; empty when the path itself is the archive.
  let volumes: [Int: FoundVolume]
  /// How it was found below a directory; nil where it was named itself.
  var finding: Finding?

  /// What is known of an archive that was found below a directory.
  struct Finding: Hashable, Sendable {
    /// The directory, as it was named.
    let tree: String
    /// Where it lies, from the directory on.
    let path: String
    /// Of a file: by what it was taken for an archive.
    var looks: ArchiveLooks?
    /// Why nothing can be had of it.
    var fault: LayoutError?
  }

  /// A descriptor that an archive comes through, and stays the caller's.
  public struct Stream: Hashable, Sendable {
    public let descriptor: Int32
    /// What errors call it.
    public let name: String

    public init(descriptor: Int32, name: String) {
      self.descriptor = descriptor
      self.name = name
    }
  }

  /// One file that is there.
  struct FoundVolume: Hashable, Sendable {
    let path: String
    /// In bytes.
    let size: Int64

    static func measure(_ path: String) throws(LayoutError) -> FoundVolume {
      let size = try LayoutError.wrapping { () throws(FileError) in
        try DataFile.open(reading: path).size()
      }
      return FoundVolume(path: path, size: size)
    }
  }

  /// The archive at `path`, which is taken as it is.
  public init(_ path: String) {
    self.init(path, volumes: [:])
  }

  fileprivate init(
    _ path: String, volumes: [Int: FoundVolume] = [:], stream: Stream? = nil, finding: Finding? = nil
  ) {
    self.path = path
    self.volumes = volumes
    self.stream = stream
    self.finding = finding
  }

  /// The archive that was written to `place`.
  public static func written(to place: ArchivePlace) throws(LayoutError) -> ArchiveInput {
    guard place.volumeSize != nil else { return ArchiveInput(place.path) }
    var found: [Int: FoundVolume] = [:]
    for volume in ArchivePlace.volumes(of: place.path) where found[volume.number] == nil {
      found[volume.number] = try FoundVolume.measure(volume.path)
    }
    return ArchiveInput(place.path, volumes: found)
  }

  /// The directory below which it was found; nil where it was named itself.
  public var directory: String? { finding?.tree }

  /// Whether it is what ``path`` names, and no volumes.
  public var isOneFile: Bool { volumes.isEmpty }

  /// All its files, in order.
  public var files: [String] {
    volumes.isEmpty ? [path] : volumes.sorted { $0.key < $1.key }.map(\.value.path)
  }

  /// Its bytes as they lie there.
  public func content() throws(LayoutError) -> any RandomAccess {
    guard volumes.isEmpty else { return try VolumeSet(self).content() }
    return try LayoutError.wrapping { () throws(FileError) in try DataFile.open(reading: path) }
  }

  /// Refuses what cannot be read at all, of which no more is known than that it is there, and what was a file when it was found
  /// and is none now: a pipe would keep everybody waiting. Throws what is wrong with it.
  public func checkReadable() throws(LayoutError) {
    if let fault = finding?.fault { throw fault }
    guard finding?.looks != nil, let place = DirectoryListing.canonical(path) else { return }
    if !DataFile.isPlain(place) { throw .archive(.exchanged(path: path)) }
  }

  /// Whether it was found in a directory, and may turn out to be no archive when it is opened.
  public var mayBeOther: Bool { stream == nil && finding?.looks != nil }

  /// Whether `error`, which opening it threw, says that it is no archive, but one of the other files that lie beside archives
  /// in a directory: a tar that holds nothing of an image, or compressed content of another kind.
  public func isOther(_ error: any Error) -> Bool {
    guard let looks = finding?.looks, let error = error as? LayoutError else { return false }
    switch error {
    // What was compressed is nothing, or zeros.
    case .truncated(_, 0), .notALayout(_, IndexFile.path):
      guard looks == .compressed, let file = try? DataFile.open(reading: path) else { return false }
      let name = path.split(separator: "/").last.map(String.init) ?? path
      return NestedFile.verdict(on: file, called: name) == .other
    case .notALayout(_, let missing): return missing == LayoutFile.path
    // It may be one of anything.
    case .tar(.foreignForm(_, .incremental)): return true
    case .notAnArchive, .tar(.foreignForm): return looks == .compressed
    default: return false
    }
  }

  /// The archives that `arguments` name, as ``gather(_:streams:)`` finds them.
  public static func group(
    _ arguments: [String], streams: [String: Stream] = [:]
  ) throws(LayoutError) -> [ArchiveInput] {
    try gather(arguments, streams: streams).inputs
  }

  /// The archives that `arguments` name, each once, in their order: files, directories that are archives or hold some at any
  /// depth, any one volume of a set or all of them, from as many directories as they are spread over. Volumes that lie beside
  /// a named one are found, and what Ferry lays beside an archive is skipped where that is named too. `streams` has the
  /// arguments that stand for what comes through a descriptor. Throws ``LayoutError/volumeTwice(_:_:)``,
  /// ``LayoutError/noArchive(directory:unread:)``.
  public static func gather(
    _ arguments: [String], streams: [String: Stream] = [:]
  ) throws(LayoutError) -> GatheredArchives {
    var gathering = VolumeGathering()
    for argument in arguments {
      if let stream = streams[argument] {
        gathering.add(ArchiveInput(argument, stream: stream))
      } else {
        try gathering.add(argument)
      }
    }
    return try gathering.gathered()
  }
}

/// The archives that were named, and what lies beside those of directories.
public struct GatheredArchives: Sendable {
  public let inputs: [ArchiveInput]
  /// The directories among what was named that hold archives, and are none or hold others too.
  public let directories: [String]
  /// What is in those and was not taken for an archive.
  public let passedOver: PassedOver
}

/// Sorts what was named into archives: volumes of one name belong together, whatever directory they lie in.
private struct VolumeGathering {
  private enum Item {
    case input(ArchiveInput)
    case volumes(of: String)
  }

  /// The volumes of one name in one directory.
  private struct Holding {
    /// As it was named, with a slash at its end or empty.
    let prefix: String
    let volumes: [Int: ArchiveInput.FoundVolume]
    /// How it was found; nil where it was named.
    let finding: ArchiveInput.Finding?
  }

  private var directories: [String] = []
  /// All directories that were named, by their paths that lead through no link.
  private var roots: Set<String> = []
  private var passedOver = PassedOver()
  private var items: [Item] = []
  private var holdings: [String: [Holding]] = [:]
  private var seen: Set<String> = []

  mutating func add(_ argument: String) throws(LayoutError) {
    if DataFile.isDirectory(argument) { return try addDirectory(argument) }
    if let volume = VolumeName(argument) {
      let hasVolumes = try add(volumesOf: volume.base)
      if hasVolumes { return }
    } else if !DataFile.exists(argument) {
      let hasVolumes = try add(volumesOf: argument)
      if hasVolumes { return }
    }
    addPath(argument)
  }

  mutating func add(_ stream: ArchiveInput) {
    if seen.insert(stream.path).inserted { items.append(.input(stream)) }
  }

  private mutating func addPath(_ path: String, _ finding: ArchiveInput.Finding? = nil) {
    if seen.insert(path).inserted { items.append(.input(ArchiveInput(path, finding: finding))) }
  }

  /// Every archive in a directory, which may be one itself.
  private mutating func addDirectory(_ path: String) throws(LayoutError) {
    let tree = try ArchiveTree.read(path)
    DirectoryListing.canonical(path).map { _ = roots.insert($0) }
    guard !tree.items.isEmpty else {
      throw .noArchive(directory: path, unread: tree.passedOver.unread)
    }
    if tree.items.contains(where: { $0.path != path }) { directories.append(path) }
    passedOver = passedOver + tree.passedOver
    let prefix = path.hasSuffix("/") ? path : path + "/"
    for item in tree.items {
      guard item.path != path else {
        addPath(path)
        continue
      }
      var finding = ArchiveInput.Finding(tree: path, path: String(item.path.dropFirst(prefix.count)))
      switch item.kind {
      case .directory: addPath(item.path, finding)
      case .file(let looks):
        finding.looks = looks
        addPath(item.path, finding)
      case .volumes: try add(volumesOf: item.path, finding)
      // Not passed over: whoever names the directory takes it for all that is in it.
      case .unfinished:
        if let archive = UnfinishedArchive.archive(ofPartial: item.path),
          seen.insert(UnfinishedArchive.partialPath(of: archive)).inserted
        {
          items.append(.input(ArchiveInput(item.path, finding: finding)))
        }
      case .fault(let fault):
        finding.fault = fault
        addPath(item.path, finding)
      }
    }
  }

  /// Adds the volumes of `path` that lie in its directory; false when there are none.
  @discardableResult
  private mutating func add(
    volumesOf path: String, _ finding: ArchiveInput.Finding? = nil
  ) throws(LayoutError) -> Bool {
    let base = Self.base(of: path)
    let prefix = String(path.dropLast(base.count))
    let directory = DataFile.directory(of: path)
    // A directory may be named in more than one way.
    // What is called so without a number is another archive.
    let key = "\(DirectoryListing.canonical(directory) ?? directory)/\(base).*"
    guard !seen.contains(key) else { return true }
    var found: [Int: ArchiveInput.FoundVolume] = [:]
    for volume in ArchivePlace.volumes(of: path) where found[volume.number] == nil {
      do {
        found[volume.number] = try ArchiveInput.FoundVolume.measure(volume.path)
      } catch .archive(.notAFile) {
        continue
      }
    }
    guard !found.isEmpty else { return false }
    seen.insert(key)
    if holdings[base] == nil { items.append(.volumes(of: base)) }
    holdings[base, default: []].append(Holding(prefix: prefix, volumes: found, finding: finding))
    return true
  }

  /// Whether `path` is what Ferry laid beside an archive that was named too, as `NAME.tar.*` names both.
  private func isCompanion(_ path: String) -> Bool {
    guard let archive = ArchiveCompanion.archive(besideWhich: path) else { return false }
    return seen.contains(archive) || holdings[Self.base(of: archive)] != nil
  }

  private static func base(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }

  func gathered() throws(LayoutError) -> GatheredArchives {
    var inputs: [ArchiveInput] = []
    for item in items {
      switch item {
      case .input(let input): if input.stream != nil || !isCompanion(input.path) { inputs.append(input) }
      case .volumes(let base): inputs += try Self.inputs(of: base, in: holdings[base] ?? [])
      }
    }
    let files = Set(inputs.lazy.filter(\.isOneFile).map(\.path))
    inputs = inputs.map { input in
      // Beside a file of their name volumes are called after their first.
      guard !input.isOneFile, files.contains(input.path), let first = input.files.first else { return input }
      return ArchiveInput(first, volumes: input.volumes, finding: input.finding)
    }
    var passedOver = passedOver
    // What a link leads to may have been named as well.
    passedOver.unread.removeAll { archive in
      guard case .linkOutside(_, let target) = archive.error else { return false }
      return roots.contains { DirectoryListing.isBelow(target, $0) }
    }
    return GatheredArchives(inputs: inputs, directories: directories, passedOver: passedOver)
  }

  /// Directories that hold the very same volumes hold copies, each an archive by itself; all others are put
  /// together.
  private static func inputs(of base: String, in holdings: [Holding]) throws(LayoutError) -> [ArchiveInput] {
    if holdings.count > 1, holdings[0].volumes[1] != nil,
      holdings.allSatisfy({ $0.volumes.keys == holdings[0].volumes.keys })
    {
      return holdings.map { ArchiveInput($0.prefix + base, volumes: $0.volumes, finding: $0.finding) }
    }
    // Sets of one name in a tree need have nothing to do with each other.
    var met: [String: Set<Int>] = [:]
    let areApart = holdings.contains { holding in
      guard let tree = holding.finding?.tree else { return false }
      let isNew = met[tree, default: []].isDisjoint(with: holding.volumes.keys)
      met[tree, default: []].formUnion(holding.volumes.keys)
      return !isNew
    }
    if areApart {
      return holdings.map { ArchiveInput($0.prefix + base, volumes: $0.volumes, finding: $0.finding) }
    }
    guard let first = holdings.first else { return [] }
    var volumes = first.volumes
    for (number, volume) in holdings.dropFirst().flatMap(\.volumes) {
      guard let other = volumes[number] else {
        volumes[number] = volume
        continue
      }
      guard other.size == volume.size else { throw .volumeTwice(other.path, volume.path) }
    }
    // It is called after the first place that has its beginning.
    let home = holdings.first { $0.volumes[1] != nil } ?? first
    return [ArchiveInput(home.prefix + base, volumes: volumes, finding: home.finding)]
  }
}
