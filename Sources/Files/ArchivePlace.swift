import Glibc

/// Where an archive is written: to one file, or cut into volumes of one size but for the last.
///
/// The volumes of `NAME.tar` are `NAME.tar.001` and so on, and laid end to end they are the one file.
public struct ArchivePlace: Hashable, Sendable {
  /// The archive's name; of volumes what theirs begin with.
  public let path: String
  /// In bytes; nil when the archive is one file.
  public let volumeSize: Int64?

  /// A `volumeSize` below one byte is none.
  public init(_ path: String, volumeSize: Int64? = nil) {
    self.path = path
    self.volumeSize = volumeSize.flatMap { $0 > 0 ? $0 : nil }
  }

  /// How many files an archive of `totalSize` bytes takes; more than ``VolumeName/most`` cannot be named.
  public func count(for totalSize: Int64) -> Int {
    guard let volumeSize, totalSize > 0 else { return 1 }
    return Int(clamping: (totalSize - 1) / volumeSize + 1)
  }

  /// The size of a file of an archive of `totalSize` bytes, in bytes.
  public func size(of number: Int, for totalSize: Int64) -> Int64 {
    guard let volumeSize else { return totalSize }
    return max(0, min(volumeSize, totalSize - Int64(number - 1) * volumeSize))
  }

  /// Which file the byte at `offset` is in, from 1 on, and where in it.
  func position(of offset: Int64) -> (number: Int, offset: Int64) {
    guard let volumeSize else { return (1, offset) }
    return (Int(clamping: offset / volumeSize + 1), offset % volumeSize)
  }

  /// The final name of a file of `count`.
  public func path(of number: Int, of count: Int) -> String {
    guard volumeSize != nil else { return path }
    return VolumeName.text(path, number, digits: VolumeName.digits(for: count))
  }

  /// The files of an archive of `totalSize` bytes, in order.
  public func paths(for totalSize: Int64) -> [String] {
    let count = min(count(for: totalSize), VolumeName.most)
    return (1...count).map { path(of: $0, of: count) }
  }

  /// The sizes of the files of an archive of `totalSize` bytes, in bytes.
  public func sizes(for totalSize: Int64) -> [Int64] {
    (1...min(count(for: totalSize), VolumeName.most)).map { size(of: $0, for: totalSize) }
  }

  /// What a file is called until the archive is whole. How many there will be plays no part: that may change.
  public func partialPath(of number: Int) -> String {
    guard volumeSize != nil else { return path + Self.partialEnding }
    return VolumeName.text(path, number, digits: VolumeName.digits(for: number)) + Self.partialEnding
  }

  private static let partialEnding = ".partial"

  /// The files with final names that are in this archive's way, or are it.
  public var existing: [String] {
    guard volumeSize != nil else { return DataFile.exists(path) ? [path] : [] }
    return Self.volumes(of: path).map(\.path)
  }

  /// The volumes of `path` that are there, by their numbers.
  public static func volumes(of path: String) -> [(number: Int, path: String)] {
    numbered(path) { VolumeName($0) }
  }

  /// The volumes that a run gave their final names, as some of `count`, which was killed while it did so: their unfinished
  /// files are gone, and they are as large as they must be.
  public func named(of count: Int) -> [(number: Int, path: String)] {
    guard let volumeSize, (1...VolumeName.most).contains(count) else { return [] }
    return (1...count).compactMap { number in
      let path = path(of: number, of: count)
      guard !DataFile.exists(partialPath(of: number)), let status = FileStatus(named: path), status.isPlain,
        number < count ? status.size == volumeSize : status.size <= volumeSize
      else { return nil }
      return (number, path)
    }
  }

  /// The unfinished files that are there, as this archive would have them: one, or volumes of any number.
  public var unfinished: [String] {
    guard volumeSize != nil else {
      let partial = partialPath(of: 1)
      return DataFile.exists(partial) ? [partial] : []
    }
    return Self.partialVolumes(of: path).map(\.path)
  }

  /// Removes the unfinished files, the last first: those of a run that is killed meanwhile still follow one another.
  public func removeUnfinished() {
    for path in unfinished.reversed() { unsafe unlink(path) }
  }

  /// The unfinished volumes of `path` that are there, by their numbers.
  public static func partialVolumes(of path: String) -> [(number: Int, path: String)] {
    numbered(path) { name in
      name.hasSuffix(partialEnding) ? VolumeName(String(name.dropLast(partialEnding.count))) : nil
    }
  }

  private static func numbered(
    _ path: String, _ read: (String) -> VolumeName?
  ) -> [(number: Int, path: String)] {
    let prefix = path.lastIndex(of: "/").map { path[...$0] } ?? ""
    let base = path.dropFirst(prefix.count)
    let names = (try? DirectoryListing.names(in: DataFile.directory(of: path))) ?? []
    return names.compactMap { name in
      guard name.utf8.starts(with: base.utf8), let volume = read(name), volume.base == base else {
        return nil
      }
      return (volume.number, prefix + name)
    }.sorted { ($0.number, $0.path) < ($1.number, $1.path) }
  }

  /// Where the unfinished files end, in bytes; those that got their final names as some of `count` count too.
  public func unfinishedSize(publishing count: Int?) -> Int64 {
    func size(_ path: String) -> Int64 { (try? DataFile.open(reading: path).size()) ?? 0 }
    guard let volumeSize else { return size(partialPath(of: 1)) }
    let published = count.map { count in
      (1...count).map { (number: $0, path: path(of: $0, of: count)) }.filter { DataFile.isPlain($0.path) }
    }
    let files = Self.partialVolumes(of: path) + (published ?? [])
    return files.map { Int64($0.number - 1) * volumeSize + size($0.path) }.max() ?? 0
  }

  /// What the unfinished files take up on the disk, in bytes.
  public var allocated: Int64 {
    guard volumeSize != nil else { return FreeSpace.taken(by: partialPath(of: 1)) }
    return Self.partialVolumes(of: path).reduce(0) { $0 + FreeSpace.taken(by: $1.path) }
  }
}
