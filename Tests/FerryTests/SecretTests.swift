import Foundation
import TestSupport
import Testing

/// A secret goes to the registry and the token server that it is meant for, and nowhere else.
@Suite(.waiting) struct `A secret` {
  private let password = "tell-nobody-7f3a"

  /// Everything a command wrote and left, in which no form of the secret may be.
  private func keeps(_ result: CommandResult, _ files: [String] = []) throws {
    let encoded = Data("robot:\(password)".utf8).base64EncodedString()
    let key = Data("$oauthtoken:\(password)".utf8).base64EncodedString()
    // A token begins with this, whoever issued it.
    let secrets = [password, encoded, key, "eyJ"]
    for secret in secrets {
      #expect(!result.standardOutput.contains(secret))
      #expect(!result.standardError.contains(secret))
      for file in files {
        let content = try Data(contentsOf: URL(fileURLWithPath: file))
        #expect(content.range(of: Data(secret.utf8)) == nil)
      }
    }
  }

  @Test func `is in no output, report or archive, however much is said`() throws {
    let tokens = try TokenServer(users: ["robot": password])
    let registry = try RegistryProcess(.tokens(tokens), fixtures: true)
    let ferry = try FerryProcess()
    let login = ["--plain-http", "-v", "--username", "robot", "--password-stdin"]
    let exported = try ferry.run(
      ["export", registry.reference("odd/plain:1"), "-o", "a.tar", "--report", "e.json"] + login, exits: 0,
      input: password)
    try keeps(exported, [ferry.file("a.tar"), ferry.file("e.json")])
    #expect(exported.standardError.contains("/v2/odd/plain/manifests/1"))
    let imported = try ferry.run(
      ["import", "a.tar", "--to", "\(registry.host)/new", "--report", "i.json"] + login, exits: 0,
      input: password)
    try keeps(imported, [ferry.file("i.json")])
    try keeps(ferry.run(["list", registry.host] + login, exits: 0, input: password))
    #expect(tokens.requests.contains { $0.user == "robot" })
  }

  @Test(arguments: ["export", "import"])
  func `that is refused is in no message`(phase: String) throws {
    let registry = try RegistryProcess(.basic(username: "robot", password: "another"))
    var ferry = try FerryProcess()
    ferry.environment = [
      "FERRY_EXPORT_USERNAME": "robot", "FERRY_EXPORT_PASSWORD": password, "FERRY_IMPORT_API_KEY": password,
    ]
    let command =
      phase == "export"
      ? ["export", registry.reference("a/b:1"), "-o", "a.tar"]
      : ["import", try FixtureArchive.small(), "--to", "\(registry.host)/new"]
    for options in [[], ["-v"], ["--json"], ["--dry-run", "--report", "r.json"]] {
      let result = try ferry.run(command + ["--plain-http"] + options, exits: 10)
      try keeps(result, options.contains("--report") ? [ferry.file("r.json")] : [])
    }
  }

  @Test func `is not in the command line, nor asked for there`() throws {
    let ferry = try FerryProcess()
    for command in ["export", "import", "list"] {
      let help = try ferry.run([command, "--help"], exits: 0).standardOutput
      #expect(!help.contains("--password <") && !help.contains("--api-key <") && !help.contains("--token"))
    }
    let (arrived, gate) = (Gate(), Gate())
    let front = ScriptedServer { request in
      guard request.header("Authorization") == nil else {
        arrived.open()
        return .stall(gate)
      }
      return ScriptedResponse(401, headers: [("WWW-Authenticate", "Basic realm=\"r\"")])
    }
    let running = try ferry.command(
      [
        "export", "\(front.host)/odd/plain:1", "-o", "a.tar", "--plain-http", "--username", "robot",
        "--password-stdin",
      ], input: password
    ).start()
    #expect(arrived.wait())
    let line = try String(contentsOfFile: "/proc/\(running.id)/cmdline", encoding: .utf8)
    #expect(line.contains("--username") && !line.contains(password))
    running.kill()
  }

  @Test func `in the address of a redirect is not shown`() throws {
    let storage = try RegistryProcess.fixtures().storage
    let store = ScriptedRegistry(storage)
    let registry = ScriptedRegistry(storage) { request in
      guard request.method == "GET", request.path.contains("/blobs/") else { return nil }
      let target = "\(store.server.url(request.path))?X-Amz-Signature=tell-nobody-7f3a"
      return ScriptedResponse(307, headers: [("Location", target)])
    }
    let ferry = try FerryProcess()
    try ferry.write(password, to: "key")
    let result = try ferry.run(
      [
        "export", registry.reference("odd/plain:1"), "-o", "a.tar", "--plain-http", "-v", "--api-key-file",
        "key",
      ], exits: 0)
    try keeps(result, [ferry.file("a.tar")])
    #expect(!store.server.requests.isEmpty)
    #expect(store.server.requests.allSatisfy { $0.header("Authorization") == nil })
  }

