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

  /// What stands in an entry's place, and whether it leaves the host to the store of all.
  @Test(arguments: [
    ("null", true), ("{}", true), ("5", false), ("[]", false), (#""dTpw""#, false), ("true", false),
    (#"{"auth":5}"#, false), (#"{"auth":{"user":"u"}}"#, false), (#"{"auth":"%%%"}"#, false),
    (#"{"username":["u"],"password":"p"}"#, false), (#"{"identitytoken":7}"#, false),
  ])
  func `with a broken entry is none the worse for the others, and names it`(
    _ entry: String, _ isEmpty: Bool
  ) throws {
    let file = try Self.file(
      #"{"auths":{"bad.example":\#(entry),"good.example":{"auth":"dTpw"}},"credsStore":"all"}"#)
    #expect(
      try file.lookup(host: "good.example", repository: "a")?.source
        == .stored(.basic(username: "u", password: "p")))
    #expect(file.brokenKeys == (entry == "{}" ? [] : ["bad.example"]))
    if isEmpty {
      #expect(
        try file.lookup(host: "bad.example", repository: "a")?.source
          == .helper(name: "all", server: "bad.example"))
    } else {
      #expect(throws: AuthFileError.noLogin(key: "bad.example")) {
        try file.lookup(host: "bad.example", repository: "a")
      }
    }
  }

  @Test func `with a broken helper's name is none the worse for the others`() throws {
    let file = try Self.file(#"{"credHelpers":{"a.example":null,"b.example":["x"],"c.example":"pass"}}"#)
    #expect(file.brokenKeys == ["a.example", "b.example"])
    #expect(try file.lookup(host: "a.example", repository: nil) == nil)
    #expect(
      try file.lookup(host: "c.example", repository: nil)?.source
        == .helper(name: "pass", server: "c.example"))
  }

  /// Keys as people and tools write them, each with what it is asked for and whether it is for that.
  @Test(arguments: [
    ("https://r.example/v2/team", "r.example", "team/app", true),
    ("https://r.example/v2/team/", "r.example", "team/app", true),
    ("https://r.example/v1/team", "r.example", "team/deep/app", true),
    ("https://r.example/v2/team", "r.example", "teams/app", false),
    ("https://r.example/v2/team", "r.example", "other/app", false),
    ("https://r.example/v1/", "r.example", "any/app", true),
    ("https://r.example/v2", "r.example", "any/app", true),
    ("r.example/team/", "r.example", "team/app", true), ("r.example//team", "r.example", "team/app", true),
    ("r.example/v2/team", "r.example", "v2/team", true),
    ("r.example/v2/team", "r.example", "team/app", false),
    ("http://r.example", "r.example", "any/app", true),
    ("HTTPS://R.EXAMPLE/v2/team", "r.example", "team", true),
    ("R.Example:5000", "r.example:5000", "a", true), ("r.example", "R.EXAMPLE", "a", true),
    ("r.example:5000/team", "r.example:5000", "team/app", true),
    ("r.example:5000/team", "r.example", "team/app", false), ("r.example", "r.example:5000", "a", false),
    ("r.example:443", "r.example", "a", true), ("r.example", "r.example:443", "a", true),
    ("http://r.example:80", "r.example", "a", true), ("http://r.example:443", "r.example", "a", false),
    ("[::1]:5000/team", "[::1]:5000", "team/app", true),
  ])
  func `understands a key`(_ key: String, _ host: String, _ repository: String, _ isItsOwn: Bool) throws {
    let file = try Self.file(#"{"auths":{"\#(key)":{"auth":"\#(Self.auth("u:p"))"}}}"#)
    #expect(try file.lookup(host: host, repository: repository)?.key == (isItsOwn ? key : nil))
  }

  @Test func `takes the namespace that is nearest, however its key is written`() throws {
    let file = try Self.file(
      #"""
      {"auths":{"https://r.example":{"auth":"\#(Self.auth("a:host"))"},
      "https://r.example/v2/team/":{"auth":"\#(Self.auth("a:team"))"},
      "R.Example/team/deep":{"auth":"\#(Self.auth("a:deep"))"}}}
      """#)
    let password: (String) throws -> Credential = { name in
      guard case .stored(let credential) = try file.lookup(host: "r.example", repository: name)?.source else {
        throw CancellationError()
      }
      return credential
    }
    #expect(try password("team/deep/app") == .basic(username: "a", password: "deep"))
    #expect(try password("team/app") == .basic(username: "a", password: "team"))
    #expect(try password("other/app") == .basic(username: "a", password: "host"))
  }

  @Test func `passes over an empty entry for one that says the same otherwise`() throws {
    let file = try Self.file(#"{"auths":{"r.example":{},"https://r.example/v1/":{"auth":"dTpw"}}}"#)
    #expect(try file.lookup(host: "r.example", repository: nil)?.key == "https://r.example/v1/")
  }

  @Test func `leads on where a helper had nothing`() throws {
    let file = try Self.file(
      #"{"auths":{"r.example/team":{"auth":"dTpw"}},"credHelpers":{"r.example/team":"one","r.example":"two"},"credsStore":"all"}"#
    )
    var vain: Set<AuthFile.Source> = []
    func next(_ repository: String) throws -> AuthFile.Source? {
      let source = try file.lookup(host: "r.example", repository: repository, passingOver: vain)?.source
      if let source { vain.insert(source) }
      return source
    }
    #expect(try next("team/app") == .helper(name: "one", server: "r.example/team"))
    #expect(try next("team/app") == .stored(.basic(username: "u", password: "p")))
    #expect(try next("other") == .helper(name: "two", server: "r.example"))
    #expect(try next("other") == .helper(name: "all", server: "r.example"))
    #expect(try next("other") == nil)
  }

  @Test(arguments: ["", "[]", "no json", #"{"auths":[]}"#, #"{"credHelpers":5}"#, "\u{0}"])
  func `is refused when it is no such file`(_ text: String) throws {
    let error = #expect(throws: AuthFileError.self) { try Self.file(text) }
    guard case .malformed = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
