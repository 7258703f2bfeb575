import Digests
import Images
import Layouts
import Transfers

/// The words for content that is left out of an archive on purpose, each by its digest with the images that list it.
enum OmissionText {
  /// The most that are named.
  private static let most = 20

  /// What an archive leaves out: in sum what the other side has, then one by one. `images` list it, by digest.
  static func lines(
    _ omissions: [Omission], of images: [Digest: [String]], sources: [KnownSource], isLong: Bool = false
  ) -> [Wording] {
    KnownText.lines(omissions, sources: sources) + each(omissions, of: images, isLong: isLong)
  }

  /// What an archive leaves out, one by one. `images` list it, by digest.
  static func each(
    _ omissions: [Omission], of images: [Digest: [String]], isLong: Bool = false
  ) -> [Wording] {
    // What is known of is summed up elsewhere.
    let order = omissions.filter { $0.reason != .known } + omissions.filter { $0.reason == .known }
    let lines = order.map { omission -> Wording in
      "left out (\(omission.reason.rawValue)): \(omission.descriptor.digest), "
        + Amounts.bytes(omission.descriptor.size) + of(images[omission.descriptor.digest] ?? [])
    }
    return few(lines, isLong: isLong)
  }

  /// What an import found of it at the destination.
  static func lines(_ content: [LeftOutContent]) -> [Wording] {
    let order = content.filter { !$0.isThere } + content.filter(\.isThere)
    return few(
      order.map { content -> Wording in
        let what: Wording = "\(words(for: content.reason)) \(content.descriptor.digest)\(of(content.images))"
        return content.isThere
          ? "left out of the archive and there already: \(what), in \(content.repository)"
          : "not at the destination: \(what), left out of the archive"
            + (content.reason == .foreign ? "; whoever pulls it needs its urls" : "")
      }, isLong: false)
  }

  private static func few(_ lines: [Wording], isLong: Bool) -> [Wording] {
    guard !isLong, lines.count > most else { return lines }
    return lines.prefix(most) + ["and \(lines.count - most) more left out; --json lists them"]
  }

  private static func of(_ images: [String]) -> Wording {
    guard let first = images.first else { return "" }
    return ", of \(first)" + (images.count > 1 ? " and \(images.count - 1) more" : "")
  }

  private static func words(for reason: Omission.Reason) -> Wording {
    switch reason {
    case .foreign: "foreign layer"
    case .platform: "manifest for another platform"
    case .known: "content"
    }
  }
}
