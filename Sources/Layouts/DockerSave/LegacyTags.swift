import Files
import FoundationEssentials
import Images

/// `repositories`, by which docker found images before 1.10 and some still do: of each tag the ID that the top layer of
/// its image had then. The layer lies in the directory of that name, or a link there leads to it.
///
/// `docker save` still writes it beside `manifest.json`, of late without the directories. What has none cannot be held
/// against anything, and an ID is no digest; so a tag is refused only where its directory leads to a layer of another
/// image of `manifest.json` than of the one that has the tag there.
struct LegacyTags {
  static let path = "repositories"

  private let entries: TarContents
  /// IDs by tags by repositories.
  private let tags: [String: [String: String]]

  /// nil where there is no such file, or one that tells nobody anything.
  static func read(_ entries: TarContents, _ file: any RandomAccess) throws(LayoutError) -> LegacyTags? {
    guard let extent = entries.files[path], extent.size <= DockerManifestFile.sizeLimit,
      file.holds(extent.range)
    else { return nil }
    let bytes = try extent.bytes(in: file)
    guard let tags = try? DocumentShape.loose.decode([String: [String: String]].self, from: bytes) else {
      return nil
    }
    return LegacyTags(entries: entries, tags: tags)
  }

  /// Tags that stand for another image here than in `list`, sorted.
  func problems(beside list: [DockerManifestFile.Entry]) throws(LayoutError) -> [LayoutProblem] {
    var images: [String: Set<Int>] = [:]
    // The file that is the top layer of each image, and of any.
    var tops: [String?] = []
    var owners: [Reference: Set<Int>] = [:]
    for (place, entry) in list.enumerated() {
      try LayoutError.checkCancellation()
      var top: String?
      for layer in entry.layers {
        let file = try file(layer)
        images[file, default: []].insert(place)
        top = file
      }
      tops.append(top)
      for name in entry.names {
        if let reference = try? Reference(dockerName: name) { owners[reference, default: []].insert(place) }
      }
    }
    let anyTop = Set(tops)
    var found: Set<String> = []
    for (repository, ids) in tags {
      for (tag, id) in ids {
        try LayoutError.checkCancellation()
        guard let reference = try? Reference(dockerName: "\(repository):\(tag)"),
          let named = owners[reference]
        else { continue }
        let top = try file("\(id)/layer.tar")
        // The same image may be named in many repositories' words.
        try entries.effort.take(named.count)
        guard let holders = images[top], !named.contains(where: { tops[$0] == top }),
          // A layer that the image has too, though not on top, may have been the same image to docker.
          anyTop.contains(top) || named.isDisjoint(with: holders)
        else { continue }
        found.insert(reference.description)
      }
    }
    return found.sorted().map { .ambiguousName($0) }
  }

  /// The file of the tar that a path leads to; the path itself where it leads to none.
  private func file(_ path: String) throws(LayoutError) -> String { try entries.resolve(path)?.name ?? path }
}
