import Foundation
import Registry
import Testing

@testable import Credentials

@Suite struct `An auth file` {
  static func file(_ json: String) throws -> AuthFile { try AuthFile(bytes: Array(json.utf8)) }

  static func auth(_ text: String) -> String { Data(text.utf8).base64EncodedString() }

  static let namespaced = """
    {"auths":{
      "nvcr.io":{"auth":"\(auth("$oauthtoken:host"))"},
      "nvcr.io/org":{"auth":"\(auth("$oauthtoken:org"))"},
      "nvcr.io/org/team":{"auth":"\(auth("$oauthtoken:team"))"},
      "nvcr.io/org/team/app":{"auth":"\(auth("$oauthtoken:app"))"}
    }}
    """

  @Test(arguments: [
    (nil, "nvcr.io", "host"), ("other/app", "nvcr.io", "host"), ("organ/app", "nvcr.io", "host"),
    ("org/app", "nvcr.io/org", "org"), ("org/team/x", "nvcr.io/org/team", "team"),
    ("org/team/app", "nvcr.io/org/team/app", "app"), ("org/team/app/deeper", "nvcr.io/org/team/app", "app"),
  ])
  func `gives the longest namespaced key first`(_ repository: String?, _ key: String, _ password: String)
    throws
  {
    let match = try Self.file(Self.namespaced).lookup(host: "nvcr.io", repository: repository)
    #expect(match?.key == key)
    #expect(match?.source == .stored(.basic(username: "$oauthtoken", password: password)))
  }

  @Test(arguments: ["registry.example", "nvcr.io:5000", "io"]) func `has nothing for other hosts`(
    _ host: String
  ) throws {
    #expect(try Self.file(Self.namespaced).lookup(host: host, repository: "org/app") == nil)
  }

  @Test(arguments: [
    ("https://index.docker.io/v1/", "docker.io"), ("index.docker.io", "docker.io"),
    ("docker.io", "docker.io"),
    ("https://registry-1.docker.io/v2/", "docker.io"), ("https://registry.example/v1/", "registry.example"),
    ("http://registry.example:5000", "registry.example:5000"),
    ("https://registry.example/", "registry.example"),
    ("HTTPS://Registry.Example/v2", "registry.example"),
  ])
  func `understands keys with a scheme or a version`(_ key: String, _ host: String) throws {
    let file = try Self.file(#"{"auths":{"\#(key)":{"auth":"\#(Self.auth("u:p"))"}}}"#)
    let match = try file.lookup(host: host, repository: "library/app")
    #expect(match?.key == key)
    #expect(match?.source == .stored(.basic(username: "u", password: "p")))
  }

  @Test func `prefers a key that is spelt like the host`() throws {
    let file = try Self.file(
      #"{"auths":{"https://r.example":{"auth":"\#(Self.auth("a:old"))"},"r.example":{"auth":"\#(Self.auth("a:new"))"}}}"#
    )
    #expect(
      try file.lookup(host: "r.example", repository: nil)?.source
        == .stored(.basic(username: "a", password: "new")))
  }

  @Test(arguments: [
    (#"{"auth":"dTpw"}"#, Credential.basic(username: "u", password: "p")),
    (#"{"auth":"dTpw\n"}"#, .basic(username: "u", password: "p")),
    (#"{"auth":"\#(auth("u:p:with:colons"))"}"#, .basic(username: "u", password: "p:with:colons")),
    (#"{"auth":"\#(auth("u:p\0\0"))"}"#, .basic(username: "u", password: "p")),
    (#"{"auth":"\#(auth("u:"))"}"#, .basic(username: "u", password: "")),
    (#"{"username":"u","password":"p"}"#, .basic(username: "u", password: "p")),
    (#"{"auth":"","username":"u","password":"p","email":"e@example"}"#, .basic(username: "u", password: "p")),
    (#"{"auth":"dTpw","identitytoken":"refresh"}"#, .identityToken(username: "u", token: "refresh")),
    (#"{"identitytoken":"refresh"}"#, .identityToken(username: "", token: "refresh")),
  ])
  func `reads an entry`(_ entry: String, _ credential: Credential) throws {
    let file = try Self.file(#"{"auths":{"r.example":\#(entry)}}"#)
    #expect(try file.lookup(host: "r.example", repository: nil)?.source == .stored(credential))
  }

  @Test(arguments: [
    #"{"auth":"%%%"}"#, #"{"auth":"\#(auth("nocolon"))"}"#, #"{"auth":"\#(auth(":p"))"}"#,
    #"{"username":"u"}"#,
    #"{"password":"p"}"#,
  ])
  func `names an entry it cannot read, and reads the others`(_ entry: String) throws {
    let file = try Self.file(#"{"auths":{"r.example":\#(entry),"good.example":{"auth":"dTpw"}}}"#)
    #expect(throws: AuthFileError.noLogin(key: "r.example")) {
      try file.lookup(host: "r.example", repository: nil)
    }
    #expect(try file.lookup(host: "good.example", repository: nil) != nil)
  }

  @Test func `names the helper of a host, and the store of all`() throws {
    let file = try Self.file(
      #"""
      {"auths":{"stored.example":{"auth":"dTpw"},"asked.example":{},"both.example":{"auth":"dTpw"}},
      "credHelpers":{"helped.example":"secretservice","both.example":"pass","nvcr.io/org":"org"},"credsStore":"desktop"}
      """#)
    let source: (String, String?) throws -> AuthFile.Source? = {
      try file.lookup(host: $0, repository: $1)?.source
    }
    #expect(try source("helped.example", "a") == .helper(name: "secretservice", server: "helped.example"))
    #expect(try source("both.example", "a") == .helper(name: "pass", server: "both.example"))
    #expect(try source("nvcr.io", "org/app") == .helper(name: "org", server: "nvcr.io/org"))
    #expect(try source("stored.example", "a") == .stored(.basic(username: "u", password: "p")))
    #expect(try source("asked.example", "a") == .helper(name: "desktop", server: "asked.example"))
    #expect(try source("other.example", nil) == .helper(name: "desktop", server: "other.example"))
    #expect(try source("docker.io", nil) == .helper(name: "desktop", server: "https://index.docker.io/v1/"))
  }

  @Test(arguments: [
    #"{}"#, #"{"auths":{}}"#, #"{"auths":null,"credsStore":""}"#,
    #"{"HttpHeaders":{"a":"b"},"psFormat":"x"}"#,
  ])
  func `may be empty`(_ json: String) throws {
    #expect(try Self.file(json).lookup(host: "r.example", repository: "a/b") == nil)
  }

  @Test(arguments: ["", "[]", "no json", #"{"auths":[]}"#, #"{"auths":{"r":5}}"#, "\u{0}"])
  func `is refused when it is no such file`(_ text: String) throws {
    let error = #expect(throws: AuthFileError.self) { try Self.file(text) }
    guard case .malformed = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
