import Foundation
import TestSupport
import Testing

@testable import Images

struct `A repository's name` {
  @Test(arguments: [
    "a", "0", "a/b/c/d", "a.b", "a_b", "a__b", "a-b", "a---b", "a1.b2_c3__d4-e5", "library/ubuntu",
    String(repeating: "a", count: 255),
  ])
  func `may be`(name: String) { #expect(RepositoryName.isValid(name)) }

  @Test(arguments: [
    "", "/", "/a", "a/", "a//b", "A", "a b", ".a", "a.", "_a", "a_", "-a", "a-", "a..b", "a___b", "a._b",
    "a-_b", "a.-b", "a/../b", "..", ".", "a:b", "a@b", "ä", "a\0", "a\n", "a/b?", "%61", "a\\b",
    String(repeating: "a", count: 256),
  ])
  func `may not be`(name: String) { #expect(!RepositoryName.isValid(name)) }

  @Test func `is what the specification's expression says`() throws {
    // distribution-spec, "Pulling manifests".
    let pattern =
      /[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*/
    var generator = SeededGenerator(seed: 21)
    var valid = 0
    for _ in 0..<5000 {
      let length = Int.random(in: 0...9, using: &generator)
      let name = String((0..<length).map { _ in "ab09__--../A".randomElement(using: &generator)! })
      let expected = name.wholeMatch(of: pattern) != nil
      #expect(RepositoryName.isValid(name) == expected, "\(name)")
      valid += expected ? 1 : 0
    }
    #expect(valid > 100)
  }
}

struct `A tag` {
  @Test(arguments: ["1", "latest", "_", "v1.0-rc.1_x", "A", String(repeating: "9", count: 128)])
  func `may be`(tag: String) { #expect(RepositoryName.isValidTag(tag)) }

  @Test(arguments: [
    "", ".", "-", ".a", "-a", "a b", "a/b", "a:b", "a@b", "ä", "aä", "a\n", "a\0", "a+b", "*", "../x",
    String(repeating: "9", count: 129),
  ])
  func `may not be`(tag: String) { #expect(!RepositoryName.isValidTag(tag)) }
}
