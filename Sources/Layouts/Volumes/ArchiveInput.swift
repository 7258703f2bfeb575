public import Archives

/// An archive as it was named to be read: a path, or volumes wherever they lie.
public struct ArchiveInput: Hashable, Sendable {
  /// What it is called: the path, or what the volumes' names begin with.
  public let path: String
  /// By number; empty when the path itself is the archive.
  let volumes: [Int: FoundVolume]

  /// One file that is there.
  struct FoundVolume: Hashable, Sendable {
    let path: String
    /// In bytes.
    let size: Int64
  }

  /// The archive at `path`, which is taken as it is.
  public init(_ path: String) {
    self.path = path
    volumes = [:]
  }

  init(_ path: String, volumes: [Int: FoundVolume]) {
    self.path = path
    self.volumes = volumes
  }

  /// The archive that was written to `place`.
  public init(writtenTo place: ArchivePlace) throws(LayoutError) {
    guard place.volumeSize != nil else {
      self.init(place.path)
      return
    }
    var found: [Int: FoundVolume] = [:]
    for volume in ArchivePlace.volumes(of: place.path) where found[volume.number] == nil {
      found[volume.number] = try FoundVolume(volume.path)
    }
    self.init(place.path, volumes: found)
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
    return try LayoutError.wrapping { () throws(ArchiveError) in try DataFile.open(reading: path) }
  }

  /// The archives that `arguments` name, each once, in their order: files, directories that hold archives, any one
  /// volume of a set or all of them, from as many directories as they are spread over. Volumes that lie beside
  /// a named one are found, and what Ferry lays beside an archive is passed over where that is named too. Throws ``LayoutError/volumeTwice(_:_:)``, ``LayoutError/noArchive(directory:)``.
  public static func group(_ arguments: [String]) throws(LayoutError) -> [ArchiveInput] {
    var gathering = VolumeGathering()
    for argument in arguments { try gathering.add(argument) }
    return try gathering.inputs()
  }
}

extension ArchiveInput.FoundVolume {
  init(_ path: String) throws(LayoutError) {
    self.path = path
    size = try LayoutError.wrapping { () throws(ArchiveError) in try DataFile.open(reading: path).size() }
  }
}
