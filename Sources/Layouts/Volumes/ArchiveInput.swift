public import Files

/// An archive as it was named to be read: a path, or volumes wherever they lie.
public struct ArchiveInput: Hashable, Sendable {
  /// What it is called: the path, or what the volumes' names begin with.
  public let path: String
  /// What it comes through when it is no file: then ``path`` is only what it is called.
  public let stream: Stream?
  /// By number; empty when the path itself is the archive.
  let volumes: [Int: FoundVolume]

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

  fileprivate init(_ path: String, volumes: [Int: FoundVolume] = [:], stream: Stream? = nil) {
    self.path = path
    self.volumes = volumes
    self.stream = stream
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

  /// The archives that `arguments` name, each once, in their order: files, directories that hold archives, any one
  /// volume of a set or all of them, from as many directories as they are spread over. Volumes that lie beside
  /// a named one are found, and what Ferry lays beside an archive is skipped where that is named too. `streams` has the
  /// arguments that stand for what comes through a descriptor. Throws ``LayoutError/volumeTwice(_:_:)``,
  /// ``LayoutError/noArchive(directory:)``.
  public static func group(
    _ arguments: [String], streams: [String: Stream] = [:]
  ) throws(LayoutError) -> [ArchiveInput] {
    var gathering = VolumeGathering()
    for argument in arguments {
      if let stream = streams[argument] {
        gathering.add(ArchiveInput(argument, stream: stream))
      } else {
        try gathering.add(argument)
      }
    }
    return try gathering.inputs()
  }
}

/// Sorts what was named into archives: volumes of one name belong together, whatever directory they lie in.
private struct VolumeGathering {
  private enum Item {
    case path(String)
    case stream(ArchiveInput)
    case volumes(of: String)
  }

  /// The volumes of one name in one directory.
  private struct Holding {
    /// As it was named, with a slash at its end or empty.
    let prefix: String
    let volumes: [Int: ArchiveInput.FoundVolume]
  }

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
    if seen.insert(stream.path).inserted { items.append(.stream(stream)) }
  }

  private mutating func addPath(_ path: String) {
    if seen.insert(path).inserted { items.append(.path(path)) }
  }

  /// Every archive in a directory; a directory that is a layout itself is taken as it is.
  private mutating func addDirectory(_ path: String) throws(LayoutError) {
    let prefix = path.hasSuffix("/") ? path : path + "/"
    guard ![LayoutFile.path, IndexFile.path].contains(where: { DataFile.exists(prefix + $0) }) else {
      return addPath(path)
    }
    let names = try LayoutError.wrapping { () throws(FileError) in try DirectoryListing.names(in: path) }
    var isEmpty = true
    for name in names {
      if let volume = VolumeName(name) {
        if try add(volumesOf: prefix + volume.base) { isEmpty = false }
      } else if let archive = UnfinishedArchive.archive(ofPartial: name), archive.hasSuffix(".tar") {
        // Not passed over: whoever names the directory takes it for all that is in it.
        if seen.insert(UnfinishedArchive.partialPath(of: prefix + archive)).inserted {
          items.append(.path(prefix + name))
        }
        isEmpty = false
      } else if name.hasSuffix(".tar"), !DataFile.isDirectory(prefix + name) {
        addPath(prefix + name)
        isEmpty = false
      }
    }
    if isEmpty { throw .noArchive(directory: path) }
  }

  /// Adds the volumes of `path` that lie in its directory; false when there are none.
  private mutating func add(volumesOf path: String) throws(LayoutError) -> Bool {
    let base = Self.base(of: path)
    let prefix = String(path.dropLast(base.count))
    let directory = DataFile.directory(of: path)
    // A directory may be named in more than one way.
    let key = "\(DirectoryListing.canonical(directory) ?? directory)/\(base)"
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
    holdings[base, default: []].append(Holding(prefix: prefix, volumes: found))
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

  func inputs() throws(LayoutError) -> [ArchiveInput] {
    var inputs: [ArchiveInput] = []
    for item in items {
      switch item {
      case .path(let path): if !isCompanion(path) { inputs.append(ArchiveInput(path)) }
      case .stream(let input): inputs.append(input)
      case .volumes(let base): inputs += try Self.inputs(of: base, in: holdings[base] ?? [])
      }
    }
    return inputs
  }

  /// Directories that hold the very same volumes hold copies, each an archive by itself; all others are put
  /// together.
  private static func inputs(of base: String, in holdings: [Holding]) throws(LayoutError) -> [ArchiveInput] {
    if holdings.count > 1, holdings[0].volumes[1] != nil,
      holdings.allSatisfy({ $0.volumes.keys == holdings[0].volumes.keys })
    {
      return holdings.map { ArchiveInput($0.prefix + base, volumes: $0.volumes) }
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
    return [ArchiveInput(home.prefix + base, volumes: volumes)]
  }
}
