/// A path as the two fields of a ustar header hold it: at most 100 bytes, and before them at most 155 that are joined to
/// them by a slash (POSIX.1-2017, pax, "ustar Interchange Format").
///
/// Where a path may be cut in more than one place, and what stands in for one that cannot be cut, is chosen as libarchive
/// does, of whose making the first archives' headers were: the same images are to give the same bytes for ever.
struct UstarName {
  let prefix: ArraySlice<UInt8>
  let name: ArraySlice<UInt8>

  private static let nameSize = 100
  private static let prefixSize = 155
  private static let slash = UInt8(ascii: "/")
  private static let dot = UInt8(ascii: ".")

  /// nil when the path does not fit.
  init?(_ path: [UInt8]) {
    guard path.count > Self.nameSize else {
      (prefix, name) = ([], path[...])
      return
    }
    // The longest name that fits, but no empty prefix.
    let first = path.count - Self.nameSize - 1
    guard let cut = path[max(first, 1)...].firstIndex(of: Self.slash), cut + 1 < path.count,
      cut <= Self.prefixSize
    else { return nil }
    (prefix, name) = (path[..<cut], path[(cut + 1)...])
  }

  /// A path that fits, for one that does not: as much of its directories as there is room for, and the beginning of its
  /// last part. Those who know pax records never look at it.
  static func standIn(for path: [UInt8]) -> [UInt8] { fitting(path[...], within: []) }

  /// What the header of a path's pax records is called: `PaxHeader/` stands before the last part.
  static func ofRecords(for path: [UInt8]) -> [UInt8] {
    // Slashes and "." at the end name the same directory.
    var end = path.count
    while true {
      if end > 0, path[end - 1] == slash {
        end -= 1
      } else if end > 1, path[end - 1] == dot, path[end - 2] == slash {
        end -= 1
      } else {
        break
      }
    }
    if end == 0 { return Array("/PaxHeader/rootdir".utf8) }
    if end == 1, path[0] == dot { return Array("PaxHeader/currentdir".utf8) }
    return fitting(path[..<end], within: Array("PaxHeader".utf8))
  }

  /// `path` made short enough, with the directory `inserted` before its last part where one is given.
  private static func fitting(_ path: ArraySlice<UInt8>, within inserted: [UInt8]) -> [UInt8] {
    if path.count < nameSize, inserted.isEmpty { return Array(path) }
    var end = path.endIndex
    var isDirectory = false
    while true {
      if end > 0, path[end - 1] == slash {
        end -= 1
      } else if end > 1, path[end - 1] == dot, path[end - 2] == slash {
        end -= 2
      } else {
        break
      }
      isDirectory = true
    }
    guard end > 0 else { return Array(path) }
    var last = end - 1
    while last > 0, path[last] != slash { last -= 1 }
    if path[last] == slash, last < end - 1 { last += 1 }

    // Room for what comes behind the prefix; libarchive leaves two bytes free.
    var room = nameSize - 2 - (isDirectory ? 1 : 0) - (inserted.isEmpty ? 0 : inserted.count + 2)
    end = min(end, last + room)
    room -= end - last
    let front = cut(path, from: 0, to: min(prefixSize - 1, last), before: last)
    let middle = cut(path, from: front, to: max(front, min(front + room, last)), before: last)
    var result = Array(path[..<middle])
    if !inserted.isEmpty { result += inserted + [slash] }
    result += path[last..<end]
    if isDirectory { result.append(slash) }
    return result
  }

  /// Where a run of whole directories from `start` on ends that goes to `end` at most, with its slash.
  private static func cut(_ path: ArraySlice<UInt8>, from start: Int, to end: Int, before last: Int) -> Int {
    var end = end
    while end > start, path[end] != slash { end -= 1 }
    return end < last && path[end] == slash ? end + 1 : end
  }
}
