import Digests
import Files
import Tar

/// What `docker save` wrote before docker 1.10: of each layer a directory with `VERSION`, `json` and `layer.tar`, named by an ID
/// that no content has, and `repositories`, where there is a tag.
///
/// It has no configs, so an image of it has no digest: docker made up a config when it loaded one, until version 29, and skopeo
/// and podman read none. Nothing is damaged, and nothing can be carried that would be the same.
enum LegacySave {
  private static let layerFile = "layer.tar"
  private static let descriptionFile = "json"
  /// How many directories of an unpacked one are looked into: something else may have any number that are called so.
  private static let mostDirectories = 16

  /// Whether a tar that has neither a layout's list nor docker's is one. Docker before version 25 wrote the same directories beside
  /// a config for each image and its list, which may be lost: one that need not be all of it (`isWhole`) is none, unless it has
  /// `repositories`, which came last.
  static func isLegacy(_ entries: TarContents, isWhole: Bool) -> Bool {
    let files = entries.files
    guard isWhole || files[LegacyTags.path] != nil, entries.blobs.isEmpty else { return false }
    var isFound = false
    for path in files.keys {
      let parts = path.split(separator: "/", omittingEmptySubsequences: false)
      if parts.count == 1, isConfig(path) { return false }
      guard !isFound, parts.count == 2, parts[1] == descriptionFile, Digest(hex: parts[0]) != nil
      else { continue }
      isFound = files["\(parts[0])/\(layerFile)"] != nil
    }
    return isFound
  }

  /// Whether a directory with these entries, but without either list, has layers as such a tar does. Throws ``FileError`` where
  /// that cannot be told.
  static func hasLayers(
    _ directory: OpenDirectory, _ entries: [OpenDirectory.Entry]
  ) throws(FileError) -> Bool {
    let folders = entries.filter { $0.kind == .directory && Digest(hex: $0.name) != nil }.map(\.name).sorted()
    guard !folders.isEmpty, !entries.contains(where: { isConfig($0.name) }) else { return false }
    for name in folders.prefix(mostDirectories) {
      guard let folder = try? directory.directory(name, creating: false) else { continue }
      let names = try folder.entries(limit: TarIndex.mostEntries).map(\.name)
      if names.contains(descriptionFile), names.contains(layerFile) { return true }
    }
    return false
  }

  /// Whether a file is called as docker calls an image's config.
  private static func isConfig(_ name: String) -> Bool {
    name.hasSuffix(".json") && Digest(hex: name.dropLast(5)) != nil
  }
}
