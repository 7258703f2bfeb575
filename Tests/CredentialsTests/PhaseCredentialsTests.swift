import Credentials
import Foundation
import Registry
import TestSupport
import Testing

/// Where a phase looks, in which order, and what it says of what it finds.
struct `A phase` {
  /// What was warned of.
  private final class Warnings: Sendable {
    nonisolated(unsafe) var all: [CredentialWarning] = []
  }

  private func found(
    by phase: Phase, _ variables: [String: String], explicit: ExplicitCredential = .none,
    authFile: String? = nil, host: String = "nvcr.io", files: [String: String] = [:]
  ) throws -> (FoundCredential, [CredentialWarning]) {
    let environment = Environment(variables)
    let warnings = Warnings()
    let credentials = PhaseCredentials(
      phase: phase, explicit: explicit, authFile: authFile,
      twoKeyHosts: TwoKeyHosts(
        contains: { $0 == "nvcr.io" },
        phase: { credential in
          guard case .basic(_, let key) = credential else { return nil }
          return Phase(rawValue: String(key.prefix { $0 != "-" }))
        }),
      environment: environment, helpers: HelperAnswers(environment: environment),
      read: { path, _ in files[path].map { Array($0.utf8) } }, warn: { warnings.all.append($0) })
    return (try credentials.find(host: host, repository: "org/app"), warnings.all)
  }

  private func source(
    of phase: Phase, _ variables: [String: String], host: String = "nvcr.io"
  ) throws -> CredentialSource {
    try found(by: phase, variables, host: host).0.source
  }

  @Test func `takes its own variables, and never the other's`() throws {
    let variables = ["FERRY_EXPORT_API_KEY": "e", "FERRY_IMPORT_USERNAME": "u", "FERRY_IMPORT_PASSWORD": "p"]
    let (export, _) = try found(by: .export, variables)
    #expect(export.credential == .basic(username: "$oauthtoken", password: "e"))
    #expect(export.source == .environment(["FERRY_EXPORT_API_KEY"]))
    let (other, _) = try found(by: .import, variables)
    #expect(other.credential == .basic(username: "u", password: "p"))
    #expect(other.source == .environment(["FERRY_IMPORT_USERNAME", "FERRY_IMPORT_PASSWORD"]))
    #expect(try source(of: .export, ["FERRY_IMPORT_API_KEY": "i"]) == .anonymous)
  }

