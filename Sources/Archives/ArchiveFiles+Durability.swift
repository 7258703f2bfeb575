import Glibc
import Synchronization

/// Space before writing, and certainty after it.
extension ArchiveFiles {
  /// Makes room for an archive of `totalSize` bytes; volumes beyond it go. Throws
  /// ``ArchiveError/noSpace(path:needed:available:code:)`` and ``ArchiveError/tooManyVolumes(path:limit:)``.
  public func reserve(_ totalSize: Int64) throws(ArchiveError) {
    guard place.volumeSize != nil else { return try file(1).reserve(totalSize) }
    let count = place.count(for: totalSize)
    guard count <= VolumeName.most else { throw .tooManyVolumes(path: place.path, limit: VolumeName.most) }
    close(after: count)
    for volume in ArchivePlace.partialVolumes(of: place.path) where volume.number > count {
      unsafe unlink(volume.path)
    }
    // Asked for the whole: volumes that do fit would be of no use.
    let available = try FreeSpace(at: DataFile.directory(of: place.path)).available
    guard totalSize - place.allocated <= available else {
      throw .noSpace(path: path, needed: totalSize, available: available, code: ENOSPC)
    }
    for number in 1...count { try file(number).reserve(place.size(of: number, for: totalSize)) }
  }

  /// Takes away all that earlier runs left here and in `former`, where they wrote it in another form.
  public func clear(former: ArchivePlace? = nil) throws(ArchiveError) {
    close()
    for path in former?.unfinished ?? [] where !place.unfinished.contains(path) { unsafe unlink(path) }
    if place.volumeSize == nil {
      try file(1).truncate(to: 0)
    } else {
      for path in place.unfinished { unsafe unlink(path) }
    }
  }

  /// Removes the unfinished files.
  public func remove() {
    close()
    place.removeUnfinished()
  }

  /// Returns when everything of an archive of `totalSize` bytes is on the disk.
  public func synchronize(_ totalSize: Int64) throws(ArchiveError) {
    for number in 1...place.count(for: totalSize) { try file(number).synchronize() }
  }

  /// Returns when everything written before can be read from the disk, whoever it is that brings it there.
  public func synchronizeWritten() throws(ArchiveError) {
    try synchronizing.withLock { (_) throws(ArchiveError) in
      let numbers = written.withLock { written in
        defer { written = [] }
        return written
      }
      do throws(ArchiveError) {
        for number in numbers { try existing(number)?.synchronizeData() }
      } catch {
        written.withLock { $0.formUnion(numbers) }
        throw error
      }
    }
  }

  /// Has what is read next of an archive of `totalSize` bytes come from the disk, as far as the system does that.
  public func dropCached(_ totalSize: Int64) {
    for number in 1...place.count(for: totalSize) { try? existing(number)?.dropCached() }
  }

  /// Gives each file of an archive of `totalSize` bytes its final name, and makes that durable. Volumes of a
  /// former archive go first when they are to be replaced. Throws ``ArchiveError/exists(path:)`` when a name is
  /// taken and `replacing` is false.
  public func publish(_ totalSize: Int64, replacing: Bool) throws(ArchiveError) {
    guard place.volumeSize != nil else { return try file(1).publish(as: place.path, replacing: replacing) }
    let names = place.paths(for: totalSize)
    let isTaken = Set(place.existing)
    if replacing {
      for name in isTaken.subtracting(names) { unsafe unlink(name) }
    } else if let name = names.first(where: isTaken.contains) {
      throw .exists(path: name)
    }
    for (index, name) in names.enumerated() {
      try DataFile.rename(place.partialPath(of: index + 1), to: name, replacing: replacing)
    }
    try DataFile.synchronizeDirectory(of: place.path)
  }

  /// Takes final names back that a run gave which was killed while it gave them. `count` is of how many.
  public func unpublish(_ count: Int) throws(ArchiveError) {
    guard place.volumeSize != nil, (1...VolumeName.most).contains(count) else { return }
    close()
    for number in 1...count {
      let (name, partial) = (place.path(of: number, of: count), place.partialPath(of: number))
      guard !DataFile.exists(partial), DataFile.isPlain(name) else { continue }
      try DataFile.rename(name, to: partial, replacing: false)
    }
  }
}
