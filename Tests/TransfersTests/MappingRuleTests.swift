import Images
import NVIDIA
import Testing

@testable import Transfers

@Suite struct `A mapping rule` {
  @Test(arguments: [
    ("olddept/trainer=new/trainer", "olddept/trainer", "new/trainer"),
    ("olddept/*=team/$1", "olddept/trainer", "team/trainer"),
    ("olddept/**=archive/$1", "olddept/a/b/c", "archive/a/b/c"),
    ("*/*=$2/$1", "left/right", "right/left"),
    ("**/*=$2", "a/b/c", "c"),
    ("*_*/*=$1/$2/$3", "dept_vision/net", "dept/vision/net"),
    ("a***b=$1", "axyb", "xy"),
  ])
  func `names what its pattern matches`(rule: String, repository: String, expected: String) throws {
    #expect(try MappingRule(rule).apply(to: repository) == expected)
  }

  @Test(arguments: [
    ("olddept/*=x/$1", "olddept/a/b"),
    ("olddept/*=x/$1", "other/a"),
    ("olddept=x", "olddept/a"),
    ("*=x", "a/b"),
  ])
  func `leaves everything else alone`(rule: String, repository: String) throws {
    #expect(try MappingRule(rule).apply(to: repository) == nil)
  }

  @Test(arguments: ["", "=", "a", "a=", "=b", "a=$1", "*=$2", "*=$", "*=$0", "*=$x"])
  func `is refused when it makes no sense`(text: String) {
    #expect(throws: TransferError.self) { try MappingRule(text) }
  }

  @Test func `answers in bounded time whatever its stars`() throws {
    let rule = try MappingRule(String(repeating: "*a", count: 60) + "=x")
    #expect(rule.apply(to: String(repeating: "a", count: 200) + "b") == nil)
  }
}

@Suite struct `A name mapping` {
  private func target(
    _ source: String, to destination: String, rules: [String] = [], keepsPath: Bool = false
  ) throws -> String {
    let mapping = NameMapping(
      destination: try RegistryLocation(destination), rules: try rules.map { try MappingRule($0) },
      keepsPath: keepsPath)
    return mapping.target(of: try Reference(source)).description
  }

  @Test(arguments: [
    ("nvcr.io/olddept/trainer:1.0", "nvcr.io/acme", "nvcr.io/acme/trainer:1.0"),
    ("nvcr.io/olddept_vision/net:2", "nvcr.io/acme", "nvcr.io/acme/vision/net:2"),
    ("registry.example/a_b/net:2", "nvcr.io/acme", "nvcr.io/acme/net:2"),
    ("nvcr.io/olddept_vision/net:2", "registry.example/x", "registry.example/x/net:2"),
    ("registry.example/single:1", "new.example/org", "new.example/org/single:1"),
    ("registry.example/a/b/c:1", "new.example", "new.example/b/c:1"),
  ])
  func `without a rule replaces host and first component`(source: String, to: String, expected: String)
    throws
  {
    #expect(try target(source, to: to) == expected)
  }

  @Test func `lets the first rule that matches decide`() throws {
    let rules = ["dept/a=first", "dept/*=second/$1"]
    #expect(try target("h.example/dept/a:1", to: "n.example/o", rules: rules) == "n.example/o/first:1")
    #expect(try target("h.example/dept/b:1", to: "n.example/o", rules: rules) == "n.example/o/second/b:1")
    #expect(try target("h.example/other/b:1", to: "n.example/o", rules: rules) == "n.example/o/b:1")
  }

  @Test(arguments: [
    ("nvcr.io/team/a/b:1", "reg.example/x", "reg.example/x/team/a/b:1"),
    ("nvcr.io/olddept_vision/net:2", "nvcr.io/acme", "nvcr.io/acme/olddept_vision/net:2"),
    ("registry.example/single:1", "new.example/org", "new.example/org/single:1"),
    ("alpine:3", "new.example", "new.example/library/alpine:3"),
  ])
  func `that keeps the path replaces the host alone`(source: String, to: String, expected: String) throws {
    let source = source == "alpine:3" ? "docker.io/library/alpine:3" : source
    #expect(try target(source, to: to, keepsPath: true) == expected)
    #expect(try target(source, to: to, rules: ["**=r/$1"], keepsPath: true).contains("/r/"))
  }

  @Test func `keeps a digest only where there is no tag`() throws {
    let digest = "sha256:" + String(repeating: "a", count: 64)
    #expect(try target("h.example/d/a@\(digest)", to: "n.example") == "n.example/a@\(digest)")
    #expect(try target("h.example/d/a:1@\(digest)", to: "n.example") == "n.example/a:1")
  }
}
