import Digests
import TestSupport
import Testing

@testable import Images

struct `A reference` {
  static let digest = "sha256:" + String(repeating: "ab", count: 32)

  static let good: [(text: String, host: String, repository: String, tag: String?, hasDigest: Bool)] = [
    ("nvcr.io/nvidia/pytorch:24.01-py3", "nvcr.io", "nvidia/pytorch", "24.01-py3", false),
    ("nvcr.io/nvidia/pytorch", "nvcr.io", "nvidia/pytorch", nil, false),
    ("nvcr.io/org/team/image:1", "nvcr.io", "org/team/image", "1", false),
    ("127.0.0.1:5000/a:b", "127.0.0.1:5000", "a", "b", false),
    ("localhost/a", "localhost", "a", nil, false),
    ("localhost:80/a", "localhost:80", "a", nil, false),
    ("registry:5000/a", "registry:5000", "a", nil, false),
    ("[::1]:5000/a:1", "[::1]:5000", "a", "1", false),
    ("[fe80::1]/a", "[fe80::1]", "a", nil, false),
    ("REGISTRY.Example.com/a", "registry.example.com", "a", nil, false),
    ("nvcr.io/a@\(digest)", "nvcr.io", "a", nil, true),
    ("nvcr.io/a:1@\(digest)", "nvcr.io", "a", "1", true),
    ("docker.io/ubuntu:22.04", "docker.io", "library/ubuntu", "22.04", false),
    ("docker.io/a/b", "docker.io", "a/b", nil, false),
    ("nvcr.io/a__b/c-d/e.f/g--h:_x.Y-z", "nvcr.io", "a__b/c-d/e.f/g--h", "_x.Y-z", false),
    ("r.io/a:\(String(repeating: "t", count: 128))", "r.io", "a", String(repeating: "t", count: 128), false),
  ]

  @Test(arguments: good) func `is parsed into its parts`(
    text: String, host: String, repository: String, tag: String?, hasDigest: Bool
  ) throws {
    let reference = try Reference(text)
    #expect(reference.host == host)
    #expect(reference.repository == repository)
    #expect(reference.tag == tag)
    #expect(reference.digest == (hasDigest ? try Digest(Self.digest) : nil))
  }

  @Test(arguments: good.map(\.text)) func `is printed as it would be parsed`(text: String) throws {
    let reference = try Reference(text)
    #expect(try Reference(reference.description) == reference)
  }

  static let bad: [(text: String, error: ReferenceError)] = [
    ("", .empty),
    ("ubuntu", .missingHost("ubuntu")),
    ("ubuntu:22.04", .missingHost("ubuntu:22.04")),
    ("nvidia/pytorch:1", .missingHost("nvidia/pytorch:1")),
    ("/a", .missingHost("/a")),
    ("nvcr.io", .missingRepository("nvcr.io")),
    ("nvcr.io/", .missingRepository("nvcr.io/")),
    ("nvcr.io:443", .missingRepository("nvcr.io:443")),
    ("nvcr.io/:1", .invalidRepository("nvcr.io/:1", repository: "")),
    ("nvcr.io/A:1", .invalidRepository("nvcr.io/A:1", repository: "A")),
    ("nvcr.io/a/../b", .invalidRepository("nvcr.io/a/../b", repository: "a/../b")),
    ("nvcr.io//a", .invalidRepository("nvcr.io//a", repository: "/a")),
    ("nvcr.io/a/", .invalidRepository("nvcr.io/a/", repository: "a/")),
    ("nvcr.io/a?b", .invalidRepository("nvcr.io/a?b", repository: "a?b")),
    ("nvcr.io/a%2fb", .invalidRepository("nvcr.io/a%2fb", repository: "a%2fb")),
    ("nvcr.io/ä", .invalidRepository("nvcr.io/ä", repository: "ä")),
    ("nvcr.io/a:", .invalidTag("nvcr.io/a:", tag: "")),
    ("nvcr.io/a:-1", .invalidTag("nvcr.io/a:-1", tag: "-1")),
    ("nvcr.io/a:1/2", .invalidTag("nvcr.io/a:1/2", tag: "1/2")),
    ("nvcr.io/a:1\n", .invalidTag("nvcr.io/a:1\n", tag: "1\n")),
    ("nvcr.io/a@", .invalidDigest("nvcr.io/a@", digest: "")),
    ("nvcr.io/a@sha256:1", .invalidDigest("nvcr.io/a@sha256:1", digest: "sha256:1")),
    ("nvcr.io/a@\(digest)x", .invalidDigest("nvcr.io/a@\(digest)x", digest: "\(digest)x")),
    ("nvcr.io:0/a", .invalidHost("nvcr.io:0/a", host: "nvcr.io:0")),
    ("nvcr.io:65536/a", .invalidHost("nvcr.io:65536/a", host: "nvcr.io:65536")),
    ("nvcr.io:+80/a", .invalidHost("nvcr.io:+80/a", host: "nvcr.io:+80")),
    ("nvcr.io:/a", .invalidHost("nvcr.io:/a", host: "nvcr.io:")),
    ("nvcr..io/a", .invalidHost("nvcr..io/a", host: "nvcr..io")),
    ("-x.io/a", .invalidHost("-x.io/a", host: "-x.io")),
    ("x_y.io/a", .invalidHost("x_y.io/a", host: "x_y.io")),
    ("[::1/a", .invalidHost("[::1/a", host: "[::1")),
    ("[]/a", .invalidHost("[]/a", host: "[]")),
    ("https://nvcr.io/a", .invalidHost("https://nvcr.io/a", host: "https:")),
    ("user:key@nvcr.io/a", .invalidDigest("user:key@nvcr.io/a", digest: "nvcr.io/a")),
  ]

