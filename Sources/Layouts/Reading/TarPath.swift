/// Paths of a tar's entries and links. A tar may have tens of megabytes of them: they are looked at byte by byte.
enum TarPath {
  private static let slash = UInt8(ascii: "/")
  private static let backslash = UInt8(ascii: "\\")
  private static let dot = UInt8(ascii: ".")

  /// A path without what does not change where it leads, as in `/a`, `./a` and `a//b`. What leads upwards stays, and is unsafe.
  static func plain(_ path: String) -> String {
    if isMade(path, of: { !isEmptyStep($0, $1) }) { return path }
    var steps = Steps()
    steps.append(path, followsUpwards: false)
    return steps.path
  }

  /// Whether a path is plain, leads to nothing above the tar, and has no control characters.
  static func isSafe(_ path: String) -> Bool {
    isMade(path) { length, dots in !isEmptyStep(length, dots) && !(length == 2 && dots == 2) }
      && !path.utf8.contains { $0 < 0x20 || $0 == 0x7f }
  }

  /// A directory's path without the steps upwards that are in it.
  static func folded(_ path: String) -> String {
    var steps = Steps()
    steps.append(path)
    return steps.path
  }

  /// The path with slashes where it has backslashes; nil where it has none.
  static func slashed(_ path: String) -> String? {
    guard path.utf8.contains(backslash) else { return nil }
    return String(decoding: path.utf8.map { $0 == backslash ? slash : $0 }, as: UTF8.self)
  }

  /// What `target` stands for in a link of that path, which is plain, or from the top where that is nil; nil when it leads out of
  /// the tar.
  static func path(_ target: String, in link: String?) -> String? {
    guard target.utf8.first != slash else { return nil }
    var steps = Steps()
    if let link { steps.start(below: link) }
    steps.append(target)
    return steps.leadsOut ? nil : steps.path
  }

  /// What a hard link leads to, from the tar's top on however it begins.
  static func path(hard target: String) -> String? {
    path(String(target.drop { $0 == "/" }), in: nil)
  }

  /// Whether each part of a path is as it is to be, of so many bytes of which so many are dots.
  private static func isMade(_ path: String, of isPart: (_ length: Int, _ dots: Int) -> Bool) -> Bool {
    var length = 0
    var dots = 0
    for byte in path.utf8 {
      guard byte == slash else {
        length += 1
        if byte == dot { dots += 1 }
        continue
      }
      guard isPart(length, dots) else { return false }
      (length, dots) = (0, 0)
    }
    return isPart(length, dots)
  }

  /// Whether a part leads nowhere else: nothing, or `.`.
  private static func isEmptyStep(_ length: Int, _ dots: Int) -> Bool {
    length == 0 || length == 1 && dots == 1
  }

  /// A path as it is made of steps.
  private struct Steps {
    private var text: [UInt8] = []
    /// Whether a step led above the top.
    private(set) var leadsOut = false

    var path: String { String(decoding: text, as: UTF8.self) }

    /// Begins in the directory of what is called `path`.
    mutating func start(below path: String) {
      text = Array(path.utf8)
      goUp()
    }

    /// Goes on by the steps of `path`, in whatever form that is. Steps upwards are kept unless it `followsUpwards`.
    mutating func append(_ path: String, followsUpwards: Bool = true) {
      let bytes = Array(path.utf8)
      var start = 0
      while start < bytes.count {
        var end = start
        var dots = 0
        while end < bytes.count, bytes[end] != slash {
          if bytes[end] == dot { dots += 1 }
          end += 1
        }
        if followsUpwards, end - start == 2, dots == 2 {
          if text.isEmpty { leadsOut = true } else { goUp() }
        } else if !isEmptyStep(end - start, dots) {
          if !text.isEmpty { text.append(slash) }
          text += bytes[start..<end]
        }
        start = end + 1
      }
    }

    private mutating func goUp() { text.removeSubrange((text.lastIndex(of: slash) ?? 0)...) }
  }
}
