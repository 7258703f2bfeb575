import Testing

@testable import Registry

@Suite struct `A challenge parser` {
  struct Case: CustomTestStringConvertible, Sendable {
    let header: [String]
    let expected: [Challenge]
    var testDescription: String { header.joined(separator: " | ") }

    init(_ header: String..., is expected: [Challenge]) {
      self.header = header
      self.expected = expected
    }
  }

  static func bearer(_ parameters: [String: String]) -> Challenge {
    Challenge(scheme: "bearer", parameters: parameters)
  }

  static let cases: [Case] = [
    Case(
      #"Bearer realm="https://nvcr.io/proxy_auth""#,
      is: [bearer(["realm": "https://nvcr.io/proxy_auth"])]),
    Case(
      #"Bearer realm="https://r/token",service="r.io",scope="repository:a/b:pull""#,
      is: [bearer(["realm": "https://r/token", "service": "r.io", "scope": "repository:a/b:pull"])]),
    // Any order.
    Case(
      #"Bearer scope="repository:a/b:pull",service="r.io",realm="https://r/token""#,
      is: [bearer(["realm": "https://r/token", "service": "r.io", "scope": "repository:a/b:pull"])]),
    // Unquoted, to the next comma or the end.
    Case(
      "Bearer realm=https://r:5000/token?a=b,service=r.io",
      is: [bearer(["realm": "https://r:5000/token?a=b", "service": "r.io"])]),
    Case(
      #"Bearer realm="https://registry.nvidia.com/v2/auth",service="registry.nvidia.com",scope=repository:nvidia/theano:pull"#,
      is: [
        bearer([
          "realm": "https://registry.nvidia.com/v2/auth", "service": "registry.nvidia.com",
          "scope": "repository:nvidia/theano:pull",
        ])
      ]),
    Case(
      #"Bearer scope=repository:nvidia/theano:pull,realm="https://registry.nvidia.com/v2/auth""#,
      is: [
        bearer(["realm": "https://registry.nvidia.com/v2/auth", "scope": "repository:nvidia/theano:pull"])
      ]),
    Case(
      #"Bearer realm="https://r/t",scope=repository:a/b:pull,push,service=s"#,
      is: [bearer(["realm": "https://r/t", "scope": "repository:a/b:pull,push", "service": "s"])]),
    Case(
      #"Bearer realm="https://r/t",scope=repository:a/b:pull,push"#,
      is: [bearer(["realm": "https://r/t", "scope": "repository:a/b:pull,push"])]),
    // Blanks round '=' and ','.
    Case(
      "Bearer   realm = \"https://r/t\" ,\tservice\t=\ts  , scope = \"x:y:z\" ",
      is: [bearer(["realm": "https://r/t", "service": "s", "scope": "x:y:z"])]),
    // A trailing comma, and stray ones.
    Case(#"Bearer realm="https://r/t","#, is: [bearer(["realm": "https://r/t"])]),
    Case(
      #",, Bearer realm="https://r/t",,service="s",,"#,
      is: [bearer(["realm": "https://r/t", "service": "s"])]),
    // Commas and escapes inside quotes.
    Case(
      #"Bearer realm="https://r/t",scope="repository:a/b:pull,push""#,
      is: [bearer(["realm": "https://r/t", "scope": "repository:a/b:pull,push"])]),
    Case(
      #"Bearer realm="https://r/t",service="a \"quoted\", \\ name""#,
      is: [bearer(["realm": "https://r/t", "service": #"a "quoted", \ name"#])]),
    // Names without case.
    Case(#"BEARER Realm="https://r/t",SERVICE="S""#, is: [bearer(["realm": "https://r/t", "service": "S"])]),
    Case(#"bEaReR rEALM="https://r/t""#, is: [bearer(["realm": "https://r/t"])]),
    // The first duplicate wins.
    Case(
      #"Bearer realm="https://first/t",realm="https://second/t",service="a",Service="b""#,
      is: [bearer(["realm": "https://first/t", "service": "a"])]),
    Case(
      #"Bearer realm="https://r/t",scope=a:b:pull,scope=c:d:pull,push"#,
      is: [bearer(["realm": "https://r/t", "scope": "a:b:pull"]), Challenge(scheme: "push")]),
    // Several challenges in one line and in several.
    Case(
      #"Basic realm="r", Bearer realm="https://r/t",service="s""#,
      is: [
        Challenge(scheme: "basic", parameters: ["realm": "r"]),
        bearer(["realm": "https://r/t", "service": "s"]),
      ]),
    Case(
      #"Bearer realm="https://r/t",service="s", Basic realm="r""#,
      is: [
        bearer(["realm": "https://r/t", "service": "s"]),
        Challenge(scheme: "basic", parameters: ["realm": "r"]),
      ]),
    Case(
      #"Basic realm="r""#, #"Bearer realm="https://r/t""#,
      is: [Challenge(scheme: "basic", parameters: ["realm": "r"]), bearer(["realm": "https://r/t"])]),
    Case(
      #"Negotiate, Basic realm="r""#,
      is: [Challenge(scheme: "negotiate"), Challenge(scheme: "basic", parameters: ["realm": "r"])]),
    Case(
      #"Negotiate YII/x+y==, Bearer realm="https://r/t""#,
      is: [Challenge(scheme: "negotiate"), bearer(["realm": "https://r/t"])]),
    Case("Basic", is: [Challenge(scheme: "basic")]),
    Case(
      #"Bearer service="s", Bearer realm="https://r/t""#,
      is: [bearer(["service": "s"]), bearer(["realm": "https://r/t"])]),
    // What is none.
    Case("", is: []),
    Case(",", is: []),
    Case("=", is: []),
    Case(#""Bearer realm=x""#, is: []),
    Case(#"realm="https://r/t""#, is: []),
    // Not closed.
    Case(#"Bearer realm="https://r/t"#, is: [bearer(["realm": "https://r/t"])]),
    Case(#"Bearer realm="https://r/t\"#, is: [bearer(["realm": "https://r/t"])]),
    Case("Bearer realm=", is: [bearer([:])]),
    Case(
      #"Bearer realm="https://r/t"junk,service="s""#, is: [bearer(["realm": "https://r/t", "service": "s"])]),
    Case(
      #"Bearer realm="https://r/t" service="s""#, is: [bearer(["realm": "https://r/t", "service": "s"])]),
  ]

  @Test(arguments: cases) func `reads`(_ example: Case) {
    #expect(Challenge.parse(example.header) == example.expected)
  }

  @Test(arguments: [
    #"Bearer realm="https://r/t",scope="",service="""#, "Bearer realm=https://r/t,scope=,service=",
  ])
  func `takes an empty scope and service as absent`(_ header: String) {
    let challenge = Challenge.parse([header]).first
    #expect(challenge?.realm == "https://r/t")
    #expect(challenge?.scope == nil)
    #expect(challenge?.service == nil)
  }

  @Test(arguments: [#"Bearer service="s""#, #"Bearer realm="",service="s""#, "Bearer"])
  func `does not use a Bearer challenge without a realm`(_ header: String) {
    #expect(Challenge.parse([header]).allSatisfy { !$0.isUsableBearer })
  }

  @Test func `reads why a token was refused`() {
    let header = #"Bearer realm="https://authn.nvidia.com/token",service="registry",error="invalid_token""#
    #expect(Challenge.parse([header]).first?.error == "invalid_token")
  }

  @Test func `is bounded, whatever a server sends`() {
    let many = String(repeating: "a, ", count: 100_000)
    #expect(Challenge.parse(Array(repeating: many, count: 1000)).count <= 256)
    let parameters = "Bearer " + (0..<10_000).map { "p\($0)=1" }.joined(separator: ",")
    #expect(Challenge.parse([parameters]).first.map { $0.parameters.count <= 32 } == true)
    #expect(Challenge.parse(["Bearer realm=\"" + String(repeating: "x", count: 1 << 20)]).count == 1)
  }

  @Test(arguments: UInt64(0)..<8) func `reads any bytes without a trap, and to the end`(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let words = [
      "Bearer", "Basic", "realm", "scope", "=", "\"", "\\", ",", " ", "\t", "repository:a/b:pull", "push",
      "==", "é",
      "\0", "https://r/t", ";", "<", "\u{202E}",
    ]
    for _ in 0..<2_000 {
      var text = ""
      for _ in 0..<Int.random(in: 0..<24, using: &random) {
        if Bool.random(using: &random), let word = words.randomElement(using: &random) {
          text += word
        } else {
          text += String(decoding: [UInt8.random(in: 0...255, using: &random)], as: UTF8.self)
        }
      }
      for challenge in Challenge.parse([text, text]) {
        #expect(!challenge.scheme.isEmpty && challenge.scheme == challenge.scheme.lowercased())
        #expect(challenge.parameters.keys.allSatisfy { !$0.isEmpty && $0 == $0.lowercased() })
      }
      // Whatever stands before it on other lines, a good challenge is found.
      let good = Challenge(scheme: "bearer", parameters: ["realm": "https://r/t"])
      #expect(Challenge.parse([text, #"Bearer realm="https://r/t""#]).last == good)
    }
  }
}
