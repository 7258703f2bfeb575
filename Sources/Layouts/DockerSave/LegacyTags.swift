import Files
import FoundationEssentials
import Images

/// `repositories`, by which docker found images before 1.10 and some still do: of each tag the ID that the top layer of
/// its image had then. The layer lies in the directory of that name, or a link there leads to it.
///
/// `docker save` still writes it beside `manifest.json`, of late without the directories. An ID is no digest; so a tag that both
/// have is refused only where its directory leads to a layer of another image of `manifest.json` than of the one that has the
/// tag there. A tag that it alone has is its image's, or nobody would learn that it does not arrive.
struct LegacyTags {
  static let path = "repositories"

  private let archive: String
  private let entries: TarContents
  /// IDs by tags by repositories.
  private let tags: [String: [String: String]]

  /// nil where there is no such file, or one that tells nobody anything. Throws what keeps it from being looked at.
  static func read(_ entries: TarContents, _ file: any RandomAccess) throws(LayoutError) -> LegacyTags? {
    guard let extent = entries.files[path], file.holds(extent.range) else { return nil }
    guard extent.size <= DockerManifestFile.sizeLimit else {
      throw .oversized(
        path: file.path, entry: path, size: extent.size, limit: DockerManifestFile.sizeLimit)
    }
    let bytes = try extent.bytes(in: file)
    // A comma stands between any two of them.
    guard bytes.count(where: { $0 == UInt8(ascii: ",") }) < LayoutImage.mostOfOthers else {
      throw .malformed(path: file.path, entry: path, why: .tooManyNames(limit: LayoutImage.mostOfOthers))
    }
    guard let tags = try? DocumentShape.loose.decode([String: [String: String]].self, from: bytes) else {
      return nil
    }
    // One long name of a repository may have tens of thousands of tags.
    let size = tags.reduce(0) { size, repository in
      repository.value.keys.reduce(size) { $0 + repository.key.utf8.count + 1 + $1.utf8.count }
    }
    guard size <= DockerManifestFile.mostNameBytes else {
      throw .malformed(
        path: file.path, entry: path, why: .namesTooLong(limit: DockerManifestFile.mostNameBytes))
    }
    return LegacyTags(archive: file.path, entries: entries, tags: tags)
  }

  /// The image that an ID leads to: the first of those in `manifest.json`.
  private struct Lead {
    let place: Int
    /// Whether there are others than that.
    var isAmbiguous = false
  }

  /// `list` with the tags that stand here alone, each at the image that its ID leads to; and what is wrong: tags that stand for
  /// another image here than there, or for one of several, and those that lead to no image, sorted. `isNamed` tells which names
  /// another list of the archive has.
  func joined(
    to list: [DockerManifestFile.Entry], isNamed: (Reference) -> Bool
  ) throws(LayoutError) -> (list: [DockerManifestFile.Entry], problems: [LayoutProblem]) {
    try LayoutError.checkCancellation()
    guard !tags.isEmpty else { return (list, []) }
    var images: [String: Set<Int>] = [:]
    // The file that is the top layer of each image, and what it leads to.
    var tops: [String?] = []
    var byTop: [String: Lead] = [:]
    // What the list calls the layers: an ID of one that is not on top stands for what is below it as well, and no more.
    var paths: Set<String> = []
    var byID: [String: Lead] = [:]
    var owners: [Reference: [Int]] = [:]
    var oddNames: Set<String> = []
    func note(_ place: Int, _ key: String, _ leads: inout [String: Lead]) {
      guard let known = leads[key] else { return leads[key] = Lead(place: place) }
      if list[known.place].config != list[place].config { leads[key]?.isAmbiguous = true }
    }
    for (place, entry) in list.enumerated() {
      try LayoutError.checkCancellation()
      var top: String?
      for layer in entry.layers {
        let file = try file(layer)
        paths.insert(TarPath.plain(layer))
        images[file, default: []].insert(place)
        top = file
      }
      tops.append(top)
      if let top { note(place, top, &byTop) }
      for id in Self.ids(of: entry) { note(place, id, &byID) }
      for name in entry.names {
        if let reference = Self.reference(name) {
          if owners[reference]?.last != place { owners[reference, default: []].append(place) }
        } else {
          oddNames.insert(name)
        }
      }
    }
    var ambiguous: Set<String> = []
    var alone: [(name: String, id: String)] = []
    for (repository, ids) in tags {
      for (tag, id) in ids {
        try LayoutError.checkCancellation()
        let name = "\(repository):\(tag)"
        let reference = Self.reference(name)
        guard let named = reference.flatMap({ owners[$0] }) else {
          let isKnown = reference.map(isNamed) ?? (oddNames.contains(name) || ArchiveName.standsForNone(name))
          if !isKnown { alone.append((name, id)) }
          continue
        }
        let top = try file("\(id)/layer.tar")
        // The same image may be named in many repositories' words.
        try entries.effort.take(named.count)
        guard let holders = images[top], !named.contains(where: { tops[$0] == top }),
          // A layer that the image has too, though not on top, may have been the same image to docker.
          byTop[top] != nil || !named.contains(where: holders.contains)
        else { continue }
        ambiguous.insert(Self.shown(name))
      }
    }
    var joined = list
    var lost: [LayoutProblem] = []
    for (name, id) in alone.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
      let shown = Self.shown(name)
      let path = "\(id)/layer.tar"
      let top = try paths.contains(TarPath.plain(path)) ? nil : file(path)
      guard let lead = byID[id] ?? top.flatMap({ byTop[$0] }) else {
        // Behind a cut there may be anything, and that it is cut is told.
        if !entries.isCut {
          lost.append(.unreadableImage(shown, .unlistedName(path: archive, name: shown)))
        }
        continue
      }
      if lead.isAmbiguous { ambiguous.insert(shown) } else { joined[lead.place].names.append(name) }
    }
    do { try DockerManifestFile.checkNames(of: joined) } catch {
      throw .malformed(path: archive, entry: Self.path, why: error)
    }
    return (joined, ambiguous.sorted().map { .ambiguousName($0) } + lost)
  }

  /// The IDs that an image has by what its files are called: that of its top layer's directory, or the hexadecimal parts of that
  /// layer's digest, and of its config's.
  private static func ids(of entry: DockerManifestFile.Entry) -> Set<String> {
    var ids: Set<String> = []
    let parts = TarPath.plain(entry.layers.last ?? "").split(separator: "/")
    if parts.count == 2, parts[1] == "layer.tar" { ids.insert(String(parts[0])) }
    for name in [parts.last, entry.config.split(separator: "/").last] {
      let text = name?.prefix { $0 != "." }.split(separator: ":").last ?? ""
      if ArchiveName.isID(text) { ids.insert(String(text)) }
    }
    return ids
  }

  /// A name as it is compared: without a tag it is the latest.
  private static func reference(_ name: String) -> Reference? {
    guard let reference = try? Reference(dockerName: name) else { return nil }
    return reference.tag == nil && reference.digest == nil
      ? reference.with(tag: Reference.defaultTag) : reference
  }

  private static func shown(_ name: String) -> String {
    (try? Reference(dockerName: name))?.description ?? name
  }

  /// The file of the tar that a path leads to; the path itself where it leads to none.
  private func file(_ path: String) throws(LayoutError) -> String { try entries.resolve(path)?.name ?? path }
}
