import Synchronization

/// The file, or the volumes, that an unfinished archive is in, read and written as one from any number of
/// threads. Files are made when they are first written to; at most ``mostOpenFiles`` are open at a time.
public final class ArchiveFiles: RandomAccess {
  public let place: ArchivePlace
  /// What is not this user's alone gives way.
  private let replacing: Bool
  private let open = Mutex<[Int: DataFile]>([:])
  /// The files written to since ``synchronizeWritten()``.
  let written = Mutex<Set<Int>>([])
  /// Held by whoever brings them to the disk.
  let synchronizing = Mutex(())

  static let mostOpenFiles = 64

  /// What errors about the whole call it.
  public var path: String { ArchivePlace(place.path).partialPath(of: 1) }

  /// Whoever opens it has seen to it that nobody else writes there. Files that are not this user's alone are not written
  /// to, ``ArchiveError/foreign(path:_:)``; with `replacing` new ones take their names.
  public init(_ place: ArchivePlace, replacing: Bool = false) throws(ArchiveError) {
    self.place = place
    self.replacing = replacing
    // One file is there from the start: that it cannot be made is better known soon.
    if place.volumeSize == nil { _ = try file(1) }
  }

  /// The file of that number, which is made when it is not there.
  func file(_ number: Int) throws(ArchiveError) -> DataFile {
    guard number <= VolumeName.most else { throw .tooManyVolumes(path: place.path, limit: VolumeName.most) }
    return try open.withLock { (open) throws(ArchiveError) in
      if let file = open[number] { return file }
      let file = try DataFile.create(place.partialPath(of: number), replacing: replacing)
      if open.count >= Self.mostOpenFiles, let other = open.keys.first { open[other] = nil }
      open[number] = file
      return file
    }
  }

  /// The file of that number; nil when it is not there.
  func existing(_ number: Int) throws(ArchiveError) -> DataFile? {
    if let file = open.withLock({ $0[number] }) { return file }
    return DataFile.exists(place.partialPath(of: number)) ? try file(number) : nil
  }

  /// Forgets what is open, all of it or what comes after a number.
  func close(after number: Int = 0) {
    open.withLock { open in open = open.filter { $0.key <= number } }
    written.withLock { written in written = written.filter { $0 <= number } }
  }

  /// What is there: up to the end of the last file, whatever is missing before it.
  public func size() throws(ArchiveError) -> Int64 {
    guard let volumeSize = place.volumeSize else { return try file(1).size() }
    guard let last = ArchivePlace.partialVolumes(of: place.path).last else { return 0 }
    return Int64(last.number - 1) * volumeSize + (try DataFile.open(reading: last.path).size())
  }

  /// Fewer bytes also where a volume is not as long as it will be.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(ArchiveError) -> Int {
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
  public func write(_ bytes: RawSpan, at offset: Int64) throws(ArchiveError) {
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
