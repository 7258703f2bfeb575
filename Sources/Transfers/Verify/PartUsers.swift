import Digests
import Images

/// A manifest or blob of several images, known by its digest alone. What is in memory already takes little room here.
struct PartKey: Hashable {
  let descriptor: Descriptor

  init(_ descriptor: Descriptor) { self.descriptor = descriptor }

  init(_ digest: Digest) {
    descriptor = Descriptor(mediaType: MediaType(rawValue: ""), digest: digest, size: 0)
  }

  static func == (left: Self, right: Self) -> Bool { left.descriptor.digest == right.descriptor.digest }

  func hash(into hasher: inout Hasher) { hasher.combine(descriptor.digest) }
}

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

  mutating func add(_ image: Int32, to part: Descriptor) {
    let key = PartKey(part)
    let before = parts[key]?.last ?? -1
    guard before < 0 || links[Int(before)].image != image else { return }
    parts[key, default: Part()].last = Int32(links.count)
    links.append((image, before))
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
