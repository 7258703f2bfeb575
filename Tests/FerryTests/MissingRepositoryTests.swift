import Foundation
import Synchronization
import TestSupport
import Testing

/// Some registries make no repository when something is pushed. Which are missing is told before anything moves, all at
/// once, each with what to type. Names of registries that are known by them lead to loopback through a proxy.
@Suite(.waiting) struct `A repository that has to be made first` {
  private static let proxy = ForwardProxy()

  private let ferry: FerryProcess
  private let names: [String]

  init() throws {
    ferry = try FerryProcess(environment: [
      "http_proxy": "http://\(Self.proxy.host)", "FERRY_IMPORT_USERNAME": "AWS",
      "FERRY_IMPORT_PASSWORD": "pass",
    ])
    let source = ScriptedRegistry()
    let names = (10..<34).map { "app\($0)" }
    for (index, name) in names.enumerated() {
      source.add(image: [[UInt8(index)], [200]], to: "old/\(name)", tag: "1")
    }
    self.names = names
    try ferry.export(names.map { source.reference("old/\($0):1") }, to: "a.tar")
  }

  private func importing(_ place: String, _ options: String...) -> [String] {
    ["import", "a.tar", "--plain-http", "--to", place] + options
  }

  private static func moved(_ registry: ScriptedRegistry) -> Bool {
    registry.server.requests.contains { ["PUT", "PATCH"].contains($0.method) }
  }

  private static let basic = "Basic realm=\"r\""

