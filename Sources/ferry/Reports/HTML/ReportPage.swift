import Digests
import Files
import FoundationEssentials

/// A report as a page to read: a value, from which ``text`` makes a self-contained HTML document. Everything in it
/// may come from outside.
struct ReportPage {
  enum Tone: String {
    case good, warn, bad
    case plain = ""
  }

  struct Row {
    let name: String
    /// Its name at the destination; empty where it has none.
    var target: Wording = ""
    let digest: String
    let bytes: Int64
    /// Of these, the bytes that no other image on the page has.
    let ownBytes: Int64
    let state: String
    let tone: Tone
  }

  /// Something that went wrong, or is worth knowing.
  struct Remark {
    let text: Wording
    let tone: Tone
  }

  let title: Wording
  let verdict: Wording
  let tone: Tone
  /// Names and values; a digest stands among them like any other.
  let facts: [(name: Wording, value: Wording)]
  let remarks: [Remark]
  let rows: [Row]
  let repositories: [RepositoryBytes]

  /// What every page begins with.
  private static let beginning: StaticString = "<!DOCTYPE html>\n"

  /// What every page ends with. A later run takes a page's place only where all of it is one, and no mark at its ends
  /// shows that: notes are added anywhere, and pages that others made begin and end alike. So the last line names all that
  /// stands before it.
  private static func ending(of page: Digest) -> [UInt8] {
    Array("<!-- ferry/report-page/v1 \(page) -->\n".utf8)
  }

  /// Whether all of `file` is a page that Ferry wrote. Blocks.
  static func isPage(_ file: DataFile) throws(FileError) -> Bool {
    let beginning = Array(beginning.description.utf8)
    let count = ending(of: Digest(of: [])).count
    let end = try file.size() - Int64(count)
    guard end > 0, try file.read(beginning.count, at: 0) == beginning else { return false }
    var hasher = ContentHasher()
    var offset: Int64 = 0
    while offset < end {
      let piece = try file.read(Int(min(end - offset, 64 << 10)), at: offset)
      guard !piece.isEmpty else { return false }
      unsafe hasher.update(piece.span.bytes)
      offset += Int64(piece.count)
    }
    return try file.read(count, at: end) == ending(of: hasher.digest())
  }

  /// Gives `body` the document, piece by piece, each as `hiding` leaves it. Throws what `body` throws.
  func write(
    hiding: @escaping ([UInt8]) -> [UInt8] = { $0 }, to body: ([UInt8]) throws -> Void
  ) throws {
    var page = Markup(hiding: hiding)
    page.addUnescaped(Self.beginning)
    try page.element("html", with: ["lang": "en"]) { html in
      head(&html)
      try html.element("body") { content in
        try content.element("main") { main in
          opening(&main)
          try list(&main, to: body)
          try table(&main, to: body)
          try bars(&main, to: body)
        }
        content.leaf("footer", "Written by ferry \(Ferry.version) at \(Date().formatted(.iso8601)).")
      }
    }
    page.newline()
    try body(Self.ending(of: try page.finish(to: body)))
  }

  private func head(_ html: inout Markup) {
    html.element("head") { head in
      head.void("meta", ["charset": "utf-8"])
      head.newline()
      head.leaf("title", title + " · ferry")
      // Should anything slip in all the same, the browser neither runs nor fetches it.
      head.void(
        "meta",
        [
          "http-equiv": "Content-Security-Policy",
          "content": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
        ])
      head.void("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"])
      head.void("meta", ["name": "color-scheme", "content": "light dark"])
      head.element("style") { $0.addUnescaped(PageStyle.sheet) }
    }
    html.newline()
  }

  private func opening(_ main: inout Markup) {
    main.leaf("h1", title)
    main.leaf("p", with: ["class": "verdict \(tone.rawValue)"], verdict)
    main.element("dl") { list in
      for fact in facts {
        list.leaf("dt", fact.name)
        list.leaf("dd", fact.value)
      }
    }
    main.newline()
  }

  private func list(_ main: inout Markup, to body: ([UInt8]) throws -> Void) throws {
    guard !remarks.isEmpty else { return }
    main.leaf("h2", "Remarks")
    try main.element("ul") { list in
      for remark in remarks {
        list.leaf("li", with: ["class": "\(remark.tone.rawValue)"], remark.text)
        try list.pass(to: body)
      }
    }
    main.newline()
  }

  private func table(_ main: inout Markup, to body: ([UInt8]) throws -> Void) throws {
    guard !rows.isEmpty else { return }
    // Whether images get new names: asked once, for there may be hundreds of thousands.
    let hasTargets = rows.contains { !$0.target.isEmpty }
    main.leaf("h2", "Images")
    try main.element("div", with: ["class": "wide"]) { wide in
      try wide.element("table") { table in
        table.leaf(
          "caption", "What an image shares with others on this page is stored and moved once.")
        table.element("thead") { head in
          head.element("tr") { row in
            row.leaf("th", with: ["scope": "col"], hasTargets ? "Old name" : "Name")
            if hasTargets { row.leaf("th", with: ["scope": "col"], "New name") }
            row.leaf("th", with: ["scope": "col"], "Digest")
            for name: Wording in ["Size", "Its own", "Shared"] {
              row.leaf("th", with: ["scope": "col", "class": "number"], name)
            }
            row.leaf("th", with: ["scope": "col"], "State")
          }
        }
        table.newline()
        try table.element("tbody") { content in
          for row in rows {
            add(row, hasTarget: hasTargets, to: &content)
            try content.pass(to: body)
          }
        }
      }
    }
    main.newline()
  }

  private func add(_ image: Row, hasTarget: Bool, to body: inout Markup) {
    body.element("tr") { row in
      row.leaf("th", with: ["scope": "row"], "\(image.name)")
      if hasTarget { row.leaf("td", with: ["class": "name"], image.target) }
      row.element("td", with: ["class": "digest"]) { $0.leaf("code", "\(image.digest)") }
      for bytes in [image.bytes, image.ownBytes, image.bytes - min(image.bytes, image.ownBytes)] {
        row.leaf("td", with: ["class": "number"], Amounts.bytes(bytes))
      }
      row.leaf("td", with: ["class": "state \(image.tone.rawValue)"], "\(image.state)")
    }
    body.newline()
  }

  private func bars(_ main: inout Markup, to body: ([UInt8]) throws -> Void) throws {
    guard !repositories.isEmpty else { return }
    main.leaf("h2", "Bytes by repository")
    try RepositoryBars(repositories).add(to: &main, body)
  }
}
