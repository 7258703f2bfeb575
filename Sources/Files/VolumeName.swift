/// What the file of a volume is called: `NAME.tar.007` is the seventh of `NAME.tar`.
public struct VolumeName: Hashable, Sendable {
  /// What all volumes of the archive are named after.
  public let base: String
  /// From 1 on.
  public let number: Int
  /// How many digits the number is written with.
  public let digits: Int

  /// The most volumes of one archive.
  public static let most = 9_999
  /// The largest volume, in bytes: so many of them still lie where offsets can tell.
  public static let largestSize: Int64 = 1 << 47
  private static let fewestDigits = 3

  /// Reads a file's name or path; nil when no volume is called so.
  public init?(_ name: String) {
    guard let dot = name.lastIndex(of: ".") else { return nil }
    let suffix = name[name.index(after: dot)...].utf8
    let base = name[..<dot]
    guard (Self.fewestDigits...Self.digits(for: Self.most)).contains(suffix.count), !base.isEmpty,
      !base.hasSuffix("/"), suffix.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let number = Int(name[name.index(after: dot)...]), (1...Self.most).contains(number)
    else { return nil }
    self.base = String(base)
    self.number = number
    digits = suffix.count
  }

  /// Whether the number has zeros before it, as what is numbered from one on has, and years and versions have not.
  public var isPadded: Bool { digits > String(number).utf8.count }

  /// The name of a volume of `base`.
  public static func text(_ base: String, _ number: Int, digits: Int) -> String {
    let text = String(number)
    return "\(base).\(String(repeating: "0", count: max(0, digits - text.utf8.count)))\(text)"
  }

  /// How many digits the volumes' numbers have when there are `count`: as many as the last one needs, so that the
  /// order of the names is the order of the volumes.
  public static func digits(for count: Int) -> Int { max(fewestDigits, String(count).utf8.count) }
}
