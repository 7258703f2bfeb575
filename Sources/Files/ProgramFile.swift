private import CLinux
import Glibc

/// The file of a program, in the form that Linux runs (ELF): for which processors it is, and whether it starts on any Linux.
public struct ProgramFile: Hashable, Sendable {
  public let path: String
  /// As `uname -m` calls the processors that it is for: `x86_64`, `aarch64`.
  public let architecture: String
  /// Whether nothing of it is left to a loader, so that it starts on any Linux. (A loader itself asks for none either, and is
  /// not static.)
  public let isStatic: Bool

  /// Where the kernel shows the program that runs, also when its file was replaced meanwhile.
  public static let running = "/proc/self/exe"

  /// The commit that the running program was made of; nil where whoever built it did not say so.
  public static var commit: String? {
    let text = unsafe String(cString: clinux_commit())
    return text.isEmpty ? nil : text
  }

  /// nil for a file that is no program of 64 bits.
  public init?(_ path: String) throws(FileError) {
    let file = try DataFile.open(reading: path)
    let header = try file.read(Self.headerSize, at: 0)
    guard header.count == Self.headerSize, header.starts(with: Self.magic) else { return nil }
    let tableOffset = Self.number(in: header[32..<40])
    let entrySize = Int(Self.number(in: header[54..<56]))
    let entries = Int(Self.number(in: header[56..<58]))
    guard let offset = Int64(exactly: tableOffset), entrySize >= 4 else { return nil }
    let table = try file.read(entrySize * entries, at: offset)
    guard table.count == entrySize * entries else { return nil }
    self.path = path
    let machine = Self.number(in: header[18..<20])
    architecture = Self.machines[machine] ?? "machine\(machine)"
    isStatic = !(0..<entries).contains { entry in
      Self.dynamic.contains(Self.number(in: table[entry * entrySize..<entry * entrySize + 4]))
    }
  }

  /// Whether both files hold the same bytes; false where one of them cannot be read, or is a link.
  public static func holdSame(_ first: String, _ second: String) -> Bool {
    guard let first = try? DataFile.open(reading: first),
      let second = try? DataFile.open(reading: second, following: false),
      let size = try? first.size(), (try? second.size()) == size
    else { return false }
    var offset: Int64 = 0
    while offset < size {
      guard let one = try? first.read(Self.piece, at: offset),
        let other = try? second.read(Self.piece, at: offset),
        one == other, !one.isEmpty
      else { return false }
      offset += Int64(one.count)
    }
    return true
  }

  private static let piece = 1 << 20

  // What the format says (elf(5)): 64 bits, the lowest byte first.
  private static let magic: [UInt8] = [0x7F, UInt8(ascii: "E"), UInt8(ascii: "L"), UInt8(ascii: "F"), 2, 1]
  private static let headerSize = 64
  private static let machines: [UInt64: String] = [62: "x86_64", 183: "aarch64", 243: "riscv64"]
  /// The entries that name a loader and what it is to do, PT_INTERP and PT_DYNAMIC.
  private static let dynamic: Set<UInt64> = [2, 3]

  private static func number(in bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
