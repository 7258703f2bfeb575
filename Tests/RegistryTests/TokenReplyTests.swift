import Foundation
import Testing

@testable import Registry

@Suite struct `A token reply` {
  static let now: Int64 = 1_800_000_000

  static func reply(_ json: String) -> TokenReply? {
    TokenReply(bytes: Array(json.utf8), now: now)
  }

  /// A JWT whose signature nobody checks.
  static func jwt(_ claims: String) -> String {
    let part: (String) -> String = {
      Data($0.utf8).base64EncodedString().replacingOccurrences(of: "=", with: "")
        .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
    }
    return "\(part(#"{"alg":"none"}"#)).\(part(claims)).c2ln"
  }

  @Test(arguments: [
    #"{"token":"t"}"#, #"{"access_token":"t"}"#, #"{"token":"t","access_token":"u"}"#,
    #"{"token":"","access_token":"t"}"#, #"{"token":null,"access_token":"t","extra":[1]}"#,
  ])
  func `has its token under either name`(_ json: String) {
    #expect(Self.reply(json)?.token == "t")
  }

  @Test(arguments: [
    "", "{}", "[]", "null", "<html>", #"{"token":""}"#, #"{"token":5}"#, #"{"token":"a b"}"#,
    #"{"token":"a\r\nX-Evil: 1"}"#, #"{"token":"é"}"#,
    // Two readings.
    #"{"token":"t","token":"u"}"#, #"{"token":"t","Token":"u"}"#, #"{"Token":"t"}"#,
    #"{"access_token":"t","Access_Token":"u"}"#, #"{"to\u006ben":"t","token":"u"}"#, #"{"token":"t"} {}"#,
    "{\"token\":\"" + String(repeating: "x", count: 70_000) + "\"}",
  ])
  func `is nil without a token that can stand in a header`(_ json: String) {
    #expect(Self.reply(json) == nil)
  }

  struct Life: CustomTestStringConvertible, Sendable {
    let json: String
    let seconds: Int
    var testDescription: String { "\(json.prefix(60)) → \(seconds) s" }
  }

  @Test(arguments: [
    Life(json: #"{"token":"t"}"#, seconds: 60),
    Life(json: #"{"token":"t","expires_in":300}"#, seconds: 300),
    Life(json: #"{"token":"t","expires_in":"300"}"#, seconds: 300),
    Life(json: #"{"token":"t","expires_in":299.9}"#, seconds: 299),
    Life(json: #"{"token":"t","expires_in":2}"#, seconds: 2),
    Life(json: #"{"token":"t","expires_in":0}"#, seconds: 60),
    Life(json: #"{"token":"t","expires_in":-5}"#, seconds: 60),
    Life(json: #"{"token":"t","expires_in":null}"#, seconds: 60),
    Life(json: #"{"token":"t","expires_in":1e300}"#, seconds: 86_400),
    Life(json: #"{"token":"t","expires_in":99999999999999999999}"#, seconds: 86_400),
    // From the token itself, by our clock; within its own span when the clocks disagree.
    Life(json: #"{"token":"\#(jwt(#"{"exp":1800000600}"#))"}"#, seconds: 600),
    Life(json: #"{"token":"\#(jwt(#"{"exp":1800000600,"iat":1800000000}"#))"}"#, seconds: 600),
    Life(json: #"{"token":"\#(jwt(#"{"exp":1800000010,"iat":1799999410}"#))"}"#, seconds: 10),
    Life(json: #"{"token":"\#(jwt(#"{"exp":1700000600,"iat":1700000000}"#))"}"#, seconds: 600),
    Life(json: #"{"token":"\#(jwt(#"{"exp":1900000600,"iat":1900000000}"#))"}"#, seconds: 600),
    Life(json: #"{"token":"\#(jwt(#"{"exp":1700000600}"#))"}"#, seconds: 60),
    Life(json: #"{"token":"\#(jwt(#"{"exp":1e308,"iat":-1e308}"#))"}"#, seconds: 86_400),
    // What the answer says goes before what the token says.
    Life(json: #"{"token":"\#(jwt(#"{"exp":1800000600}"#))","expires_in":120}"#, seconds: 120),
  ])
  func `lives`(_ life: Life) {
    #expect(Self.reply(life.json)?.lifetime == .seconds(life.seconds))
  }

  @Test func `is renewed at three quarters of its life`() {
    #expect(Self.reply(#"{"token":"t","expires_in":600}"#)?.renewal == .seconds(450))
  }

  @Test func `says what was granted, if its token does`() {
    let claims = #"{"access":[{"type":"repository","name":"o/t/app","actions":["pull","push"]}]}"#
    #expect(Self.reply(#"{"token":"\#(Self.jwt(claims))"}"#)?.grants == [.push("o/t/app")])
    #expect(Self.reply(#"{"token":"\#(Self.jwt(#"{"access":[]}"#))"}"#)?.grants == [])
    for odd in [
      "null", #""repository:a:pull""#, #"{"a":["push"]}"#, #"[{"type":"repository","name":"a"}]"#,
      #"[{"Type":"repository","Name":"a","Actions":["push"]}]"#, #"[1]"#,
    ] {
      let reply = Self.reply(#"{"token":"\#(Self.jwt(#"{"exp":1800000600,"access":\#(odd)}"#))"}"#)
      #expect(reply?.grants == nil)
      #expect(reply?.lifetime == .seconds(600))
    }
    #expect(Self.reply(#"{"token":"opaque"}"#)?.grants == nil)
    #expect(Self.reply(#"{"token":"a.b.c"}"#)?.grants == nil)
  }

  @Test func `prints no token`() throws {
    let reply = try #require(Self.reply(#"{"token":"s3cret"}"#))
    var dumped = ""
    dump(reply, to: &dumped)
    #expect(!"\(reply) \(String(reflecting: reply)) \(dumped)".contains("s3cret"))
  }
}
