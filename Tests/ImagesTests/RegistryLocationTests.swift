import Testing

@testable import Images

struct `A registry's location` {
  @Test(arguments: [
    ("nvcr.io", "nvcr.io", ""), ("nvcr.io/", "nvcr.io", ""), ("nvcr.io/acme", "nvcr.io", "acme"),
    ("nvcr.io/acme/team//", "nvcr.io", "acme/team"), ("127.0.0.1:5000/a", "127.0.0.1:5000", "a"),
    ("localhost:5000", "localhost:5000", ""), ("[::1]:5000", "[::1]:5000", ""),
  ])
  func `is a host, and perhaps a path`(text: String, host: String, path: String) throws {
    let location = try RegistryLocation(text)
    #expect(location == RegistryLocation(host: host, path: path))
    #expect(try RegistryLocation(location.description) == location)
  }

  @Test(arguments: [
    ("", ReferenceError.empty), ("/", .missingHost("/")), ("acme/team", .missingHost("acme/team")),
    ("acme", .missingHost("acme")), ("ubuntu:22.04", .missingHost("ubuntu:22.04")),
    ("nvcr.io/Acme", .invalidRepository("nvcr.io/Acme", repository: "Acme")),
    ("nvcr.io/acme:1", .invalidRepository("nvcr.io/acme:1", repository: "acme:1")),
    ("nvcr.io//acme", .invalidRepository("nvcr.io//acme", repository: "/acme")),
    ("https://nvcr.io", .invalidHost("https://nvcr.io", host: "https:")),
  ])
  func `is nothing else`(text: String, error: ReferenceError) {
    #expect(throws: error) { try RegistryLocation(text) }
  }

  @Test func `places repositories below itself`() {
    #expect(RegistryLocation(host: "r.io").appending("a/b") == "a/b")
    #expect(RegistryLocation(host: "r.io", path: "acme").appending("a/b") == "acme/a/b")
  }
}
