import Foundation
import TestSupport
import Testing

/// The pages that `--report` writes, parsed strictly and shown by a browser.
@Suite(.waiting) struct `A report's page` {
  private let ferry: FerryProcess
  private let source: RegistryProcess

  init() throws {
    ferry = try FerryProcess()
    source = try RegistryProcess.fixtures()
  }

  /// What the page holds by a parser that forgives nothing: the cells of each row, row by row.
  private func rows(_ name: String) throws -> [[String]] {
    let script = """
      import json, sys, xml.etree.ElementTree as tree
      page = tree.parse(sys.argv[1]).getroot()
      assert page.get('lang') == 'en' and page.find('head/title').text
      assert not [e for e in page.iter() if e.tag in ('script', 'link', 'img', 'iframe', 'object', 'a')]
      names = {a for e in page.iter() for a in e.attrib}
      assert not [n for n in names if n.startswith('on') or n in ('src', 'href', 'style')], names
      for head in page.iter('thead'): assert all(h.get('scope') == 'col' for h in head.iter('th'))
      for body in page.iter('tbody'): assert all(h.get('scope') == 'row' for h in body.iter('th'))
      for image in page.iter('svg'): assert image.get('role') == 'img' and image.get('aria-label')
      print(json.dumps([[''.join(c.itertext()) for c in r] for r in page.findall('.//tbody/tr')]))
      """
    let text = try Command.run("python3", ["-c", script, ferry.file(name)])
    return try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String]])
  }

  private func names(in list: [String]) -> [String] { list.map(source.reference) }

  @Test func `of an export shows every image and what each repository takes up`() throws {
    let images = ["team/app:1.0", "team/app:1.1", "team/backend/worker:1.0", "odd/plain:1"]
    try ferry.export(names(in: images), to: "a.tar", "--report", "e.html")
    let rows = try rows("e.html")
    #expect(rows.count == images.count + 3)
    for image in images {
      let row = try #require(rows.first { $0[0] == source.reference(image) })
      #expect(row[1] == (try FixtureImages.digest(of: image)))
      #expect(row.last == "exported")
    }
    #expect(
      rows.suffix(3).map { $0[0] }.sorted() == names(in: ["odd/plain", "team/app", "team/backend/worker"]))
    // An image alone in its content shares nothing, the others share their base.
    let plain = try #require(rows.first { $0[0] == source.reference("odd/plain:1") })
    #expect(plain[2] == plain[3] && plain[4] == "0 B")
    #expect(rows.filter { $0.count > 5 && $0[0].contains("team/app") }.allSatisfy { $0[4] != "0 B" })
  }

  @Test func `shows what travels with an image`() throws {
    try ferry.export(names(in: ["team/signed:1.0"]), to: "s.tar", "--report", "e.html")
    try ferry.run(["verify", "s.tar", "--report", "v.html"], exits: 0)
    for page in ["e.html", "v.html"] {
      let rows = try rows(page)
      #expect(rows.map { $0[0].contains("team/signed:sha256-") } == [false, true, false])
      #expect(try Browser().document(of: ferry.file(page)).contains("of 1 image and 1 referrer"))
    }
  }

  @Test func `of an import and of arrivals shows old and new names in a browser without script or network`()
    throws
  {
    let new = try RegistryProcess()
    let archive = try FixtureArchive.everything()
    try ferry.run(
      [
        "import", archive, "--plain-http", "--to", "\(new.host)/new", "--report", "i.html", "--receipt",
        "r.json",
      ], exits: 0)
    try ferry.run(["verify", archive, "--receipt", "r.json", "--report", "v.html"], exits: 0)
    let images = try FixtureImages.shared().images
    let browser = Browser()
    for (page, state) in [("i.html", "pushed"), ("v.html", "arrived")] {
      let rows = try rows(page)
      let document = try browser.document(of: ferry.file(page))
      for image in images {
        let target = new.reference(FixtureArchive.target(of: image.name))
        let row = try #require(rows.first { $0[0] == source.reference(image.name) })
        #expect(row[1] == target && row[2] == image.digest && row.last == state)
        for text in [source.reference(image.name), target, image.digest] { #expect(document.contains(text)) }
      }
      // The browser keeps every row and adds nothing.
      #expect(document.matches(of: /<tr>/).count == rows.count + 2)
      #expect(!document.contains("<script"))
    }
    let picture = try browser.picture(of: ferry.file("v.html"))
    #expect(picture.starts(with: [0x89, 0x50, 0x4e, 0x47]) && picture.count > 50_000)
  }

  /// Receipts come from elsewhere, and files are called whatever somebody calls them.
  @Test func `shows hostile names as they are, and nothing happens`() throws {
    let (trap, new) = (try RegistryProcess(), try RegistryProcess())
    let archive = try FixtureArchive.small()
    try ferry.run(
      ["import", archive, "--plain-http", "--to", "\(new.host)/new", "--receipt", "r.json"], exits: 0)
    let receipt = URL(fileURLWithPath: ferry.file("r.json"))
    var fields = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: receipt)) as? [String: Any])
    let script = "document.title='owned'"
    fields["destination"] =
      "</dd></dl><script>\(script)</script><style>@import 'http://\(trap.host)/y'</style>\u{202E}\u{1}]]>&amp;"
    try JSONSerialization.data(withJSONObject: fields).write(to: receipt)
    // Browsers take backslashes for slashes, which no file's name can hold.
    let name = "<img src=http:\\\\\(trap.host)\\x onerror=\(script)><svg onload=\(script)>\"'&lt;.tar"
    try FileManager.default.copyItem(atPath: archive, toPath: ferry.file(name))
    try ferry.run(["verify", name, "--receipt", "r.json", "--report", "v.html"], exits: 0)

    #expect(try rows("v.html").count > 6)
    let document = try Browser().document(of: ferry.file("v.html"))
    #expect(document.contains("&lt;/dd&gt;&lt;/dl&gt;&lt;script&gt;\(script)&lt;/script&gt;"))
    #expect(document.contains("&lt;img src=") && document.contains("&amp;lt;.tar"))
    #expect(document.contains("<title>Arrival of 6 images"))
    #expect(!document.contains("<script") && !document.contains("<img") && !document.contains("onload=\""))
    #expect(!document.unicodeScalars.contains("\u{202E}"))
    trap.stop()
    #expect(trap.requests.isEmpty)
  }

  @Test func `of a failure shows what a registry said, as text`() throws {
    let registry = ScriptedRegistry { request in
      guard request.path.contains("/manifests/") else { return nil }
      let body = #"{"errors":[{"code":"DENIED","message":"<script>alert(1)</script> & more"}]}"#
      return ScriptedResponse(403, body: Array(body.utf8))
    }
    try ferry.run(
      ["export", "--plain-http", registry.reference("team/app:1"), "-o", "a.tar", "--report", "f.html"],
      exits: 11)
    _ = try rows("f.html")
    let page = try String(contentsOfFile: ferry.file("f.html"), encoding: .utf8)
    #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; more"))
    #expect(page.contains("status 11"))
  }

  @Test func `is JSON under any other name`() throws {
    let archive = try FixtureArchive.small()
    try ferry.run(["verify", archive, "--report", "v.json"], exits: 0)
    #expect(try Report(file: ferry.file("v.json")).string("schema") == "ferry/verify-report/v1")
    try ferry.run(["verify", archive, "--report", archive], exits: 64)
    try ferry.run(["verify", archive, "--report", "missing/v.html"], exits: 16)
  }

  @Test func `of a plan says what would be`() throws {
    try ferry.run(
      [
        "export", "--plain-http", source.reference("odd/plain:1"), "-o", "a.tar", "--dry-run", "--report",
        "p.html",
      ], exits: 0)
    #expect(try rows("p.html").first?.last == "planned")
    let new = try RegistryProcess()
    try ferry.run(
      [
        "import", FixtureArchive.small(), "--plain-http", "--to", "\(new.host)/new", "--dry-run", "--report",
        "q.html",
      ], exits: 0)
    #expect(try rows("q.html").filter { $0.count > 5 }.allSatisfy { $0.last == "new" })
  }
}