  @Test func `takes NGC's variables for import alone, and for these hosts alone`() throws {
    let variables = ["NGC_CLI_API_KEY": "k"]
    #expect(try source(of: .import, variables) == .environment(["NGC_CLI_API_KEY"]))
    #expect(
      try source(of: .import, ["NGC_API_KEY": ""].merging(variables) { $1 })
        == .environment(["NGC_CLI_API_KEY"]))
    #expect(try source(of: .export, variables) == .anonymous)
    #expect(try source(of: .import, variables, host: "registry.example") == .anonymous)
  }

  @Test func `takes nothing by half`() throws {
    #expect(throws: CredentialError.halfSet(present: .exportUsername, missing: .exportPassword)) {
      try source(of: .export, ["FERRY_EXPORT_USERNAME": "u"])
    }
    #expect(throws: CredentialError.halfSet(present: .importPassword, missing: .importUsername)) {
      try source(of: .import, ["FERRY_IMPORT_PASSWORD": "p", "FERRY_IMPORT_USERNAME": ""])
    }
  }

  @Test func `prefers what was given for this run, and looks no further`() throws {
    let login = ExplicitCredential.login(username: "u", password: "p")
    #expect(try found(by: .export, ["FERRY_EXPORT_API_KEY": "e"], explicit: login).0.source == .flags)
  }

  @Test func `names the auth file that cannot be used, and why`() throws {
    let files = ["a.json": "no json", "b.json": #"{"auths":{"nvcr.io":{"registrytoken":"t"}}}"#]
    #expect(throws: CredentialError.unreadable(path: "c.json")) {
      try found(by: .export, [:], authFile: "c.json", files: files)
    }
    #expect(throws: CredentialError.authFile(path: "b.json", .registryTokenAlone(key: "nvcr.io"))) {
      try found(by: .export, [:], authFile: "b.json", files: files)
    }
    let error = #expect(throws: CredentialError.self) {
      try found(by: .export, [:], authFile: "a.json", files: files)
    }
    guard case .authFile("a.json", .malformed) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  /// Auth files that name a helper which is not there, with what is found and whom it was missed from.
  @Test(arguments: [
    (#"{"credsStore":"gone"}"#, "docker-py#2499"), (#"{"credHelpers":{"r.example":"gone"}}"#, "for-mac#3785"),
    (#"{"credHelpers":{"r.example/org":"gone"}}"#, "of a namespace"),
    (#"{"auths":{"r.example":{}},"credsStore":"gone"}"#, "beside docker's empty entry"),
  ])
  func `goes on without a helper that cannot be had, and says so`(file: String, report: String) throws {
    let home = TemporaryDirectory()
    try FileManager.default.createDirectory(atPath: home.file(".docker"), withIntermediateDirectories: true)
    let path = home.write(file, to: ".docker/config.json")
    let (found, warnings) = try self.found(
      by: .export, ["HOME": home.path, "PATH": home.path], host: "r.example", files: [path: file])
    #expect(found.source == .anonymous)
    #expect(found.missed.map(\.name) == ["gone"])
    #expect(found.missed.first?.failure == .notFound)
    #expect(warnings == found.missed.map { .helperGaveNothing($0) })
    // The next place is looked in all the same.
    try FileManager.default.createDirectory(
      atPath: home.file(".config/containers"), withIntermediateDirectories: true)
    let other = #"{"auths":{"r.example":{"auth":"dTpw"}}}"#
    let next = home.write(other, to: ".config/containers/auth.json")
    let (second, more) = try self.found(
      by: .export, ["HOME": home.path, "PATH": home.path], host: "r.example",
      files: [path: file, next: other])
    #expect(second.source == .authFile(path: next, entry: "r.example"))
    #expect(more == warnings)
  }

  @Test func `asks no stranger's way where the file that was named has a helper for the host`() throws {
    let files = [
      "own.json": #"{"credHelpers":{"r.example":"gone"}}"#, "store.json": #"{"credsStore":"gone"}"#,
    ]
    #expect(throws: CredentialError.helperFailed(name: "gone", server: "r.example", .notFound)) {
      try self.found(by: .export, ["PATH": "/bin"], authFile: "own.json", host: "r.example", files: files)
    }
    let (found, _) = try self.found(
      by: .export, ["PATH": "/bin"], authFile: "store.json", host: "r.example", files: files)
    #expect(found.source == .anonymous)
  }

  @Test func `looks in docker's places, then in podman's, and in the next where one has nothing`() throws {
    let home = TemporaryDirectory()
    let login = #"{"auths":{"r.example":{"auth":"dTpw"}}}"#
    let nothing = #"{"auths":{"other.example":{"auth":"dTpw"}}}"#
    var variables = ["HOME": home.path, "XDG_RUNTIME_DIR": home.file("run")]
    var files: [String: String] = [:]
    func put(_ text: String, _ name: String) throws -> String {
      let path = home.file(name)
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      files[path] = text
      return home.write(text, to: name)
    }
    func expect(_ path: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
      let source = try found(by: .import, variables, host: "r.example", files: files).0.source
      #expect(source == .authFile(path: path, entry: "r.example"), sourceLocation: sourceLocation)
    }
    try expect(put(login, ".config/containers/auth.json"))
    try expect(put(login, "run/containers/auth.json"))
    try expect(put(login, ".docker/config.json"))
    _ = try put(nothing, ".docker/config.json")
    try expect(home.file("run/containers/auth.json"))
    _ = try put(nothing, "run/containers/auth.json")
    try expect(home.file(".config/containers/auth.json"))
    variables["XDG_CONFIG_HOME"] = home.file("settings")
    try expect(put(login, "settings/containers/auth.json"))
    variables["DOCKER_CONFIG"] = home.file("docker")
    try expect(put(login, "docker/config.json"))
    variables["REGISTRY_AUTH_FILE"] = try put(login, "named.json")
    try expect(home.file("named.json"))
    _ = try put(nothing, "named.json")
    try expect(home.file("docker/config.json"))
  }

  @Test func `names entries that are broken, and uses the others`() throws {
    let file = #"{"auths":{"r.example":{"auth":"dTpw"},"null.example":null,"odd.example":{"auth":"%"}}}"#
    let (found, warnings) = try self.found(
      by: .export, [:], authFile: "a.json", host: "r.example", files: ["a.json": file])
    #expect(found.credential == .basic(username: "u", password: "p"))
    #expect(
      warnings == ["null.example", "odd.example"].map { .brokenEntry(path: "a.json", key: $0) })
  }

  @Test func `says when both phases would take one entry, and when the key looks like the other's`() throws {
    // "import-key"
    let files = ["a.json": #"{"auths":{"nvcr.io":{"auth":"dTppbXBvcnQta2V5"}}}"#]
    let (_, warnings) = try found(by: .export, [:], authFile: "a.json", files: files)
    let source = CredentialSource.authFile(path: "a.json", entry: "nvcr.io")
    #expect(
      warnings == [
        .keyOfOtherPhase(host: "nvcr.io", phase: .export), .sharedByPhases(host: "nvcr.io", source),
      ])
    #expect(try found(by: .import, [:], authFile: "a.json", files: files).1.count == 1)
    let own = ["FERRY_IMPORT_API_KEY": "import-k"]
    #expect(try found(by: .export, own, authFile: "a.json", files: files).1.count == 1)
  }
}

struct `A secret that was given` {
  @Test(arguments: ["key", " key\n", "key\r\n"])
  func `is what stands in the file, without white space around it`(
    text: String
  ) throws {
    guard case .apiKey("key", "f") = try ExplicitCredential.apiKey(path: "f", content: Array(text.utf8))
    else {
      Issue.record("another key")
      return
    }
  }

  @Test(arguments: ["", "\n", "a\nb", "\u{0}\n\u{0}"]) func `is one line`(text: String) {
    #expect(throws: CredentialError.notAKey(path: "f")) {
      _ = try ExplicitCredential.apiKey(path: "f", content: Array(text.utf8))
    }
  }

  @Test func `must come`() {
    #expect(throws: CredentialError.noPasswordOnStandardInput) {
      _ = try ExplicitCredential.login(username: "u", input: [10])
    }
    #expect(throws: CredentialError.unreadable(path: "f")) {
      _ = try ExplicitCredential.apiKey(path: "f", content: nil)
    }
  }
}
