public import Digests
import Images
import Layouts

/// That the name of an image is another one's, in another of the archives: then it goes by its digest alone.
public struct SupersededName: Hashable, Sendable {
  /// What it is called in its archive.
  public let name: String
  /// The image that has the name instead; nil where its archive does not tell.
  public let digest: Digest?
  /// The archive of that one.
  public let archive: String
}

/// Which image a name means that several archives have, each with another one. Of an archive and one that was made with
/// `--skip-known` of it the latter has the later image. One that cannot be taken keeps its name all the same: an older image
/// must not pass for it.
struct NameSuccession {
  private struct Holder {
    let archive: Digest
    let path: String
    /// nil where the archive names an image and does not tell which.
    let digest: Digest?
    let isLost: Bool

    func differs(from other: Digest?) -> Bool { digest == nil || digest != other }
  }

  /// By the name, and by the archive's digest.
  private var holders: [String: [Digest: Holder]] = [:]
  /// By an archive's digest, those that were made of it, in the order in which they were named.
  private var later: [Digest: [Digest]] = [:]
  /// The archives of which something cannot be taken, each once.
  private var harmed: [Digest] = []

  /// `isAsked` tells of an image whether it is asked for: who chooses the older of two by its digest gets it by its name.
  /// `isLost` tells whether one of `layouts` cannot be taken; of those that are put aside none can.
  init(
    _ layouts: [Layout], putAside: [Layout], isAsked: (LayoutImage) -> Bool,
    isLost: (LayoutImage, Layout) -> Bool
  ) throws {
    let all = layouts.map { ($0, false) } + putAside.map { ($0, true) }
    guard all.count > 1, all.contains(where: { !$0.0.knownSources.isEmpty || !$0.0.problems.isEmpty }) else {
      return
    }
    var known: Set<Digest> = []
    for (layout, isPutAside) in all {
      try Task.checkCancellation()
      // Of several copies of one archive what the first says counts.
      guard known.insert(layout.archiveDigest).inserted else { continue }
      for source in Set(layout.knownSources.map(\.digest)) where source != layout.archiveDigest {
        later[source, default: []].append(layout.archiveDigest)
      }
      if !layout.problems.isEmpty { harmed.append(layout.archiveDigest) }
      for image in layout.images where isAsked(image) {
        add(image, image.digest, of: layout, isLost: isPutAside || isLost(image, layout))
      }
      for (name, _) in ArchiveDamage(of: layout).unreadable {
        let image = LayoutImage(unreadable: name)
        if isAsked(image) { add(image, nil, of: layout, isLost: true) }
      }
    }
  }

  private mutating func add(_ image: LayoutImage, _ digest: Digest?, of layout: Layout, isLost: Bool) {
    let archive = layout.archiveDigest
    guard let name = image.taggedName, holders[name]?[archive] == nil else { return }
    holders[name, default: [:]][archive] = Holder(
      archive: archive, path: layout.path, digest: digest, isLost: isLost)
  }

  /// What has the name of `image`, which is in `layout`, in its stead; nil where that is its own.
  func successor(of image: LayoutImage, in layout: Layout) -> SupersededName? {
    guard let holders = holders(of: image), holders.count > 1 else { return nil }
    return successor(of: image.digest, in: layout.archiveDigest, among: holders).map {
      SupersededName(name: image.label, digest: $0.digest, archive: $0.path)
    }
  }

  /// Whether a later archive has another image of the name of `image`, which is in `layout`.
  func isOlder(_ image: LayoutImage, in layout: Layout) -> Bool {
    guard let holders = holders(of: image), holders.count > 1 else { return false }
    return holders[last(from: layout.archiveDigest, among: holders)]?.differs(from: image.digest) ?? false
  }

  private func holders(of image: LayoutImage) -> [Digest: Holder]? {
    holders.isEmpty ? nil : image.taggedName.flatMap { holders[$0] }
  }

  private func successor(
    of digest: Digest?, in archive: Digest, among holders: [Digest: Holder]
  ) -> Holder? {
    let last = last(from: archive, among: holders)
    if last != archive, let holder = holders[last], holder.differs(from: digest) { return holder }
    // What nobody knows to be older or later may be the one that is meant.
    return harmed.lazy.compactMap { holders[$0] }.first { other in
      other.isLost && other.archive != last && other.differs(from: digest)
        && self.last(from: other.archive, among: holders) != last
    }
  }

  /// The latest of the `holders` of a name that were made of `archive`, or of each other; itself where there is none.
  private func last(from archive: Digest, among holders: [Digest: Holder]) -> Digest {
    var last = archive
    var seen: Set = [archive]
    while let next = later[last]?.first(where: { holders[$0] != nil && !seen.contains($0) }) {
      seen.insert(next)
      last = next
    }
    return last
  }

  /// The images of other archives that have the name of `image`, which is in `layout`, and lose it to that.
  func losers(to image: LayoutImage, in layout: Layout) -> [NamedTwice] {
    guard let holders = holders(of: image), holders.count > 1 else { return [] }
    return holders.values.filter { holder in
      !holder.isLost
        && successor(of: holder.digest, in: holder.archive, among: holders)?.archive == layout.archiveDigest
    }.compactMap { holder in
      holder.digest.map { NamedTwice(archive: holder.path, digest: $0) }
    }.sorted { ($0.archive, $0.digest) < ($1.archive, $1.digest) }
  }
}

extension LayoutImage {
  /// The repository and the tag by which one image is told from another; nil of what has none.
  var taggedName: String? {
    reference.flatMap { reference in reference.tag.map { "\(reference.repositoryName):\($0)" } }
  }

  /// What is known of an image of which a list gives the name alone.
  fileprivate init(unreadable name: String) {
    self.init(
      reference: try? Reference(anyTag: name), name: name,
      root: Descriptor(mediaType: .ociManifest, digest: Digest(of: []), size: 0))
  }
}
