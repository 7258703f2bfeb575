import Foundation
import TestSupport
import Testing

@testable import Images

struct `A glob` {
  @Test(arguments: [
    ("", ""), ("*", ""), ("*", "1.0"), ("1.*", "1.0"), ("1.*", "1."), ("*-py3", "24.01-py3"), ("v?", "v1"),
    ("[0-9]*", "24.01"), ("[!a-z]*", "1x"), ("[^a-z]*", "1x"), ("a*b*c", "aXXbYYc"), ("**", "x"),
    ("a\\*", "a*"), ("a\\\\", "a\\"), ("a\\", "a\\"), ("[]]", "]"), ("[!]]", "x"), ("[a-]", "-"),
    ("[*]", "*"), ("ä?", "äö"), ("*.tar", ".tar.tar"), ("[]-a]", "^"),
  ])
  func `matches`(pattern: String, text: String) throws {
    #expect(try #require(Glob(pattern)).matches(text))
  }

  @Test(arguments: [
    ("", "a"), ("a", ""), ("1.*", "1"), ("v?", "v"), ("v?", "v10"), ("[0-9]", "a"), ("[!a-z]", "a"),
    ("a*b", "a"), ("a\\*", "ab"), ("A", "a"), ("*.tar", "tar"), ("a*b*c", "acb"),
  ])
  func `does not match`(pattern: String, text: String) throws {
    #expect(try #require(Glob(pattern)).matches(text) == false)
  }

  @Test(arguments: ["[", "[a", "[]", "[!", "[!]", "a[", "[z-a]", "[a-"])
  func `is none`(pattern: String) { #expect(Glob(pattern) == nil) }

  @Test func `of many stars takes no time`() throws {
    let glob = try #require(Glob(String(repeating: "*a", count: 200) + "b"))
    let text = String(repeating: "a", count: 2000)
    let time = ContinuousClock().measure { #expect(!glob.matches(text)) }
    #expect(time < .seconds(300))
  }

  @Test func `agrees with the shell`() throws {
    var generator = SeededGenerator(seed: 31)
    var matched = 0
    for _ in 0..<5000 {
      let pattern = String((0..<6).map { _ in "aab*?".randomElement(using: &generator)! })
      let text = String(
        (0..<Int.random(in: 0...7, using: &generator)).map { _ in "ab".randomElement(using: &generator)! })
      let expected = fnmatch(pattern, text, 0) == 0
      #expect(Glob(pattern)?.matches(text) == expected, "\(pattern) \(text)")
      matched += expected ? 1 : 0
    }
    #expect(matched > 100)
  }

  @Test func `never traps`() {
    var generator = SeededGenerator(seed: 32)
    for _ in 0..<3000 {
      let pattern = generator.mutate(Array("a*[!b-d]\\?[]x-]".utf8))
      _ = Glob(String(decoding: pattern, as: UTF8.self))?.matches("abc-]")
    }
  }
}

struct `A choice of tags` {
  @Test(
    arguments: [
      ([], ["1.0", "2.0", "2.0-rc1", "latest"]),
      (["2.*"], ["2.0", "2.0-rc1"]),
      (["1.*", "latest"], ["1.0", "latest"]),
      (["!*-rc*"], ["1.0", "2.0", "latest"]),
      (["2.*", "!*-rc*"], ["2.0"]),
      (["!*-rc*", "2.*"], ["2.0"]),
      (["*", "!*"], []),
      (["nothing"], []),
    ] as [([String], [String])])
  func `takes and takes away`(patterns: [String], expected: [String]) throws {
    let selector = try TagSelector(patterns)
    #expect(["1.0", "2.0", "2.0-rc1", "latest"].filter(selector.selects) == expected)
  }

  @Test func `of everything is everything`() throws { #expect(try TagSelector([]).selects("x")) }

  @Test(arguments: ["", "!", "[", "![", "[b-a]"]) func `names a malformed pattern`(pattern: String) {
    #expect(throws: MalformedGlob(pattern: pattern)) { try TagSelector(["1.*", pattern]) }
  }
}
