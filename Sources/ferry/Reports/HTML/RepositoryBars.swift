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
