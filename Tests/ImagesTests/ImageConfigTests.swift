import Digests
import TestSupport
import Testing

@testable import Images

struct `An image's config` {
  private let digest = Samples.digest("layer")

  @Test func `names its platform and its layers' contents`() throws {
    let text = """
      {"created":"1970-01-01T00:00:00Z","architecture":"arm","variant":"v7","os":"linux","config":{"Cmd":["x"]},
      "rootfs":{"type":"layers","diff_ids":["\(digest)","\(digest)"]},"history":[{}]}
      """
    let config = try ImageConfig(bytes: Array(text.utf8))
    #expect(config.platform == Platform(os: "linux", architecture: "arm", variant: "v7"))
    #expect(config.rootfs?.diffIDs == [digest, digest])
    #expect(config.created == "1970-01-01T00:00:00Z")
  }

  @Test(arguments: ["{}", #"{"os":"","architecture":""}"#, #"{"os":"linux"}"#, #"{"architecture":"amd64"}"#])
  func `may lack a platform`(text: String) throws {
    #expect(try ImageConfig(bytes: Array(text.utf8)).platform == nil)
  }

  @Test func `of an empty variant has none`() throws {
    let text = #"{"os":"linux","architecture":"amd64","variant":""}"#
    #expect(try ImageConfig(bytes: Array(text.utf8)).platform == Platform(os: "linux", architecture: "amd64"))
  }

  @Test(arguments: ["", "[]", "null", #"{"os":1}"#, #"{"rootfs":{}}"#, #"{"rootfs":{"diff_ids":["x"]}}"#])
  func `is nothing else`(text: String) {
    #expect(throws: ManifestError.self) { try ImageConfig(bytes: Array(text.utf8)) }
  }

  @Test func `never traps`() {
    var generator = SeededGenerator(seed: 51)
    let seed = Array(#"{"os":"linux","architecture":"arm","rootfs":{"diff_ids":["\#(digest)"]}}"#.utf8)
    for _ in 0..<1000 { _ = try? ImageConfig(bytes: generator.mutate(seed)) }
  }
}
