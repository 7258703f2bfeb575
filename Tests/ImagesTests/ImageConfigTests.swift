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

  @Test(arguments: [
    "", "[]", "null", #"{"os":1}"#, #"{"variant":1}"#, #"{"rootfs":{"diff_ids":[1]}}"#, #"{"rootfs":[]}"#,
  ])
  func `is nothing else`(text: String) {
    #expect(throws: ManifestError.self) { try ImageConfig(bytes: Array(text.utf8)) }
    #expect(throws: ManifestError.self) { try ImageConfig.check(Array(text.utf8)) }
  }

  private func describes(_ text: String, layers count: Int) throws -> Bool {
    let layers = (0..<count).map { Samples.json(Samples.layer("l\($0)")) }.joined(separator: ",")
    let manifest = try Manifest(
      bytes: Array(
        #"{"schemaVersion":2,"config":\#(Samples.json(Samples.config("c"))),"layers":[\#(layers)]}"#.utf8),
      mediaType: nil)
    guard case .image(let image) = manifest.content else { return false }
    return try ImageConfig(bytes: Array(text.utf8)).describes(image)
  }

  @Test func `counts its layers, whatever it calls them`() throws {
    let odd = "blake3:" + String(repeating: "b", count: 64)
    for ids in [#"["\#(digest)","\#(odd)"]"#, #"["\#(digest)","x"]"#, #"["\#(digest)",null]"#] {
      for type in [#""type":"layers","#, #""type":"x","#, ""] {
        let text = #"{"rootfs":{\#(type)"diff_ids":\#(ids)}}"#
        #expect(try [0, 1, 2, 3].map { try describes(text, layers: $0) } == [false, false, true, false])
      }
    }
    // The base of old images of Windows is no layer.
    #expect(try describes(#"{"rootfs":{"type":"layers+base","diff_ids":["\#(digest)"]}}"#, layers: 2))
  }

  @Test func `asks its history where it does not count them`() throws {
    for rootfs in [
      #""rootfs":{"type":"layers","diff_ids":[]}"#, #""rootfs":{"type":"layers","diff_ids":null}"#,
    ] {
      #expect(try describes("{\(rootfs),\"history\":[{\"created_by\":\"x\"}]}", layers: 0))
    }
    for rootfs in [#""rootfs":{}"#, #""rootfs":null"#, #""os":"linux""#] {
      #expect(try !describes("{\(rootfs),\"history\":[{\"created_by\":\"x\"}]}", layers: 0))
      #expect(try describes("{\(rootfs),\"history\":[{\"empty_layer\":true}]}", layers: 0))
    }
  }

  @Test func `never traps`() {
    var generator = SeededGenerator(seed: 51)
    let seed = Array(#"{"os":"linux","architecture":"arm","rootfs":{"diff_ids":["\#(digest)"]}}"#.utf8)
    for _ in 0..<1000 { _ = try? ImageConfig(bytes: generator.mutate(seed)) }
  }
}
