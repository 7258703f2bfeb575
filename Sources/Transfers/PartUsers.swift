import Digests
import Images

/// Which of many images have each part, by the images' numbers. Each image names its parts in one go.
struct PartUsers: Sendable {
  private struct Part {
    /// Into ``links``: the last image that named it; -1 when none did.
    var last: Int32 = -1
    var isMissing = false
  }

  private var parts: [PartKey: Part] = [:]
  /// An image, and the link of the one that named the same part before it; -1 when none did.
  private var links: [(image: Int32, before: Int32)] = []

  /// Whether `part` has not been named before.
  @discardableResult
  mutating func add(_ image: Int32, to part: Descriptor) -> Bool {
    let key = PartKey(part)
    let before = parts[key]?.last ?? -1
    guard before < 0 || links[Int(before)].image != image else { return false }
    // Beyond that no memory holds them.
    guard let link = Int32(exactly: links.count) else { return before < 0 }
    parts[key, default: Part()].last = link
    links.append((image, before))
    return before < 0
  }

  /// Notes that `part` is missing; false where that was noted before.
  mutating func insertMissing(_ part: Descriptor) -> Bool {
    let key = PartKey(part)
    guard parts[key]?.isMissing != true else { return false }
    parts[key, default: Part()].isMissing = true
    return true
  }

  subscript(part: Descriptor) -> [Int32] { users(of: PartKey(part)) }

  subscript(part: Digest) -> [Int32] { parts.isEmpty ? [] : users(of: PartKey(part)) }

  private func users(of part: PartKey) -> [Int32] {
    var images: [Int32] = []
    var next = parts[part]?.last ?? -1
    while next >= 0 {
      images.append(links[Int(next)].image)
      next = links[Int(next)].before
    }
    return images
  }
}
