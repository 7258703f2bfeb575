import Foundation
import Testing

@testable import Images

struct `A platform` {
  @Test(arguments: [
    ("linux/amd64", "linux", "amd64", nil as String?), ("linux/arm/v7", "linux", "arm", "v7"),
    ("Linux/X86_64", "linux", "amd64", nil), ("linux/x86-64", "linux", "amd64", nil),
    ("linux/aarch64", "linux", "arm64", nil), ("linux/armhf", "linux", "arm", "v7"),
    ("linux/armhf/v6", "linux", "arm", "v6"), ("windows/amd64", "windows", "amd64", nil),
    ("unknown/unknown", "unknown", "unknown", nil),
  ])
  func `is parsed as docker does`(text: String, os: String, architecture: String, variant: String?) {
    #expect(Platform(text) == Platform(os: os, architecture: architecture, variant: variant))
  }

  @Test(arguments: [
    "", "/", "linux", "linux/", "/amd64", "linux//v7", "linux/arm/", "linux/arm/v7/x", "li nux/amd64",
    "linux/amd64\n", "linux/ämd64", "linux/amd64?",
  ])
  func `is nothing else`(text: String) { #expect(Platform(text) == nil) }

  @Test(arguments: ["linux/amd64", "linux/arm/v7", "freebsd/riscv64"])
  func `is printed as it is parsed`(text: String) { #expect(Platform(text)?.description == text) }

  @Test(arguments: [
    ("linux/amd64", "linux/amd64", true), ("linux/arm/v7", "linux/arm", true),
    ("linux/arm/v7", "linux/arm/v7", true), ("linux/arm/v6", "linux/arm/v7", false),
    ("linux/arm", "linux/arm/v7", false), ("linux/arm64", "linux/arm64/v8", true),
    ("linux/arm64/v8", "linux/arm64", true), ("linux/arm64/v9", "linux/arm64/v8", false),
    ("linux/amd64", "windows/amd64", false), ("linux/amd64", "linux/arm64", false),
    ("linux/amd64/v3", "linux/amd64", true), ("linux/amd64", "linux/amd64/v2", false),
  ])
  func `satisfies who asks for another`(has: String, wanted: String, expected: Bool) throws {
    #expect(try #require(Platform(has)).satisfies(try #require(Platform(wanted))) == expected)
  }

  @Test func `of an attestation runs nowhere`() {
    #expect(Platform(os: "unknown", architecture: "unknown").isUnknown)
    #expect(!Platform(os: "linux", architecture: "unknown").isUnknown)
  }

  @Test func `is read from JSON with what it does not know`() throws {
    let json = #"{"architecture":"amd64","os":"windows","os.version":"10.0","os.features":["win32k"]}"#
    let platform = try JSONDecoder().decode(Platform.self, from: Data(json.utf8))
    #expect(platform == Platform(os: "windows", architecture: "amd64"))
    #expect(platform.osVersion == "10.0")
    let odd = #"{"architecture":"amd64","os":"windows","os.version":10}"#
    #expect(try JSONDecoder().decode(Platform.self, from: Data(odd.utf8)).osVersion == nil)
  }
}
