import Foundation
import Synchronization
import TestSupport
import Testing

/// A registry behind a proxy writes addresses as it sees itself: with its inner scheme, port, host or path. What they
/// say of themselves is taken, and asked for where the registry was found.
@Suite(.waiting) struct `An address by which a registry does not know itself` {
  private let ferry: FerryProcess
  init() throws { ferry = try FerryProcess() }

  /// How a registry may write `path`, which its clients reach at `host`.
  enum Writing: String, CaseIterable, CustomTestStringConvertible {
    case path, withHost, innerHost, innerPort, otherScheme, innerPrefix, innerPrefixAndHost, withoutScheme,
      relative
    /// A proxy that has a repository manager's repositories below names of their own (Nexus, Artifactory).
    case innerName, innerNameAndHost, longerName

    func link(_ path: String, _ query: String, host: String) -> String {
      switch self {
      case .path: "\(path)?\(query)"
      case .withHost: "http://\(host)\(path)?\(query)"
      case .innerHost: "http://registry.internal\(path)?\(query)"
      case .innerPort: "http://127.0.0.1:5000\(path)?\(query)"
      case .otherScheme: "https://\(host)\(path)?\(query)"
      case .innerPrefix: "/inner\(path)?\(query)"
      case .innerPrefixAndHost: "http://registry.internal:5000/inner\(path)?\(query)"
      case .withoutScheme: "//registry.internal\(path)?\(query)"
      case .relative: "?\(query)"
      case .innerName:
        "/repository/hosted" + path.replacing("/v2/new/", with: "/v2/").replacing("/v2/old/", with: "/v2/")
          + "?\(query)"
      case .innerNameAndHost:
        "http://registry.internal"
          + path.replacing("/v2/new/", with: "/v2/").replacing("/v2/old/", with: "/v2/") + "?\(query)"
      case .longerName: "http://registry.internal" + path.replacing("/v2/", with: "/v2/hosted/") + "?\(query)"
      }
    }

    var testDescription: String { rawValue }
  }

