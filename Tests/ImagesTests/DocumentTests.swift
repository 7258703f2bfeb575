import Digests
import Testing

@testable import Images

struct `A document of two readings` {
  private static let layer =
    #"{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"\#(Samples.digest("l"))","size":10}"#
  private static let config =
    #"{"mediaType":"\#(MediaType.ociConfig)","digest":"\#(Samples.digest("c"))","size":5}"#

  private static func image(_ more: String, layers: String = "[\(layer)]") -> String {
    #"{"schemaVersion":2,"config":\#(config),"layers":\#(layers)\#(more)}"#
  }

  private static func layer(_ more: String) -> String {
    image("", layers: "[\(layer.dropLast())\(more)}]")
  }

  private static let manifests = [
    image(#","layers":[]"#),
    image(#","Layers":[]"#),
    image(#","LAYERS":[]"#),
    // U+017F is an s to who folds letters.
    image(#","layer\u017f":[]"#),
    image(",\"layerſ\":[]"),
    image(#","\u006cayers":[]"#),
    image(#","mediaType":"\#(MediaType.ociManifest)","mediaType":"\#(MediaType.dockerManifest)""#),
    image(#","MediaType":"\#(MediaType.ociIndex)""#),
    image(#","Manifests":[]"#),
    image(#","Config":{}"#),
    image(#","subject":\#(layer),"Subject":\#(layer)"#),
    image(#","annotations":{"a":"1","a":"2"}"#),
    image(#","annotations":{"a":"1","\u0061":"2"}"#),
    image(#","x.vendor":{"deep":[{"a":1,"a":2}]}"#),
    layer(#","digest":"\#(Samples.digest("other"))""#),
    layer(#","Digest":"\#(Samples.digest("other"))""#),
    layer(#","platform":{"os":"linux","OS":"windows","architecture":"amd64"}"#),
    layer(#","URLs":["https://example.test"]"#),
    image("", layers: #"[\#(layer.replacing("10", with: "1e1"))]"#),
    image("", layers: #"[\#(layer.replacing("10", with: "10.0"))]"#),
    image(#","fsLayers":[]"#),
    #"{"schemaVersion":2,"manifests":[],"manifests":[\#(layer)]}"#,
    #"{"schemaVersion":2,"manifests":[],"Manifests":[\#(layer)]}"#,
    #"{"schemaVersion":2,"manifests":[],"layerS":[\#(layer)]}"#,
    image("") + image(""),
    image("") + "x",
    "\u{FEFF}" + image(""),
    image(#","annotations":{"\ud800":"1"}"#),
    image(#","annotations":{"a":"1",}"#),
    image(#","x":01"#),
    image(#","x":"# + String(repeating: "[", count: 100_000)),
  ]

  @Test(arguments: manifests) func `is refused as a manifest`(text: String) {
    #expect(throws: ManifestError.self) { try Manifest(bytes: Array(text.utf8), mediaType: nil) }
  }

  @Test func `is told apart from one in which two keys merely look alike`() throws {
    for more in [
      #","annotations":{"Version":"1","version":"2","layers":"a","Layers":"b"}"#,
      #","x.vendor":{"Layers":1,"layers":2.5e3}"#,
      #","x-layers":[],"layer":[]"#,
      #", "x" : [ 1 , -0.5E+3 , true , null , "\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00" ] "#,
    ] {
      _ = try Manifest(bytes: Array(Self.image(more).utf8), mediaType: nil)
    }
  }

  @Test func `names the field and where it is`() {
    #expect(throws: DocumentFault.twoSpellings("layers[1].Digest", other: "digest")) {
      try DocumentShape.manifest.check(Array(#"{"layers":[{},{"digest":1,"Digest":2}]}"#.utf8))
    }
    #expect(throws: DocumentFault.repeatedKey("annotations.a")) {
      try DocumentShape.manifest.check(Array(#"{"annotations":{"a":1,"a":2}}"#.utf8))
    }
    #expect(throws: DocumentFault.misspelled("Layers", meant: "layers")) {
      try DocumentShape.manifest.check(Array(#"{"Layers":[]}"#.utf8))
    }
    #expect(throws: DocumentFault.surplus(at: 3)) { try DocumentShape.anything.check(Array("{} {}".utf8)) }
    // Invalid UTF-8, which one reader takes for U+FFFD and another refuses.
    #expect(throws: DocumentFault.unreadableKey(at: 2)) {
      try DocumentShape.anything.check([0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D])
    }
  }

  @Test(arguments: [
    #"{"os":"linux","OS":"windows"}"#, #"{"Os":"windows","OS":"linux"}"#, #"{"config":{},"Config":{}}"#,
    #"{"Rootfs":{}}"#, #"{"rootfs":{"Diff_ids":[]}}"#, #"{"History":[]}"#,
    #"{"history":[{"Empty_layer":true}]}"#,
    #"{"history":[{"Comment":"a","comment":"b"}]}"#,
    #"{"config":{"Env":[],"env":[]}}"#, #"{"config":{"Env":[],"Env":[]}}"#,
    #"{"config":{"Labels":{"a":"1","a":"2"}}}"#, #"{"rootfs":{"diff_ids":[],"Diff_IDs":[]}}"#,
    #"{"rootfs":{"diff_ids":[],"diff_id\u017f":[]}}"#,
    #"{"history":[{"empty_layer":true,"Empty_Layer":false}]}"#,
    #"{"container_config":{"Cmd":[],"CMD":[]}}"#, #"{"docker_version":"1","Docker_Version":"2"}"#, "{}{}", "",
    #"{"config":{"Healthcheck":{"Test":[],"test":[]}}}"#, #"{"config":{"ENV":[],"env":[]}}"#,
    "{\"config\":{\"Hoſtname\":1,\"hostname\":2}}",
    // The sign for kelvin.
    #"{"config":{"\u212Aey":1,"WorkingDir":"","Wor\u212AingDir":""}}"#,
  ])
  func `is refused as a config`(text: String) {
    #expect(throws: ManifestError.self) { try ImageConfig.check(Array(text.utf8)) }
  }

  @Test(arguments: [
    #"{"config":{"Labels":{"Version":"1","version":"2"},"env":[]},"container_config":{"cmd":null}}"#,
    #"{"os":"linux","id":"x","Size":0,"moby.buildkit.buildinfo.v1":"x"}"#,
    #"{"Architecture":"amd64","OS":"linux","Created":"x","Config":{},"history":[{"Comment":"x","Created_By":"y"}]}"#,
    // One text to the eye, and to Swift; two keys to readers that compare bytes.
    #"{"config":{"Labels":{"caf\u00e9":"1","cafe\u0301":"2"}}}"#,
  ])
  func `is not what a config of any tool's is`(text: String) throws {
    try ImageConfig.check(Array(text.utf8))
  }
}
