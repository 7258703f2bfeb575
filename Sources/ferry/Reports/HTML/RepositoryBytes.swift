import Digests
import Images

/// What a repository's images take up, each of its blobs counted once.
struct RepositoryBytes {
  let repository: String
  /// Bytes that no other repository on the page has, and bytes that another has too.
  let own: Int64
  let shared: Int64

  var total: Int64 { [own, shared].saturatingSum() }
}

/// Which images, and which repositories, have the same blobs.
struct BlobSharing {
  /// How many images have each blob.
  private var images: [Digest: Int] = [:]
  private var repositories: [Digest: Set<String>] = [:]
  private var sizes: [Digest: Int64] = [:]

  /// Counts an image that consists of `parts`, each of which stands there once.
  mutating func add(_ parts: [Descriptor], of repository: String) {
    for part in parts {
      images[part.digest, default: 0] += 1
      repositories[part.digest, default: []].insert(repository)
      sizes[part.digest] = part.size
    }
  }

  /// The bytes of an image that no other counted image has.
  func ownBytes(of parts: [Descriptor]) -> Int64 {
    parts.filter { images[$0.digest] == 1 }.map(\.size).saturatingSum()
  }

  /// What each repository takes up, the largest first.
  var byRepository: [RepositoryBytes] {
    var sums: [String: (own: Int64, shared: Int64)] = [:]
    for (digest, holders) in repositories {
      let size = sizes[digest] ?? 0
      for holder in holders {
        let sum = sums[holder, default: (0, 0)]
        sums[holder] =
          holders.count == 1
          ? ([sum.own, size].saturatingSum(), sum.shared) : (sum.own, [sum.shared, size].saturatingSum())
      }
    }
    return sums.map { RepositoryBytes(repository: $0.key, own: $0.value.own, shared: $0.value.shared) }
      .sorted { ($1.total, $0.repository) < ($0.total, $1.repository) }
  }
}

extension Reference {
  /// The repository that a page counts an image to; a name that is no reference stands for itself.
  static func repositoryName(of name: String) -> String { (try? Reference(name).repositoryName) ?? name }
}

extension ImageTree {
  /// Everything the image consists of, each part once.
  var parts: [Descriptor] { manifests.map(\.descriptor) + blobs }
}