  struct Echo: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// What a registry answers who shows it a password.
    let answer: @Sendable (String) -> String
  }

  static let echoes = [
    Echo(testDescription: "Go's JSON") {
      let text = $0.replacing("&", with: #"\u0026"#).replacing("<", with: #"\u003c"#).replacing(
        "\"", with: #"\""#)
      return #"{"errors":[{"code":"DENIED","message":"no \#(text) here"}]}"#
    },
    Echo(testDescription: "plain text") { "no \($0) here" },
    Echo(testDescription: "a page") {
      "<html><body>no \($0.replacing("&", with: "&#38;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")) here</body></html>"
    },
    Echo(testDescription: "an address") {
      "no /login?p=\($0.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "") here"
    },
    Echo(testDescription: "a form") {
      "no p=\(($0.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "").lowercased()) here"
    },
    Echo(testDescription: "Base64 for addresses") {
      let encoded = Data("robot:\($0)".utf8).base64EncodedString()
      return "no \(encoded.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")) here"
    },
  ]

  @Test(arguments: echoes) func `that a registry gives back in other words is hidden`(_ echo: Echo) throws {
    let odd = #"te&l<l-"no>b~dy?7f3a"#
    let server = ScriptedServer { request in
      guard request.header("Authorization") != nil else {
        return ScriptedResponse(401, headers: [("WWW-Authenticate", "Basic realm=\"r\"")])
      }
      return ScriptedResponse(
        403, headers: [("Warning", "299 - \"\(odd.replacing("\"", with: "\\\""))\"")], text: echo.answer(odd))
    }
    let ferry = try FerryProcess(environment: [
      "FERRY_EXPORT_USERNAME": "robot", "FERRY_EXPORT_PASSWORD": odd,
    ])
    for options in [["-v"], ["--json"], ["--report", "r.html"], ["--report", "r.json"]] {
      let result = try ferry.run(
        ["export", "\(server.host)/a/b:1", "-o", "a.tar", "--plain-http"] + options, exits: 11)
      var texts = [result.standardError, result.standardOutput]
      if let report = options.dropFirst().first {
        texts.append(try String(contentsOfFile: ferry.file(report), encoding: .utf8))
      }
      #expect(texts.contains { $0.contains("…") })
      for text in texts {
        for trace in ["7f3a", "b~dy", "b%7Edy", "b%7edy", "N2YzY"] {
          #expect(!text.contains(trace), "\(text)")
        }
      }
    }
  }

  /// A name that holds what must not be shown is not the name that it was: that is no success.
  @Test func `that a registry calls something by is hidden, and the list is not taken for true`() throws {
    let server = ScriptedServer { [password] request in
      guard request.header("Authorization") != nil else {
        return ScriptedResponse(401, headers: [("WWW-Authenticate", "Basic realm=\"r\"")])
      }
      return request.path.hasSuffix("/tags/list")
        ? ScriptedResponse(text: #"{"name":"a/b","tags":["1","\#(password)"]}"#)
        : ScriptedResponse(text: "{}")
    }
    let ferry = try FerryProcess(
      environment: ["FERRY_EXPORT_USERNAME": "robot", "FERRY_EXPORT_PASSWORD": password])
    for options in [[], ["--json"]] {
      let result = try ferry.command(["list", "\(server.host)/a/b", "--plain-http"] + options).run()
      #expect(result.status != 0, "\(result.standardError)")
      #expect(
        result.standardOutput.contains("…")
          && !(result.standardOutput + result.standardError).contains(password))
      result.complains("what a registry says holds a secret of this run")
    }
  }

  @Test func `of a storage's address is hidden in what the storage says`() throws {
    let storage = try RegistryProcess.fixtures().storage
    let store = ScriptedServer { request in
      ScriptedResponse(
        403,
        text:
          "<Error><Message>SignatureDoesNotMatch</Message><SignatureProvided>\(request.target.split(separator: "=").last ?? "")</SignatureProvided></Error>"
      )
    }
    let registry = ScriptedRegistry(storage) { request in
      guard request.method == "GET", request.path.contains("/blobs/") else { return nil }
      return ScriptedResponse(307, headers: [("Location", store.url("/b?X-Amz-Signature=0123456789abcdef"))])
    }
    let result = try FerryProcess().run(
      ["export", registry.reference("odd/plain:1"), "-o", "a.tar", "--plain-http", "-v", "--retries", "0"],
      exits: 13)
    result.complains("SignatureDoesNotMatch")
    #expect(!result.standardError.contains("0123456789abcdef"))
  }

  /// Whatever is kept of a name is cut: the beginning of a secret that is left at its end is none that is shown.
  @Test(arguments: [0, 44, 45, 60, 100, 119])
  func `that stands where a name is cut is not shown by its beginning`(before: Int) throws {
    let key = "nvapi-" + String(repeating: "Zq3", count: 26)
    let server = ScriptedServer { request in
      let name = String(repeating: "x", count: before) + "!" + key
      return request.path.hasSuffix("/tags/list")
        ? ScriptedResponse(text: #"{"name":"a/b","tags":["1","\#(name)"]}"#) : ScriptedResponse(404)
    }
    let ferry = try FerryProcess(environment: ["FERRY_EXPORT_API_KEY": key])
    for options in [["-v"], ["--json"]] {
      let result = try ferry.command(["list", "\(server.host)/a/b", "--plain-http"] + options).run()
      #expect(!(result.standardOutput + result.standardError).contains(key.prefix(8)))
      #expect(result.status != 0)
    }
    _ = try ferry.command(
      [
        "export", "--all-tags", "\(server.host)/a/b", "-o", "a.tar", "--plain-http", "--report", "r.html",
        "--retries", "0",
      ]
    ).run()
    #expect(try !String(contentsOfFile: ferry.file("r.html"), encoding: .utf8).contains(key.prefix(8)))
  }

  @Test func `that is spelled in what a registry says is hidden in every report`() throws {
    let odd = #"te&l<l-"no>b~dy?7f3a"#
    let html = odd.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
    let escapes = odd.utf16.map {
      #"\u"# + String(repeating: "0", count: 4 - String($0, radix: 16).count) + String($0, radix: 16)
    }.joined()
    let references = odd.unicodeScalars.map { "&#\($0.value);" }.joined()
    for spelling in [html, html.replacing("&", with: "&amp;"), escapes, references] {
      let server = ScriptedServer { request in
        guard request.header("Authorization") != nil else {
          return ScriptedResponse(401, headers: [("WWW-Authenticate", "Basic realm=\"r\"")])
        }
        let type = spelling.replacing("\\", with: "\\\\")
        return request.path.contains("/manifests/")
          ? ScriptedResponse(
            headers: [("Content-Type", "application/vnd.oci.image.manifest.v1+json")],
            text: #"{"schemaVersion":2,"mediaType":"\#(type)"}"#)
          : ScriptedResponse(text: "{}")
      }
      let ferry = try FerryProcess(environment: [
        "FERRY_EXPORT_USERNAME": "robot", "FERRY_EXPORT_PASSWORD": odd,
      ])
      for report in ["r.html", "r.json"] {
        let result = try ferry.command(
          [
            "export", "\(server.host)/a/b:1", "-o", "a.tar", "--plain-http", "--no-referrers", "--json",
            "--report", report,
          ]
        ).run()
        let texts = [
          result.standardOutput, result.standardError,
          try String(contentsOfFile: ferry.file(report), encoding: .utf8),
        ]
        for text in texts {
          for trace in ["7f3a", "0037", "#55;"] { #expect(!text.contains(trace), "\(report): \(text)") }
        }
        #expect(texts.contains { $0.contains("…") })
      }
    }
  }

  struct Place: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// What a registry answers that repeats a password at the end of something long.
    let answer: @Sendable (String) -> ScriptedResponse
  }

  static let places = [
    Place(testDescription: "the address of a redirect to nowhere") {
      ScriptedResponse(307, headers: [("Location", "ftp://h/\($0)")])
    },
    Place(testDescription: "the host of a redirect") {
      ScriptedResponse(307, headers: [("Location", "http://\($0.suffix(40)).invalid/")])
    },
    Place(testDescription: "a realm") {
      ScriptedResponse(401, headers: [("WWW-Authenticate", "Bearer realm=\"ftp://h/\($0)\"")])
    },
    Place(testDescription: "a digest") {
      let type = "application/vnd.oci.image.manifest.v1+json"
      return ScriptedResponse(
        headers: [("Content-Type", type)],
        text:
          #"{"schemaVersion":2,"mediaType":"\#(type)","config":{"mediaType":"a/b","digest":"\#($0)","size":1},"layers":[]}"#
      )
    },
    Place(testDescription: "a complaint with what is not seen in it") {
      ScriptedResponse(403, text: $0.map(String.init).joined(separator: "\u{200B}"))
    },
  ]

  @Test(arguments: places, [0, 30, 90, 180])
  func `is not shown by what a cut or another spelling has left of it`(_ place: Place, before: Int) throws {
    let password = "Qzxw-Nobody-7f3a"
    let server = ScriptedServer { request in
      guard request.header("Authorization") != nil else {
        return ScriptedResponse(401, headers: [("WWW-Authenticate", "Basic realm=\"r\"")])
      }
      return request.path.contains("/manifests/")
        ? place.answer(String(repeating: "x", count: before) + password) : ScriptedResponse(text: "{}")
    }
    let ferry = try FerryProcess(environment: [
      "FERRY_EXPORT_USERNAME": "robot", "FERRY_EXPORT_PASSWORD": password,
    ])
    let result = try ferry.command(
      [
        "export", "\(server.host)/a/b:1", "-o", "a.tar", "--plain-http", "-v", "--no-referrers", "--retries",
        "0",
        "--report", "r.html",
      ]
    ).run()
    #expect(result.status != 0)
    let page = try String(contentsOfFile: ferry.file("r.html"), encoding: .utf8)
    for text in [result.standardError, page] {
      #expect(!text.lowercased().contains("qzxw") && !text.contains("7f3a"), "\(text)")
    }
  }
}