  @Test(arguments: Writing.allCases) func `as the next page is asked for where the first was`(
    _ writing: Writing
  )
    throws
  {
    let registry = ScriptedRegistry { request in
      switch (request.path, request.query?.contains("from=2")) {
      case ("/v2/old/app/tags/list", true): ScriptedResponse(json: #"{"name":"old/app","tags":["3"]}"#)
      case ("/v2/old/app/tags/list", _):
        ScriptedResponse(
          headers: [
            (
              "Link",
              "<\(writing.link("/v2/old/app/tags/list", "from=2", host: request.header("Host") ?? ""))>; rel=\"next\""
            )
          ], json: #"{"name":"old/app","tags":["1","2"]}"#)
      default: nil
      }
    }
    let result = try ferry.run(["list", "--plain-http", registry.reference("old/app")], exits: 0)
    #expect(result.lines.sorted() == ["1", "2", "3"].map { registry.reference("old/app:\($0)") })
  }

  @Test(arguments: Writing.allCases.filter { $0 != .relative })
  func `as an upload's is used where the upload was begun`(_ writing: Writing) throws {
    let archive = try archive()
    let opened = Mutex(0)
    let registry = ScriptedRegistry { request in
      guard request.method == "POST", request.path.hasSuffix("/blobs/uploads/") else { return nil }
      let number = opened.withLock { count in
        count += 1
        return count
      }
      let location = writing.link(
        "\(request.path)\(number)", "_state=\(number)", host: request.header("Host") ?? "")
      return ScriptedResponse(202, headers: [("Location", location)])
    }
    try ferry.run(["import", archive, "--plain-http", "--to", "\(registry.host)/new"], exits: 0)
    #expect(registry.tags == ["new/app:1"])
  }

  @Test func `is not followed to a stranger with a layer`() throws {
    let archive = try archive()
    // A host that is there and takes everything: only its owner knows whether layers may go there.
    let stranger = ScriptedServer { _ in ScriptedResponse(201) }
    let registry = ScriptedRegistry { request in
      switch request.method {
      case "POST": ScriptedResponse(202, headers: [("Location", stranger.url("/bucket/1"))])
      default: nil
      }
    }
    let result = try ferry.run(
      ["import", archive, "--plain-http", "--to", "\(registry.host)/new", "--retries", "0"], exits: 13)
    result.complains(stranger.host, "--upload-host")
    #expect(stranger.requests.isEmpty)
    let storage = ScriptedRegistry()
    let allowed = ScriptedRegistry { request in
      guard request.method == "POST" else { return nil }
      return ScriptedResponse(202, headers: [("Location", storage.server.url("/v2/new/app/blobs/uploads/7"))])
    }
    try ferry.run(
      [
        "import", archive, "--plain-http", "--to", "\(allowed.host)/new", "--retries", "0",
        "--upload-host", storage.host,
      ], exits: 13
    ).complains("said that it has taken the blob")
    #expect(storage.server.requests.allSatisfy { $0.header("Authorization") == nil })
    #expect(storage.server.lines.contains { $0.hasPrefix("PUT ") || $0.hasPrefix("PATCH ") })
  }

  @Test(arguments: [301, 302, 303, 307, 308]) func `as a redirect on its own origin is followed`(
    _ status: Int
  )
    throws
  {
    let registry = ScriptedRegistry { request in
      guard request.method == "GET", request.query == nil, request.path.contains("/old/app/") else {
        return nil
      }
      return ScriptedResponse(status, headers: [("Location", "\(request.path)?moved=1")])
    }
    registry.add(image: [[1, 2, 3]], to: "old/app", tag: "1")
    try ferry.export([registry.reference("old/app:1")], to: "a.tar")
    try ferry.run(["verify", "a.tar"], exits: 0)
  }

  @Test(arguments: [307, 308]) func `as a redirect keeps method and body of what is pushed`(_ status: Int)
    throws
  {
    let archive = try archive()
    let registry = ScriptedRegistry { request in
      guard ["POST", "PUT", "PATCH"].contains(request.method), request.query?.contains("moved=1") != true
      else { return nil }
      let query = request.query.map { "\($0)&" } ?? ""
      return ScriptedResponse(status, headers: [("Location", "\(request.path)?\(query)moved=1")])
    }
    try ferry.run(["import", archive, "--plain-http", "--to", "\(registry.host)/new"], exits: 0)
    #expect(registry.tags == ["new/app:1"])
  }

  @Test func `leads from page to page of what refers to an image, and of the catalog`() throws {
    let registry = ScriptedRegistry { request in
      guard request.path == "/v2/_catalog" else { return nil }
      return request.query?.contains("last=a") == true
        ? ScriptedResponse(json: #"{"repositories":["old/b"]}"#)
        : ScriptedResponse(
          headers: [("Link", "<https://registry.internal/inner/v2/_catalog?last=a>; rel=\"next\"")],
          json: #"{"repositories":["old/a"]}"#)
    }
    for name in ["old/a", "old/b"] { registry.add(image: [[1]], to: name, tag: "1") }
    let result = try ferry.run(["list", "--plain-http", registry.host], exits: 0)
    #expect(result.lines == ["old/a:1", "old/b:1"].map(registry.reference))
  }

  @Test func `as a stranger's is named, and not gone to`() throws {
    let stranger = ScriptedServer { _ in ScriptedResponse(json: #"{"tags":["stolen"]}"#) }
    let registry = ScriptedRegistry { request in
      request.path == "/v2/old/app/tags/list"
        ? ScriptedResponse(
          headers: [("Link", "<\(stranger.url("/next"))>; rel=\"next\"")], json: #"{"tags":["1"]}"#) : nil
    }
    // Who leads elsewhere is not believed in what it lists either.
    let result = try ferry.run(["list", "--plain-http", registry.reference("old/app")], exits: 13)
    result.complains("leads to another host, \(stranger.host)")
    #expect(stranger.requests.isEmpty)
  }

  @Test func `of what is pushed is named where it is another host's`() throws {
    let archive = try archive()
    let stranger = ScriptedServer { _ in ScriptedResponse(201) }
    for (part, words) in [
      ("/blobs/uploads/", "sends what is pushed on"), ("/manifests/", "sends what is pushed on"),
    ] {
      let registry = ScriptedRegistry { request in
        ["POST", "PUT"].contains(request.method) && request.path.contains(part)
          ? ScriptedResponse(307, headers: [("Location", stranger.url(request.target))]) : nil
      }
      let result = try ferry.run(
        ["import", archive, "--plain-http", "--to", "\(registry.host)/new", "--retries", "0"], exits: 13)
      result.complains(words, stranger.host)
      #expect(registry.tags == [])
    }
    #expect(stranger.requests.isEmpty)
  }

  @Test(arguments: ["", "storage.example/path", "https://storage.example", "a b", "storage.example:x"])
  func `of a host that is allowed is checked`(_ host: String) throws {
    try ferry.run(
      ["import", "a.tar", "--to", "registry.example/new", "--upload-host", host], exits: 64
    ).complains("--upload-host takes a host")
  }

  private func archive() throws -> String {
    let source = ScriptedRegistry()
    source.add(image: [[1, 2, 3]], diffIDs: [BlobDigest.of([1, 2, 3])], to: "old/app", tag: "1")
    try ferry.export([source.reference("old/app:1")], to: "a.tar")
    return "a.tar"
  }

  /// Debian's registry behind nginx, which is asked without TLS and answers with a redirect to it.
  @Test(arguments: [301, 302, 307, 308], [false, true])
  func `of plain HTTP that leads to TLS is followed by every method`(_ status: Int, hasPassword: Bool) throws
  {
    var options = RegistryProcess.Options()
    if hasPassword { options.access = .basic(username: "user", password: "secret") }
    let registry = try RegistryProcess(options)
    let front = try NginxProcess(
      before: registry.host,
      directives: "error_page 497 =\(status) https://$http_host$request_uri;")
    let login =
      ["--plain-http", "--ca-file", try CertificateAuthority.shared().file, "--retries", "0"]
      + (hasPassword ? ["--username", "user", "--password-stdin"] : [])
    try ferry.run(
      ["import", try FixtureArchive.small(), "--to", "\(front.host)/new"] + login, exits: 0, input: "secret")
    let listed = try ferry.run(["list", front.host] + login, exits: 0, input: "secret")
    #expect(listed.lines.count == 6)
    try ferry.run(["export", "-o", "b.tar"] + login + listed.lines, exits: 0, input: "secret")
    try ferry.run(["verify", "b.tar"], exits: 0)
    front.stop()
    let redirected = front.requests.filter { $0.status == status }
    #expect(!redirected.isEmpty)
    // A password is not sent before the way by TLS is known: the root is asked without.
    if hasPassword { #expect(redirected.allSatisfy { $0.path == "/v2/" }) }
  }

  /// Debian's registry, which calls itself by other names than its clients do.
  @Test(arguments: ["host", "hostAndPrefix", "prefix", "prefixAndPath", "relative"])
  func `of a registry behind nginx is understood`(_ kind: String) throws {
    var options = RegistryProcess.Options()
    options.catalogEntries = 2
    if kind.hasPrefix("host") { options.externalURL = "http://registry.internal:5000" }
    if kind.lowercased().contains("prefix") { options.prefix = "/inner/" }
    options.givesRelativeURLs = ["relative", "prefixAndPath"].contains(kind)
    let registry = try RegistryProcess(options)
    let inner = options.prefix.map { "\($0)v2/" } ?? "/v2/"
    let front = try NginxProcess(
      before: registry.host,
      directives: """
        location /v2/ {
          proxy_pass http://\(registry.host)\(inner);
          proxy_http_version 1.1;
          proxy_set_header Host \(kind == "prefix" ? "$http_host" : "registry.internal");
          proxy_request_buffering off;
        }
        location /inner/ { return 404; }
        """)
    let trust = ["--ca-file", try CertificateAuthority.shared().file, "--retries", "0"]
    try ferry.run(["import", try FixtureArchive.small(), "--to", "\(front.host)/new"] + trust, exits: 0)
    let listed = try ferry.run(["list", front.host] + trust, exits: 0)
    #expect(listed.lines.count == 6)
    try ferry.run(["export", "-o", "b.tar"] + trust + listed.lines, exits: 0)
    try ferry.run(["verify", "b.tar"], exits: 0)
  }
}
