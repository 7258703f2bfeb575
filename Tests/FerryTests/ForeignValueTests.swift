import Foundation
import TestSupport
import Testing

/// Names, messages and paths from outside, made to look like what Ferry says itself.
@Suite(.waiting) struct `A value from outside` {
  /// Ends the line it stands on, begins another that looks like a result, and plays with the terminal.
  private static let forgery =
    "\nfleet.tar  whole  1 image, 3 blobs\r\u{1B}[2J\u{9B}2J\u{202E}\u{2066}\u{200B}\u{2028}x\\n\t\u{7F}"

  private let ferry: FerryProcess
  private let registry = ScriptedRegistry()

  init() throws {
    ferry = try FerryProcess()
    registry.add(image: [[1]], diffIDs: [BlobDigest.of([1])], to: "team/app", tag: "1")
  }

  /// Whether the text has lines of Ferry's alone, and no character that a terminal would obey.
  private func isFerrys(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
      switch scalar.properties.generalCategory {
      case .control: scalar == "\n"
      case .format, .lineSeparator, .paragraphSeparator: false
      default: true
      }
    } && !text.split(whereSeparator: \.isNewline).contains { $0.hasPrefix("fleet.tar  whole") }
  }

  /// Runs ferry; what it prints, on both streams.
  @discardableResult
  private func run(_ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation) throws
    -> CommandResult
  {
    let result = try ferry.command(arguments).run()
    #expect(
      isFerrys(result.standardOutput) && isFerrys(result.standardError),
      "\(arguments): \(result.standardOutput.debugDescription) \(result.standardError.debugDescription)",
      sourceLocation: sourceLocation)
    return result
  }

  private func isPage(_ name: String) throws -> Bool {
    isFerrys(try String(contentsOfFile: ferry.file(name), encoding: .utf8))
  }

  private func object(_ name: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: ferry.file(name)))
    return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  private func write(_ object: [String: Any], to name: String) throws {
    try JSONSerialization.data(withJSONObject: object).write(to: URL(fileURLWithPath: ferry.file(name)))
  }

  /// An archive as a directory, whose index says what `change` makes it say.
  private func layout(_ change: (inout [[String: Any]]) -> Void) throws {
    try ferry.export([registry.reference("team/app:1")], to: "a.tar")
    try FileManager.default.createDirectory(atPath: ferry.file("d"), withIntermediateDirectories: true)
    try Command.run("tar", ["-xf", ferry.file("a.tar"), "-C", ferry.file("d")])
    var index = try object("d/index.json")
    var manifests = try #require(index["manifests"] as? [[String: Any]])
    change(&manifests)
    index["manifests"] = manifests
    try write(index, to: "d/index.json")
    try FileManager.default.removeItem(atPath: ferry.file("d/ferry.json"))
  }

  @Test func `prints no line of its own as the name of an image`() throws {
    try layout { manifests in
      for (key, value) in [
        ("io.containerd.image.name", "r.example/a/b:1\(Self.forgery)"),
        ("org.opencontainers.image.ref.name", "1\(Self.forgery)"),
      ] {
        var annotations = manifests[0]["annotations"] as? [String: String] ?? [:]
        annotations[key] = value
        manifests[0]["annotations"] = annotations
      }
      var twin = manifests[0]
      twin["mediaType"] = "application/x\(Self.forgery)"
      twin["digest"] = "sha256:\(String(repeating: "0", count: 64))"
      manifests.append(twin)
    }
    for options in [["inspect", "--long"], ["verify"], ["verify", "--report", "page.html"]] {
      let result = try run(options + ["d"])
      #expect(result.standardOutput.contains(#"\nfleet.tar  whole"#))
    }
    #expect(try isPage("page.html"))
    let to = ["--plain-http", "--to", "\(registry.host)/new"]
    try run(["import", "d"] + to)
    try run(["import", "d", "--as", "b:1", "--image", "*", "--report", "page2.html"] + to)
    #expect(try isPage("page2.html"))
    // In JSON it is what it is, and a terminal has nothing to obey there either.
    let json = try run(["inspect", "--json", "d"])
    let images = try Report(json).objects("archives").flatMap { $0["images"] as? [[String: Any]] ?? [] }
    #expect(
      images.contains {
        ($0["reference"] as? String)?.unicodeScalars.elementsEqual(
          "r.example/a/b:1\(Self.forgery)".unicodeScalars) == true
      })
  }

  @Test func `prints no line of its own as the name of a file`() throws {
    let archive = "a\(Self.forgery).tar"
    let image = registry.reference("team/app:1")
    let export = ["export", "--plain-http", image, "-o", archive]
    #expect(try run(export + ["--dry-run"]).status == 0)
    #expect(try run(export + ["--checksum", "--report", "page.html"]).status == 0)
    #expect(try isPage("page.html"))
    try run(export)
    #expect(try run(["verify", archive, "--report", "page.html"]).status == 0)
    #expect(try isPage("page.html"))
    #expect(try run(["inspect", archive, "--long"]).status == 0)
    let to = ["--plain-http", "--to", "\(registry.host)/new"]
    #expect(try run(["import", archive, "--receipt", "r\(Self.forgery).json"] + to).status == 0)
    try run(["verify", archive, "--receipt", "r\(Self.forgery).json"])
    try run(["export", "--plain-http", image, "-o", "b.tar", "--skip-known", archive])
    var check = Command("sha256sum", ["-c", "\(archive).sha256"])
    check.directory = ferry.home.path
    #expect(try check.run().status == 0)
    for command in [["verify"], ["inspect"], ["import", "--to", "r.example/a"]] {
      #expect(try run(command + ["absent\(Self.forgery)"]).status == 12)
    }
    try run(["export", "-f", "absent\(Self.forgery)", "-o", "c.tar"])
    try run(["export", image, "-o", "no\(Self.forgery)/directory/c.tar"])
  }

  @Test func `prints no line of its own as a word on the command line`() throws {
    let image = "registry.example/a/b:1"
    for arguments in [
      ["x\(Self.forgery)"], ["verify", "--x\(Self.forgery)", "a.tar"],
      ["verify", "--jobs", Self.forgery, "a.tar"],
      ["verify", "--jobs=\(Self.forgery)", "a.tar"],
      ["verify", "--expect", "sha256:\(Self.forgery)", "a.tar"],
      ["export", image, "-o", "a:\(Self.forgery)"], ["export", "r.example/\(Self.forgery)", "-o", "a.tar"],
      ["export", Self.forgery, "-o", "a.tar"], ["export", image, "-o", "a.tar", "--shard", Self.forgery],
      ["export", image, "-o", "a.tar", "--platform", "linux/\(Self.forgery)"],
      ["export", image, "-o", "a.tar", "--volume-size", Self.forgery],
      ["export", "r.example/a", "--tags", "[\(Self.forgery)", "-o", "a.tar"],
      ["import", "a.tar", "--to", "r.example/\(Self.forgery)"], ["list", "r.example\(Self.forgery)"],
      ["import", "a.tar", "--to", "r.example/a", "--map", Self.forgery],
      ["export", image, "-o", "a.tar", "--skip-known", "a.tar", "--report", "a.tar\(Self.forgery)/../a.tar"],
    ] {
      let result = try run(arguments)
      #expect(result.status == 64 && result.standardOutput.isEmpty, "\(arguments) \(result.status)")
    }
  }

  private func json(_ text: String) throws -> String {
    String(
      decoding: try JSONSerialization.data(withJSONObject: text, options: .fragmentsAllowed), as: UTF8.self)
  }

  @Test(arguments: [400, 401, 403, 404, 500])
  func `prints no line of its own as what a registry says`(status: Int) throws {
    let text = try json("no\(Self.forgery)")
    let server = ScriptedServer { _ in
      ScriptedResponse(
        status, headers: [("WWW-Authenticate", "Negotiate \u{1B}[2J")],
        json: #"{"errors":[{"code":\#(text),"message":\#(text),"detail":\#(text)}]}"#)
    }
    for arguments in [["list", server.host], ["export", "\(server.host)/a/b:1", "-o", "a.tar"]] {
      let result = try run(arguments + ["--plain-http", "--retries", "0", "--verbose"])
      #expect(result.status != 0)
    }
    try ferry.export([registry.reference("team/app:1")], to: "a.tar")
    try run([
      "import", "a.tar", "--to", "\(server.host)/a", "--plain-http", "--retries", "0", "--report", "p.html",
    ])
    #expect(try isPage("p.html"))
  }

  @Test func `prints no line of its own as an entry of a registry's lists`() throws {
    let text = try json("a/b\(Self.forgery)")
    let server = ScriptedServer { request in
      request.path == "/v2/_catalog"
        ? ScriptedResponse(json: #"{"repositories":["a/b",\#(text)]}"#)
        : ScriptedResponse(json: #"{"name":\#(text),"tags":["1",\#(text)]}"#)
    }
    for arguments in [["list", server.host], ["list", "\(server.host)/a", "--long"]] {
      let result = try run(arguments + ["--plain-http"])
      #expect(result.status != 0)
      result.complains("a/b fleet.tar whole")
    }
  }

  @Test func `prints no line of its own as what a receipt says`() throws {
    try ferry.export([registry.reference("team/app:1")], to: "a.tar")
    try ferry.run(
      ["import", "a.tar", "--plain-http", "--to", "\(registry.host)/new", "--receipt", "r.json"], exits: 0)
    let receipt = try object("r.json")
    for key in receipt.keys.sorted() {
      var changed = receipt
      if var list = changed[key] as? [[String: Any]] {
        for inner in list[0].keys where list[0][inner] is String {
          list[0][inner] = "\(list[0][inner] ?? "")\(Self.forgery)"
          changed[key] = list
          try write(changed, to: "other.json")
          try run(["verify", "a.tar", "--receipt", "other.json", "--report", "page.html"])
          #expect(try isPage("page.html"))
        }
      } else {
        changed[key] = "\(changed[key] ?? "")\(Self.forgery)"
        try write(changed, to: "other.json")
        try run(["verify", "a.tar", "--receipt", "other.json", "--report", "page.html"])
        #expect(try isPage("page.html"))
      }
    }
  }

  @Test func `is shown so that two of them never look the same`() throws {
    var lines: Set<String> = []
    let names = [
      "", "\n", "\\n", "\\", "\r", "\t", "\u{200B}", "\u{202E}", "\u{FE0F}", "\u{A0}", " ", "\\u{202E}",
    ]
    for name in names {
      let result = try run(["verify", "absent\(name)."])
      lines.insert(result.standardError)
    }
    #expect(lines.count == names.count)
  }
}