  @Test(arguments: bad) func `says what is wrong with any other text`(text: String, error: ReferenceError) {
    #expect(throws: error) { try Reference(text) }
  }

  @Test func `asks a registry for its digest, else its tag, else latest`() throws {
    #expect(try Reference("r.io/a:1@\(Self.digest)").identifier == Self.digest)
    #expect(try Reference("r.io/a:1").identifier == "1")
    #expect(try Reference("r.io/a").identifier == "latest")
  }

  @Test func `by another tag keeps nothing of the digest`() throws {
    #expect(try Reference("r.io/a:1@\(Self.digest)").with(tag: "2") == Reference("r.io/a:2"))
    #expect(try Reference("r.io/a/b:1").repositoryName == "r.io/a/b")
  }

  @Test func `never traps, and is stable where it parses`() {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<5000 {
      let seed = Array(Self.good.randomElement(using: &generator)!.text.utf8)
      let text = String(decoding: generator.mutate(seed), as: UTF8.self)
      guard let reference = try? Reference(text) else { continue }
      #expect((try? Reference(reference.description)) == reference, "\(text)")
      #expect(RepositoryName.isValid(reference.repository), "\(text)")
      #expect(reference.description.utf8.allSatisfy { $0 > 32 && $0 < 127 }, "\(text)")
    }
  }
}

@Suite struct `A name as docker writes it` {
  @Test(arguments: [
    ("alpine", "docker.io/library/alpine"),
    ("alpine:3.20", "docker.io/library/alpine:3.20"),
    ("alpine:5000", "docker.io/library/alpine:5000"),
    ("rancher/x:v1", "docker.io/rancher/x:v1"),
    ("docker.io/alpine:1", "docker.io/library/alpine:1"),
    ("localhost/x:2", "localhost/x:2"),
    ("host:5000/a/b", "host:5000/a/b"),
    ("nvcr.io/nvidia/pytorch:21.05-py3", "nvcr.io/nvidia/pytorch:21.05-py3"),
  ])
  func `is whole once docker's host is added`(text: String, expected: String) throws {
    #expect(try Reference(dockerName: text).description == expected)
  }

  @Test(arguments: ["", "/", ":1", "A", "a b", "localhost/", "<none>:<none>"])
  func `is none where docker has none`(text: String) {
    #expect(throws: ReferenceError.self) { try Reference(dockerName: text) }
  }
}

/// A name that a user gives of one image, in a registry that took other tags than the specification has.
struct `A reference with any tag` {
  @Test(arguments: ["-ot-beta-jmx", ".hidden", "1.0", "-", "...", String(repeating: "x", count: 200)])
  func `is read`(_ tag: String) throws {
    let reference = try Reference(anyTag: "nvcr.io/a:\(tag)")
    #expect(reference.tag == tag && reference.repository == "a")
    #expect(try Reference(anyTag: reference.description) == reference)
  }

  @Test(arguments: [
    "", ".", "..", "a b", "a\n", "ü", "a/b", "a%2e", "a?b", "a#b", "a+b", String(repeating: "x", count: 256),
  ])
  func `is none where no address can hold it`(_ tag: String) {
    #expect(throws: ReferenceError.self) { try Reference(anyTag: "nvcr.io/a:\(tag)") }
  }
}