  /// A registry that has the repositories `made` alone and says of others that it does not know them.
  private static func registry(
    made: @escaping @Sendable (String) -> Bool, hangsUp: Bool = false, asks: Bool = true,
    message: String = "gone"
  ) -> ScriptedRegistry {
    ScriptedRegistry { request in
      if asks, request.header("Authorization") == nil {
        return ScriptedResponse(401, headers: [("WWW-Authenticate", basic)])
      }
      let parts = request.path.split(separator: "/")
      guard let end = parts.lastIndex(where: { ["manifests", "blobs", "tags"].contains($0) }), end > 1,
        !made(parts[1..<end].joined(separator: "/"))
      else { return nil }
      if hangsUp, request.method == "POST" { return .silence }
      return request.method == "HEAD"
        ? ScriptedResponse(404).withoutBody
        : ScriptedResponse(404, json: #"{"errors":[{"code":"NAME_UNKNOWN","message":"\#(message)"}]}"#)
    }
  }

  private static func port(_ registry: ScriptedRegistry) -> Substring {
    registry.host.split(separator: ":")[1]
  }

  private static func command(_ name: String) -> String {
    "aws ecr create-repository --registry-id 123456789012 --repository-name \(name) --region eu-west-1"
  }

  @Test func `at ECR is named with the command, before anything moves, and goes on when it is made`() throws {
    let isMade = Mutex(false)
    let registry = Self.registry(made: { name in name == "acme/app10" || isMade.withLock { $0 } })
    let place = "123456789012.dkr.ecr.eu-west-1.amazonaws.com:\(Self.port(registry))/acme"
    for more in [[], ["--dry-run"]] {
      let result = try ferry.run(importing(place) + more, exits: 12)
      result.complains("23 repositories", "NAME_UNKNOWN, gone", "and 3 more", "--json")
      for name in names[1...20] { result.complains(Self.command("acme/\(name)") + "\n") }
      #expect(!result.standardError.contains("acme/app10 "))
      #expect(!result.standardError.contains("acme/app31"))
      #expect(!Self.moved(registry))
    }
    let report = try Report(ferry.run(importing(place, "--dry-run", "--json"), exits: 12))
    let missing = report.objects("missingRepositories")
    #expect(missing.compactMap { $0["command"] as? String } == names[1...].map { Self.command("acme/\($0)") })
    let host = place.dropLast("/acme".count)
    #expect(missing.compactMap { $0["repository"] as? String } == names[1...].map { "\(host)/acme/\($0)" })

    let some = try ferry.run(importing(place, "--keep-going"), exits: 3)
    some.complains(Self.command("acme/app11"))
    #expect(registry.tags == ["acme/app10:1"])
    isMade.withLock { $0 = true }
    try ferry.run(importing(place), exits: 0)
    #expect(registry.tags.count == names.count)
  }

  /// ECR has been seen to end the connection where an upload is opened in a repository that is not there.
  @Test(arguments: [[], ["--retries", "0"]]) func `is found out where the registry hangs up`(_ more: [String])
    throws
  {
    let registry = Self.registry(made: { $0 != "acme/app11" && $0 != "acme/app12" }, hangsUp: true)
    let place = "123456789012.dkr.ecr.eu-west-1.amazonaws.com:\(Self.port(registry))/acme"
    let start = ContinuousClock.now
    try ferry.run(importing(place) + more, exits: 12)
      .complains("2 repositories", Self.command("acme/app11"), Self.command("acme/app12"))
    #expect(!Self.moved(registry))
    // Not for as long as a line that breaks is tried again.
    let opened = registry.server.requests.filter { $0.method == "POST" && $0.path.contains("/acme/app11/") }
    #expect(opened.count <= 2 && ContinuousClock.now - start < .seconds(55))
  }

  /// A line that breaks is no word on what is there.
  @Test func `is not what a line that breaks once tells`() throws {
    let broke = Mutex(false)
    let registry = ScriptedRegistry { request in
      if request.method == "POST", request.path.contains("/new/app10/"),
        broke.withLock({ broke in
          defer { broke = true }; return !broke
        })
      {
        return .reset
      }
      return request.method == "GET" && request.path.contains("/new/app10/manifests/1")
        && !broke.withLock { $0 }
        ? ScriptedResponse(404, json: #"{"errors":[{"code":"NAME_UNKNOWN"}]}"#) : nil
    }
    try ferry.run(importing("\(registry.host)/new"), exits: 0)
    #expect(registry.tags.count == names.count)
  }

  @Test func `is found out where nobody is asked who comes, and without a command where none is known`()
    throws
  {
    let registry = Self.registry(made: { $0 != "new/app11" }, asks: false)
    for more in [[], ["--dry-run"]] {
      var stranger = ferry
      stranger.environment = [:]
      let result = try stranger.run(importing("\(registry.host)/new") + more, exits: 12)
      result.complains("\(registry.host)/new/app11", "NAME_UNKNOWN", "Create it")
      #expect(!Self.moved(registry))
    }
  }

  @Test func `is none where the registry makes it, whatever it says before`() throws {
    let pushed = Mutex(false)
    let zot = ScriptedRegistry { request in
      if request.method == "PUT" { pushed.withLock { $0 = true } }
      guard request.path.contains("/manifests/"), !pushed.withLock({ $0 }) else { return nil }
      return ScriptedResponse(404, json: #"{"errors":[{"code":"NAME_UNKNOWN"}]}"#)
    }
    try ferry.run(importing("\(zot.host)/new"), exits: 0)
    #expect(zot.tags.count == names.count)
  }

  /// Harbor answers 401 to who names a project that is not there, with an empty challenge; and its token withholds the right.
  private static func harbor(_ access: String) -> (registry: ScriptedRegistry, realm: ScriptedServer) {
    @Sendable func encoded(_ text: String) -> String {
      Data(text.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
        .replacing("=", with: "")
    }
    let realm = ScriptedServer { request in
      let query = request.query?.removingPercentEncoding ?? ""
      let name = query.firstMatch(of: /repository:([^:]+):/).map { String($0.1) } ?? ""
      let claims = access.replacing("$", with: name)
      let token =
        access == "opaque"
        ? "opaque" : "\(encoded(#"{"alg":"none"}"#)).\(encoded(#"{"access":\#(claims)}"#)).c2ln"
      return ScriptedResponse(json: #"{"token":"\#(token)"}"#)
    }
    let registry = ScriptedRegistry { request in
      guard request.header("Authorization")?.hasPrefix("Bearer") == true else {
        return ScriptedResponse(
          401,
          headers: [
            ("WWW-Authenticate", #"Bearer realm="\#(realm.url("/service/token"))",service="harbor-registry""#)
          ],
          json: #"{"errors":[{"code":"UNAUTHORIZED","message":"unauthorized"}]}"#)
      }
      guard request.path.hasPrefix("/v2/nope/") else { return nil }
      let answer = ScriptedResponse(
        401, headers: [("WWW-Authenticate", "")],
        json: #"{"errors":[{"code":"UNAUTHORIZED","message":"project nope not found"}]}"#)
      return request.method == "HEAD" ? answer.withoutBody : answer
    }
    return (registry, realm)
  }

  private static let harborTokens = [
    #"[{"type":"repository","name":"$","actions":[]}]"#, "opaque", "[]",
  ]

  @Test(arguments: harborTokens)
  func `at Harbor is a project, made by its API`(_ access: String) throws {
    let (registry, realm) = Self.harbor(access)
    defer { realm.stop() }
    for more in [[], ["--dry-run"]] {
      let result = try ferry.run(importing("\(registry.host)/nope") + more, exits: 12)
      result.complains(
        "project nope not found",
        #"curl -u AWS -H 'Content-Type: application/json' -d '{"project_name":"nope"}' http://\#(registry.host)/api/v2.0/projects"#
      )
      // One project, one command.
      #expect(result.standardError.components(separatedBy: "/api/v2.0/projects").count == 2)
      #expect(!Self.moved(registry))
    }
  }

  /// Who only reads there hears the same, and no half of a sentence.
  @Test(arguments: harborTokens)
  func `at Harbor is told to who exports and checks`(_ access: String) throws {
    let (registry, realm) = Self.harbor(access)
    defer { realm.stop() }
    let reader = try FerryProcess(environment: [
      "FERRY_EXPORT_USERNAME": "me", "FERRY_EXPORT_PASSWORD": "pass", "FERRY_IMPORT_USERNAME": "me",
      "FERRY_IMPORT_PASSWORD": "pass",
    ])
    let image = "\(registry.host)/nope/app:1"
    let exported = try reader.run(["export", "--plain-http", "-o", "b.tar", image], exits: 12)
    exported.complains("\(registry.host) has no repository nope/app: UNAUTHORIZED, project nope not found")
    let archive = ferry.file("a.tar")
    let checked = try reader.run(
      ["check", archive, "--plain-http", "--to", "\(registry.host)/nope"], exits: 4)
    #expect(checked.lines.filter { $0.hasPrefix("missing  ") }.count == names.count)
    for line in (exported.standardError + checked.standardError).split(separator: "\n") {
      #expect(!line.hasSuffix(": ") && !line.hasSuffix("speak:"), "\(line)")
    }
  }

  @Test func `at Google's Artifact Registry is what lies below the project`() throws {
    let registry = Self.registry(made: { _ in false }, message: #"Repository \"images\" not found"#)
    let place = "europe-west1-docker.pkg.dev:\(Self.port(registry))/proj/images/team"
    let result = try ferry.run(importing(place), exits: 12)
    let command =
      "gcloud artifacts repositories create images --repository-format=docker --location=europe-west1 --project=proj"
    result.complains(command, #"Repository "images" not found"#)
    #expect(result.standardError.components(separatedBy: command).count == 2)
    #expect(!Self.moved(registry))
  }

  @Test func `may be what a denial means, where the registry says so`() throws {
    let registry = ScriptedRegistry { request in
      if request.header("Authorization") == nil {
        return ScriptedResponse(401, headers: [("WWW-Authenticate", Self.basic)])
      }
      guard request.path.contains("/proj/") else { return nil }
      return ScriptedResponse(
        403,
        json:
          #"{"errors":[{"code":"DENIED","message":"Permission denied on resource \"images\" (or it may not exist)"}]}"#
      )
    }
    let place = "us-docker.pkg.dev:\(Self.port(registry))/proj/images"
    try ferry.run(importing(place), exits: 11)
      .complains("may not exist", "gcloud artifacts repositories create images", "--location=us")
  }

  @Test func `is told beside what may not be pushed to`() throws {
    let both = ScriptedRegistry { request in
      if request.header("Authorization") == nil {
        return ScriptedResponse(401, headers: [("WWW-Authenticate", Self.basic)])
      }
      guard request.method == "POST" else { return nil }
      if request.path.contains("/new/app12/") {
        return ScriptedResponse(403, json: #"{"errors":[{"code":"DENIED","message":"not yours"}]}"#)
      }
      return request.path.contains("/new/app11/")
        ? ScriptedResponse(404, json: #"{"errors":[{"code":"NAME_UNKNOWN","message":"not made"}]}"#) : nil
    }
    let result = try ferry.run(importing("\(both.host)/new"), exits: 12)
    result.complains(
      "new/app11", "not made", "Create it", "no permission to push to", "new/app12", "not yours")
    #expect(!Self.moved(both))
  }
}
