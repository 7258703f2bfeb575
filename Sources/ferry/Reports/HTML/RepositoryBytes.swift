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

/// Which images, and which repositories, have the same blobs. There may be hundreds of thousands of them.
struct BlobSharing {
  private struct Use {
    var size: Int64
    /// Whether another image has it too.
    var isShared = false
    /// The only repository that has it; below 0 the others' place, counted from -1, in ``holders``.
    var holder: Int32
  }

  private var uses: [Digest: Use] = [:]
  private var repositories: [String] = []
  private var numbers: [String: Int32] = [:]
  /// The repositories of each blob that several have.
  private var holders: [Set<Int32>] = []

  /// Counts an image that consists of `parts`, each of which stands there once.
  mutating func add(_ parts: [Descriptor], of repository: String) {
    guard !parts.isEmpty else { return }
    let number = numbers[repository] ?? Int32(repositories.count)
    if number == repositories.count {
      repositories.append(repository)
      numbers[repository] = number
    }
    for part in parts {
      guard var use = uses[part.digest] else {
        uses[part.digest] = Use(size: part.size, holder: number)
        continue
      }
      use.size = part.size
      use.isShared = true
      if use.holder < 0 {
        holders[Int(-1 - use.holder)].insert(number)
      } else if use.holder != number {
        holders.append([use.holder, number])
        use.holder = -Int32(holders.count)
      }
      uses[part.digest] = use
    }
  }

  /// The bytes of an image that no other counted image has.
  func ownBytes(of parts: [Descriptor]) -> Int64 {
    parts.filter { uses[$0.digest]?.isShared == false }.map(\.size).saturatingSum()
  }

  /// What each repository takes up, the largest first.
  var byRepository: [RepositoryBytes] {
    var own = repositories.map { _ in Int64(0) }
    var shared = own
    for use in uses.values {
      guard use.holder < 0 else {
        own[Int(use.holder)] = [own[Int(use.holder)], use.size].saturatingSum()
        continue
      }
      for holder in holders[Int(-1 - use.holder)] {
        shared[Int(holder)] = [shared[Int(holder)], use.size].saturatingSum()
      }
    }
    return repositories.indices.map {
      RepositoryBytes(repository: repositories[$0], own: own[$0], shared: shared[$0])
    }.sorted { ($1.total, $0.repository) < ($0.total, $1.repository) }
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

  /// Adds the chart, of which `body` is given what comes.
  func add(to page: inout Markup, _ body: ([UInt8]) throws -> Void) throws {
    try page.element("div", with: ["class": "wide"]) { wide in
      try wide.element("table") { table in
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
        try table.element("tbody") { content in
          for repository in repositories {
            add(repository, to: &content)
            try content.pass(to: body)
          }
        }
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
