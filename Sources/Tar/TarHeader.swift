/// The header bytes of a tar entry: ustar, with pax records only from 8 GiB on or for a name that ustar cannot hold
/// (POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block"). Mode 0644, owner and group 0 without names,
/// time 0.
///
/// An archive is compared with these bytes, so they must never change.
public enum TarHeader {
  /// Headers, contents and end are multiples of this, in bytes.
  public static let blockSize: Int64 = 512

  /// Two empty blocks end a tar.
  public static let endMarker = [UInt8](repeating: 0, count: 2 * Int(blockSize))

  /// The largest size that is written, in bytes: 1 EiB, so that an archive's offsets cannot overflow.
  static let largestSize: Int64 = 1 << 60

  /// From here on a size stands in a pax record, in bytes: the field's eleven digits do not hold it.
  private static let recordedSize: Int64 = 1 << 33

  /// How many zeros follow `size` bytes of content.
  public static func padding(after size: Int64) -> Int {
    let rest = size % blockSize
    return rest <= 0 ? 0 : Int(blockSize - rest)
  }

  /// The header of a plain file of `size` bytes. `path` is printable ASCII and leads down from the top: none of its parts is
  /// empty, and the first is no longer than a header holds. Throws ``TarError/unwritableName(_:)`` and
  /// ``TarError/unwritableSize(_:)``.
  public static func bytes(path: String, size: Int64) throws(TarError) -> [UInt8] {
    let slash = UInt8(ascii: "/")
    guard path.utf8.count <= 1024, path.utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
      path.utf8.split(separator: slash, omittingEmptySubsequences: false).allSatisfy({ !$0.isEmpty })
    else { throw .unwritableName(path) }
    guard (0...largestSize).contains(size) else { throw .unwritableSize(size) }
    var records: [UInt8] = []
    var name = Array(path.utf8)
    if UstarName(name) == nil {
      records += record("path", path)
      let standIn = UstarName.standIn(for: name)
      // Without its directories, and not as the beginning of the path, it would be a file at the top to those who know no pax
      // records: of whatever name the last part is.
      guard standIn.contains(slash) || name.starts(with: standIn) else { throw .unwritableName(path) }
      name = standIn
    }
    if size >= recordedSize { records += record("size", String(size)) }
    guard let own = UstarName(name) else { throw .unwritableName(path) }
    let header = block(own, size: size, type: "0")
    guard !records.isEmpty else { return header }
    guard let other = UstarName(UstarName.ofRecords(for: name)) else { throw .unwritableName(path) }
    let length = Int64(records.count)
    return block(other, size: length, type: "x") + records
      + [UInt8](repeating: 0, count: padding(after: length)) + header
  }

  /// Whether mode, owner and group in a header are as they are in all of ours, as in few others.
  static func isLikely(_ bytes: [UInt8]) -> Bool { bytes.dropFirst(100).starts(with: fixed) }

  /// Mode, owner and group.
  private static let fixed = Array("000644 \0000000 \0000000 \0".utf8)

  /// A pax record, which begins with its own length: `19 size=8589934592` and a line feed.
  private static func record(_ key: String, _ value: String) -> [UInt8] {
    let rest = " \(key)=\(value)\n"
    var length = rest.utf8.count
    while length != rest.utf8.count + String(length).utf8.count {
      length = rest.utf8.count + String(length).utf8.count
    }
    return Array("\(length)\(rest)".utf8)
  }

  /// One block. What it is made of stands in order.
  private static func block(_ name: UstarName, size: Int64, type: Character) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(blockSize))
    func fill(to end: Int) { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
    bytes += name.name
    fill(to: 100)
    bytes += fixed
    bytes += number(size)
    bytes += "00000000000 ".utf8  // time
    let checksum = bytes.count
    bytes += "        ".utf8  // as which the checksum's own field counts
    bytes += String(type).utf8
    fill(to: 257)
    bytes += "ustar\0".utf8
    bytes += "00".utf8
    fill(to: 329)
    bytes += "000000 \0".utf8  // device
    bytes += "000000 \0".utf8
    bytes += name.prefix
    fill(to: Int(blockSize))
    let sum = bytes.reduce(0) { $0 + Int($1) }
    bytes.replaceSubrange(checksum..<checksum + 8, with: Array("\(octal(Int64(sum), digits: 6))\0 ".utf8))
    return bytes
  }

  /// A size's twelve bytes: octal with a blank behind it; without it where there is one digit more; binary beyond, which
  /// began with GNU tar. Who knows pax records takes those instead.
  private static func number(_ size: Int64) -> [UInt8] {
    if size < recordedSize { return Array("\(octal(size, digits: 11)) ".utf8) }
    if size < recordedSize << 3 { return Array(octal(size, digits: 12).utf8) }
    return [0x80, 0, 0, 0] + (0..<8).map { UInt8(truncatingIfNeeded: size >> (56 - 8 * $0)) }
  }

  private static func octal(_ number: Int64, digits: Int) -> String {
    let text = String(number, radix: 8)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }
}
