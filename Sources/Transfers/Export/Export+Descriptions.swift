import Images
import NVIDIA

extension Export {
  /// The descriptions of the images' repositories, by host and repository, as far as NVIDIA's REST services
  /// tell them. That they cannot be had is worth a note and stops nothing. Blocks.
  func descriptions(of images: [ExportImage]) throws -> [RegistryLocation: String] {
    var spaces: [RegistryLocation] = []
    var wanted: Set<RegistryLocation> = []
    for reference in images.map(\.reference) {
      wanted.insert(RegistryLocation(host: reference.host, path: reference.repository))
      let space = reference.repository.split(separator: "/").first.map(String.init) ?? ""
      let place = RegistryLocation(host: reference.host, path: space)
      if !spaces.contains(place) { spaces.append(place) }
    }
    var found: [RegistryLocation: String] = [:]
    for space in spaces {
      guard let catalog = try registries.catalog(host: space.host, repository: space.path) else { continue }
      do {
        for repository in try catalog.repositories(below: space.path).repositories {
          let place = RegistryLocation(host: space.host, path: repository.path)
          guard wanted.contains(place), let text = repository.description, !text.isEmpty else { continue }
          found[place] = text
        }
      } catch {
        try Task.checkCancellation()
        settings.observer.note(.descriptionsMissing(host: space.host, error: error))
      }
    }
    return found
  }

  /// The files that carry the descriptions of `images`. Of two hosts' repositories with one name, the first
  /// host's is carried.
  func files(
    describing images: [ExportImage], _ descriptions: [RegistryLocation: String]
  ) -> [(path: String, bytes: [UInt8])] {
    var files: [String: [UInt8]] = [:]
    for reference in images.map(\.reference).sorted() {
      let place = RegistryLocation(host: reference.host, path: reference.repository)
      let path = Descriptions.path(of: reference.repository)
      guard let text = descriptions[place], files[path] == nil else { continue }
      files[path] = Array(text.utf8)
    }
    return files.map { (path: $0.key, bytes: $0.value) }
  }
}
