import Glibc
import Synchronization

/// The file, or the volumes, that an unfinished archive is in, read and written as one from any number of
/// threads. Files are made when they are first written to, and few are open at a time.
public final class ArchiveFiles: RandomAccess {
  public let place: ArchivePlace
  /// What is not this user's alone gives way.
  private let replacing: Bool
  private let open = OpenFiles(areWritten: true)
  /// The files written to since ``synchronizeWritten()``.
  private let written = Mutex<Set<Int>>([])
  /// Held by whoever brings them to the disk.
  private let synchronizing = Mutex(())

  /// What errors about the whole call it.
  public var path: String { ArchivePlace(place.path).partialPath(of: 1) }

  /// Whoever opens it has seen to it that nobody else writes there. Files that are not this user's alone are not written
  /// to, ``FileError/foreign(path:_:)``; with `replacing` new ones take their names.
  public init(_ place: ArchivePlace, replacing: Bool = false) throws(FileError) {
    self.place = place
    self.replacing = replacing
    // One file is there from the start: that it cannot be made is better known soon.
    if place.volumeSize == nil { _ = try file(1) }
  }

  /// The file of that number, which is made when it is not there.
  private func file(_ number: Int) throws(FileError) -> DataFile {
    guard number <= VolumeName.most else { throw .tooManyVolumes(path: place.path, limit: VolumeName.most) }
    return try open.file(number) { () throws(FileError) in
      try DataFile.create(place.partialPath(of: number), replacing: replacing)
    }
  }

  /// The file of that number; nil when it is not there.
  private func existing(_ number: Int) throws(FileError) -> DataFile? {
    if let file = open.held(number) { return file }
    return DataFile.exists(place.partialPath(of: number)) ? try file(number) : nil
  }

  /// Forgets what is open, all of it or what comes after a number.
  private func close(after number: Int = 0) {
    open.forget(after: number)
    written.withLock { written in written = written.filter { $0 <= number } }
  }

  /// What is there: up to the end of the last file, whatever is missing before it.
  public func size() throws(FileError) -> Int64 {
    guard let volumeSize = place.volumeSize else { return try file(1).size() }
    guard let last = ArchivePlace.partialVolumes(of: place.path).last else { return 0 }
    return Int64(last.number - 1) * volumeSize + (try DataFile.open(reading: last.path).size())
  }

  /// Fewer bytes also where a volume is not as long as it will be.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
    var done = 0
    while done < buffer.count {
      let (number, start) = place.position(of: offset + Int64(done))
      let count = min(buffer.count - done, room(behind: start))
      let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + count)])
      guard let file = try existing(number) else { break }
      let read = unsafe try file.read(into: piece, at: start)
      done += read
      guard read == count else { break }
    }
    return done
  }

  /// Writes all of `bytes` at `offset`.
  public func write(_ bytes: RawSpan, at offset: Int64) throws(FileError) {
    var rest = bytes
    var offset = offset
    while rest.byteCount > 0 {
      let (number, start) = place.position(of: offset)
      let count = min(rest.byteCount, room(behind: start))
      try file(number).write(rest.extracting(first: count), at: start)
      written.withLock { _ = $0.insert(number) }
      rest = rest.extracting(droppingFirst: count)
      offset += Int64(count)
    }
  }

  private func room(behind start: Int64) -> Int {
    guard let volumeSize = place.volumeSize else { return .max }
    return Int(clamping: volumeSize - start)
  }

  /// Asks the system to begin writing a range to the disk. Only a hint: it cannot fail.
  public func startWriteback(offset: Int64, count: Int64) {
    var (offset, rest) = (offset, count)
    while rest > 0 {
      let (number, start) = place.position(of: offset)
      let count = min(rest, Int64(room(behind: start)))
      guard let file = try? file(number) else { return }
      file.startWriteback(offset: start, count: count)
      offset += count
      rest -= count
    }
  }
}

/// Space before writing, and certainty after it.
extension ArchiveFiles {
  /// Makes room for an archive of `totalSize` bytes; volumes beyond it go. Throws
  /// ``FileError/noSpace(path:needed:available:code:)`` and ``FileError/tooManyVolumes(path:limit:)``.
  public func reserve(_ totalSize: Int64) throws(FileError) {
    guard place.volumeSize != nil else { return try file(1).reserve(totalSize) }
    let count = place.count(for: totalSize)
    guard count <= VolumeName.most else { throw .tooManyVolumes(path: place.path, limit: VolumeName.most) }
    close(after: count)
    // The last first: those of a run that is killed here still follow one another.
    for volume in ArchivePlace.partialVolumes(of: place.path).reversed() where volume.number > count {
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
  public func clear(former: ArchivePlace? = nil) throws(FileError) {
    close()
    for path in (former?.unfinished ?? []).reversed() where !place.unfinished.contains(path) {
      unsafe unlink(path)
    }
    if place.volumeSize == nil {
      try file(1).truncate(to: 0)
    } else {
      place.removeUnfinished()
    }
  }

  /// Removes the unfinished files.
  public func remove() {
    close()
    place.removeUnfinished()
  }

  /// Returns when everything of an archive of `totalSize` bytes is on the disk.
  public func synchronize(_ totalSize: Int64) throws(FileError) {
    for number in 1...place.count(for: totalSize) { try file(number).synchronize() }
  }

  /// Returns when everything written before can be read from the disk, whoever it is that brings it there.
  public func synchronizeWritten() throws(FileError) {
    try synchronizing.withLock { (_) throws(FileError) in
      let numbers = written.withLock { written in
        defer { written = [] }
        return written
      }
      do throws(FileError) {
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

  /// Gives each file of an archive of `totalSize` bytes its final name, and makes that durable. Those of `former` files that
  /// are in its way, and no others, go first. Throws ``FileError/exists(path:)`` when a name is taken by anything else.
  public func publish(_ totalSize: Int64, replacing former: [String] = []) throws(FileError) {
    guard place.volumeSize != nil else {
      return try file(1).publish(as: place.path, replacing: former.contains(place.path))
    }
    let names = place.paths(for: totalSize)
    let kept = Set(place.existing).subtracting(former)
    if let name = names.first(where: kept.contains) { throw .exists(path: name) }
    // Never are volumes of two archives beside one another. The first, by which the others are known, goes last.
    for path in former.reversed() {
      guard unsafe unlink(path) == 0 || errno == ENOENT else { throw .file(.remove, path: path, code: errno) }
    }
    if !former.isEmpty { try FileName.synchronizeDirectory(of: place.path) }
    for (index, name) in names.enumerated() {
      try FileName.change(place.partialPath(of: index + 1), to: name, replacing: false)
    }
    try FileName.synchronizeDirectory(of: place.path)
  }

  /// Takes final names back that a run gave which was killed while it gave them. `count` is of how many.
  public func unpublish(_ count: Int) throws(FileError) {
    let named = place.named(of: count)
    guard !named.isEmpty else { return }
    close()
    for (number, name) in named {
      try FileName.change(name, to: place.partialPath(of: number), replacing: false)
    }
  }
}
