import Registry
import Testing

@testable import NVIDIA

@Suite struct `An API key` {
  private static let shapes: [(String, KeyShape, NVIDIAService?)] = [
    ("0123456789abcdefghijABCDEFGHIJ0123456789", .dgx, .dgx),
    ("nvapi-abc_DEF-123", .nvapi, .ngc),
    ("nvapi-6789abcdefghijABCDEFGHIJ0123456789", .nvapi, .ngc),
    (String(repeating: "Zm9v", count: 21), .ngcLegacy, .ngc),
    ("0123456789abcdefghijABCDEFGHIJ012345678", .unknown, nil),
    ("0123456789abcdefghijABCDEFGHIJ012345678!", .unknown, nil),
    ("", .unknown, nil),
  ]

  @Test(arguments: shapes)
  func `has a shape that suggests a service`(_ text: String, _ shape: KeyShape, _ service: NVIDIAService?) {
    #expect(KeyShape(of: text) == shape)
    #expect(shape.suggests == service)
  }

  @Test(arguments: ["", "with blank", "line\n", "umlaut-ä", String(repeating: "a", count: 9000)])
  func `is nothing that cannot be one`(_ text: String) {
    #expect(APIKey(text) == nil)
  }

  @Test func `is a credential's password beside the user for keys only`() {
    #expect(APIKey(.basic(username: "$oauthtoken", password: "nvapi-x"))?.shape == .nvapi)
    #expect(APIKey(.basic(username: "anna", password: "nvapi-x")) == nil)
    #expect(APIKey(.identityToken(username: "$oauthtoken", token: "nvapi-x")) == nil)
  }

  @Test func `prints without its secret`() throws {
    let key = try apiKey("nvapi-secret")
    var dumped = ""
    dump(key, to: &dumped)
    for text in ["\(key)", String(reflecting: key), dumped, "\([key])", "\(Optional(key) as Any)"] {
      #expect(!text.contains("secret"))
    }
  }
}
