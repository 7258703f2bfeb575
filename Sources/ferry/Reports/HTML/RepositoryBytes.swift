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

/// The chart of a report's page: a bar for each repository, as long as its bytes.
struct RepositoryBars {
  private let repositories: [RepositoryBytes]
  private let longest: Int64

  init(_ repositories: [RepositoryBytes]) {
    self.repositories = repositories
    longest = max(1, repositories.map(\.total).max() ?? 1)
  }

  func add(to page: inout Markup) {
    page.element("div", with: ["class": "wide"]) { wide in
      wide.element("table") { table in
        table.element("caption") { caption in
          caption.add("Each blob counted once in a repository:")
          caption.leaf("span", with: ["class": "key own"], "")
          caption.add("in this repository alone")
          caption.leaf("span", with: ["class": "key shared"], "")
          caption.add("in others too")
        }
        table.element("thead") { head in
          head.element("tr") { row in
            row.leaf("th", with: ["scope": "col"], "Repository")
            row.leaf("th", with: ["scope": "col", "class": "number"], "Bytes")
            row.leaf("th", with: ["scope": "col"], "Share")
          }
        }
        table.element("tbody") { body in repositories.forEach { add($0, to: &body) } }
      }
    }
    page.newline()
  }

  private func add(_ repository: RepositoryBytes, to body: inout Markup) {
    body.element("tr") { row in
      row.leaf("th", with: ["scope": "row"], "\(repository.repository)")
      row.leaf("td", with: ["class": "number"], Amounts.bytes(repository.total))
      row.element("td", with: ["class": "graph"]) { cell in
        let own = width(repository.own)
        let shared = width(repository.shared)
        let label: Wording =
          "\(Amounts.bytes(repository.own)) of its own, \(Amounts.bytes(repository.shared)) in others too"
        cell.element(
          "svg",
          with: ["role": "img", "aria-label": label, "viewBox": "0 0 1000 10", "preserveAspectRatio": "none"]
        ) { svg in
          svg.leaf("title", label)
          svg.void("rect", ["class": "own", "width": "\(own)", "height": "10"])
          svg.void(
            "rect", ["class": "shared", "x": "\(own)", "width": "\(shared)", "height": "10"])
        }
      }
    }
    body.newline()
  }

  /// In thousandths of the longest bar.
  private func width(_ bytes: Int64) -> Int { Int(1000 * (Double(bytes) / Double(longest))) }
}
