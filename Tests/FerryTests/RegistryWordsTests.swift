import Foundation
import TestSupport
import Testing

/// What a registry says in headers and refusals reaches whoever can do something about it, as what it is.
@Suite(.waiting) struct `A registry's own words` {
  private let ferry: FerryProcess
  init() throws { ferry = try FerryProcess() }

  private func archive() throws {
    let source = ScriptedRegistry()
    source.add(image: [[1, 2, 3]], to: "old/app", tag: "1")
    try ferry.export([source.reference("old/app:1")], to: "a.tar")
  }

  private static let deprecated = "This registry endpoint is deprecated and will be removed soon."

  /// A registry that answers what it is asked with `more` in the heads of all its answers.
  private static func warning(_ more: [(String, String)]) -> ScriptedServer {
    let registry = ScriptedRegistry()
    registry.add(image: [[1], [2], [3]], to: "old/app", tag: "1")
    return ScriptedServer { registry.answer($0).adding(headers: more) }
  }

  private static let warnings = [
    ("Warning", "299 - \"\(deprecated)\", 110 - \"Response is stale\""),
    ("warning", "299 - \"\u{1B}[2Jand \\\"this\\\"\""),
  ]

  @Test func `of warning are shown once by every command that speaks to it, and stand in its report`() throws
  {
    let server = Self.warning(Self.warnings)
    try archive()
    let runs = [
      ["export", "--plain-http", "\(server.host)/old/app:1", "-o", "b.tar"],
      ["export", "--plain-http", "\(server.host)/old/app:1", "-o", "c.tar", "--dry-run"],
      ["list", "--plain-http", "\(server.host)/old/app"],
      ["import", "a.tar", "--plain-http", "--to", "\(server.host)/new"],
    ]
    for run in runs {
      for options in [[], ["--json"], ["--quiet"]] {
        let more = run[0] == "export" && !options.isEmpty ? ["--force"] : []
        let result = try ferry.run(run + options + more, exits: 0)
        let shown = result.standardError
        #expect(shown.components(separatedBy: Self.deprecated).count == 2, "\(run): \(shown)")
        #expect(shown.contains("warning: \(server.host) says: \(Self.deprecated)"), "\(shown)")
        #expect(shown.contains("\(server.host) says: [2Jand \"this\""), "\(shown)")
        #expect(!shown.contains("stale") && !shown.contains("\u{1B}"), "\(shown)")
        guard options == ["--json"] else { continue }
        let told = try Report(result).fields["warnings"] as? [String]
        #expect(
          told == ["\(server.host) says: \(Self.deprecated)", "\(server.host) says: [2Jand \"this\""],
          "\(run)")
      }
    }
    let failed = try ferry.run(
      ["export", "--plain-http", "\(server.host)/old/none:1", "-o", "d.tar", "--json"], exits: 12)
    #expect((try Report(failed).fields["warnings"] as? [String])?.count == 2)
  }

  @Test func `of warning without end are not all shown`() throws {
    let registry = ScriptedRegistry()
    for tag in 1...30 { registry.add(image: [[UInt8(tag)]], to: "old/app", tag: "\(tag)") }
    let server = ScriptedServer { request in
      registry.answer(request).adding(headers: [("Warning", "299 - \"of \(request.path)\"")])
    }
    let result = try ferry.run(
      ["export", "--plain-http", "--all-tags", "\(server.host)/old/app", "-o", "a.tar"], exits: 0)
    #expect(result.standardError.components(separatedBy: "says: of ").count == 21)
  }

  struct Refusal: CustomTestStringConvertible, Sendable {
    let report: String
    let part: String
    let status: Int
    let body: String
    let exit: Int32
    let words: [String]

    init(
      _ report: String, _ part: String, _ status: Int, _ body: String, _ exit: Int32, _ words: String...
    ) {
      self.report = report
      self.part = part
      self.status = status
      self.body = body
      self.exit = exit
      self.words = words
    }

    var testDescription: String { "\(report): \(part) \(status)" }

    static func errors(_ code: String, _ message: String) -> String {
      #"{"errors":[{"code":"\#(code)","message":"\#(message)"}]}"#
    }
  }

  /// What a destination answers to a blob or a manifest that it does not take, and what Ferry's exit status is then.
  static let refusals = [
    Refusal("harbor#17097", "blob", 507, "", 16, "has no room"),
    Refusal(
      "nginx", "blob", 413, "<html><h1>413 Request Entity Too Large</h1></html>", 16, "so large", "raised"),
    Refusal(
      "harbor quota", "blob", 403,
      Refusal.errors(
        "DENIED",
        "adding 3.0 MiB of storage resource, which when updated to current usage of 9.1 MiB will exceed the configured upper limit of 10.0 MiB."
      ), 16, "quota", "upper limit of 10.0 MiB", "Free space"),
    Refusal(
      "harbor quota, old", "blob", 412,
      Refusal.errors("PRECONDITION", "will exceed the configured upper limit of quota"), 16, "quota"),
    Refusal(
      "quay", "blob", 403, Refusal.errors("DENIED", "Quota has been exceeded on namespace"), 16, "quota"),
    Refusal(
      "gitlab", "manifest", 403, Refusal.errors("DENIED", "the namespace storage limit has been reached"), 16,
      "quota"),
    Refusal("gar", "blob", 429, Refusal.errors("DENIED", "Storage quota exceeded"), 16, "quota"),
    Refusal(
      "gar, of requests", "manifest", 429,
      Refusal.errors("TOOMANYREQUESTS", "Quota exceeded: requests per minute"),
      13, "429"),
    Refusal(
      "ecr limit", "manifest", 400, #"{"__type":"LimitExceededException","message":"too many images"}"#, 16,
      "quota", "too many images"),
    Refusal(
      "distribution, full disk", "blob", 500,
      #"{"errors":[{"code":"UNKNOWN","detail":{"DriverName":"filesystem","Enclosed":{"Op":"mkdir","Err":28}}}]}"#,
      16, "has no room"),
    Refusal("nginx", "manifest", 413, "", 16, "manifest", "too large", "raised"),
    Refusal("webdav", "manifest", 507, "", 16, "has no room"),
    Refusal(
      "harbor immutable", "manifest", 412,
      Refusal.errors("PRECONDITION", "Failed to process request due to 'app:1' configured as immutable."), 15,
      "immutable", "--map"),
    Refusal(
      "ecr", "manifest", 400,
      Refusal.errors(
        "TAG_INVALID",
        "The image tag '1' already exists in the repository and cannot be overwritten because the repository is immutable."
      ), 15, "immutable", "cannot be overwritten"),
    Refusal(
      "ecr, aws", "manifest", 400, #"{"__type":"ImageTagAlreadyExistsException","message":"m"}"#, 15,
      "immutable"),
    Refusal("a conflict", "manifest", 409, Refusal.errors("TAG_ALREADY_EXISTS", ""), 15, "immutable"),
    Refusal("quay", "manifest", 403, Refusal.errors("DENIED", "tag is immutable"), 15, "immutable"),
    Refusal(
      "gar", "manifest", 400,
      Refusal.errors("MANIFEST_INVALID", "The repository has enabled tag immutability"),
      15, "immutable"),
    Refusal("acr", "manifest", 403, Refusal.errors("DENIED", "the tag has a write lock"), 15, "lock"),
    Refusal(
      "acr, locked", "manifest", 405,
      Refusal.errors("UNSUPPORTED", "The operation is disallowed on this registry, repository or image"), 15,
      "locked"),
    Refusal(
      "nexus", "manifest", 400, Refusal.errors("UNKNOWN", "Repository does not allow updating assets"), 15,
      "immutable"),
    Refusal(
      "a right that is missing", "manifest", 403, Refusal.errors("DENIED", "requested access is denied"), 11,
      "no permission"),
    Refusal(
      "artifactory, a page", "manifest", 403, "<html><title>Forbidden &amp; gone</title></html>", 11,
      "Forbidden & gone"),
    Refusal("nothing", "manifest", 405, "", 16, "read-only"),
  ]

  @Test(arguments: refusals) func `of refusal have a status and a remedy of their own`(_ refusal: Refusal)
    throws
  {
    try archive()
    let registry = ScriptedRegistry { request in
      let isManifest = request.method == "PUT" && request.path.contains("/manifests/1")
      let isBlob = ["PUT", "PATCH"].contains(request.method) && request.path.contains("/blobs/uploads/")
      guard refusal.part == "blob" ? isBlob : isManifest else { return nil }
      return ScriptedResponse(refusal.status, json: refusal.body)
    }
    let result = try ferry.run(
      ["import", "a.tar", "--plain-http", "--to", "\(registry.host)/new", "--retries", "0"],
      exits: refusal.exit)
    for word in refusal.words {
      #expect(result.standardError.contains(word), "\(word): \(result.standardError)")
    }
    #expect(!result.standardError.contains("Check the network"), "\(result.standardError)")
    #expect(registry.tags == [])
  }

  @Test func `of an immutable tag that is what it should be are no failure`() throws {
    // The first answer to the tag is lost, and the registry has it.
    try archive()
    let registry = ScriptedRegistry()
    let lost = ScriptedServer { request in
      let isTag = request.method == "PUT" && request.path.hasSuffix("/manifests/1")
      guard isTag else { return registry.answer(request) }
      if registry.tags.isEmpty {
        _ = registry.answer(request)
        return .reset
      }
      return ScriptedResponse(400, json: Refusal.errors("TAG_INVALID", "the tag is immutable"))
    }
    try ferry.run(["import", "a.tar", "--plain-http", "--to", "\(lost.host)/new"], exits: 0)
    #expect(registry.tags == ["new/app:1"])
  }

  @Test func `of refusal are short, and do nothing to a terminal`() throws {
    let body =
      "<html><style>" + String(repeating: "x{}", count: 9_000) + "</style><h1>\u{1B}[31mGone\u{7}</h1>"
      + String(repeating: "and so on ", count: 9_000)
    let server = ScriptedServer { request in
      request.path == "/v2/" ? ScriptedResponse(200) : ScriptedResponse(418, text: body)
    }
    let result = try ferry.run(
      ["export", "--plain-http", "\(server.host)/a/b:1", "-o", "a.tar"], exits: 13)
    result.complains("418", "[31mGone and so on")
    #expect(result.standardError.utf8.count < 1_000 && !result.standardError.contains("\u{1B}"))
  }
}
