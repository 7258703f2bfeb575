import Digests
import FoundationEssentials
import Testing

@testable import Images

/// What a decoder makes of a document is many times as large as the document: that is bounded before one sees it.
struct `A document that would cost more than it is` {
  private let bounds = DocumentBounds(mostValues: 100, longestText: 20)

  private func list(_ element: String, _ count: Int) -> String {
    "[\(Array(repeating: element, count: count).joined(separator: ","))]"
  }

  @Test(arguments: ["0", "{}", "[]", "null", #""a""#, "-1.5e3"])
  func `may have so many values and no more`(value: String) throws {
    for shape in [DocumentShape.anything, .loose, .manifest] {
      try shape.check(Array(list(value, 99).utf8), within: bounds)
      #expect(throws: DocumentFault.tooManyValues(limit: 100)) {
        try shape.check(Array(list(value, 100).utf8), within: bounds)
      }
    }
  }

  @Test func `has a value more for each key`() throws {
    let text = { (count: Int) in
      "{" + (0..<count).map { "\"\($0)\":1" }.joined(separator: ",") + "}"
    }
    for shape in [DocumentShape.anything, .loose] {
      try shape.check(Array(text(49).utf8), within: bounds)
      #expect(throws: DocumentFault.tooManyValues(limit: 100)) {
        try shape.check(Array(text(50).utf8), within: bounds)
      }
    }
  }

  @Test func `has no longer text, and no longer key`() throws {
    let long = String(repeating: "x", count: 21)
    let escaped = String(repeating: #"\u0041"#, count: 4)
    for text in ["[\"\(long)\"]", "{\"\(long)\":1}", "[\"\(escaped)\"]"] {
      #expect(throws: DocumentFault.textTooLong(limit: 20)) {
        try DocumentShape.loose.check(Array(text.utf8), within: bounds)
      }
    }
    try DocumentShape.loose.check(Array(#"["\#(long.dropLast())"]"#.utf8), within: bounds)
  }

  @Test func `is refused before it is decoded`() {
    let zeros = Array(list("0", 1 << 20).utf8)
    #expect(throws: DocumentFault.tooManyValues(limit: DocumentBounds.usual.mostValues)) {
      try DocumentShape.loose.decode([Int].self, from: zeros)
    }
    #expect(throws: ManifestError.self) {
      try Manifest(bytes: zeros, mediaType: .ociManifest)
    }
    #expect(throws: ManifestError.self) { try ImageConfig(bytes: zeros) }
    #expect(!ImageConfig.speaksOfLayers(zeros))
  }

  @Test func `has no more keys open at once than may be`() throws {
    let bounds = DocumentBounds(mostValues: 100, mostKeys: 4)
    for text in [#"{"a":1,"b":2,"c":3,"d":4}"#, #"[{"a":1,"b":2,"c":3},{"a":1,"b":{"c":3,"d":4}},{"x":1}]"#] {
      try DocumentShape.anything.check(Array(text.utf8), within: bounds)
    }
    for text in [#"{"a":1,"b":2,"c":3,"d":4,"e":5}"#, #"{"a":1,"b":2,"c":{"d":4,"e":5}}"#] {
      #expect(throws: DocumentFault.tooManyKeys) {
        try DocumentShape.anything.check(Array(text.utf8), within: bounds)
      }
    }
  }

  private static func object(_ count: Int) -> String {
    "{\((0..<count).map { "\"k\($0)\":\"\"" }.joined(separator: ","))}"
  }

  private static let layer = Samples.layer("a")

  private static func manifest(annotations: Int = 0, layers: Int = 1, with more: String = "") -> [UInt8] {
    let listed = Array(repeating: Samples.json(layer, more: more), count: layers).joined(separator: ",")
    let text =
      #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociManifest)","config":\#(Samples.json(Samples.config("c"))),"#
      + #""layers":[\#(listed)],"annotations":\#(object(annotations))}"#
    return Array(text.utf8)
  }

  private static func config(labels: Int = 0, steps: Int = 1) -> [UInt8] {
    let step = #"{"created":"2020-01-01T00:00:00Z","created_by":"/bin/sh","empty_layer":true}"#
    let text =
      #"{"os":"linux","architecture":"amd64","config":{"Labels":\#(object(labels))},"#
      + #""rootfs":{"type":"layers","diff_ids":["\#(layer.digest)"]},"#
      + #""history":[\#(Array(repeating: step, count: steps).joined(separator: ","))]}"#
    return Array(text.utf8)
  }

  /// Far beyond what images have.
  @Test func `may be an image's, with thousands of labels, steps, annotations and files`() throws {
    _ = try ImageConfig(bytes: Self.config(labels: 10_000, steps: 2_000))
    _ = try Manifest(bytes: Self.manifest(annotations: 10_000), mediaType: nil)
    let title = #","annotations":{"org.opencontainers.image.title":"part"}"#
    _ = try Manifest(bytes: Self.manifest(layers: 17_000, with: title), mediaType: nil)
    _ = try Manifest(bytes: Self.manifest(layers: 24_000), mediaType: nil)
    let platform = #","platform":{"architecture":"amd64","os":"linux"}"#
    let children = Array(repeating: Samples.json(Self.layer, more: platform), count: 10_000)
      .joined(separator: ",").replacing(Self.layer.mediaType.rawValue, with: MediaType.ociManifest.rawValue)
    let index = #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","manifests":[\#(children)]}"#
    _ = try Manifest(bytes: Array(index.utf8), mediaType: nil)
  }

  @Test func `is no image's with more than that`() {
    let keys = ManifestError.malformed(.json(.document(.tooManyKeys)))
    let values = ManifestError.malformed(
      .json(.document(.tooManyValues(limit: DocumentBounds.image.mostValues))))
    #expect(throws: keys) { try ImageConfig(bytes: Self.config(labels: 17_000)) }
    #expect(throws: keys) { try Manifest(bytes: Self.manifest(annotations: 17_000), mediaType: nil) }
    #expect(throws: values) { try ImageConfig(bytes: Self.config(steps: 40_000)) }
    let more = #","annotations":\#(Self.object(10_000))"#
    #expect(throws: values) { try Manifest(bytes: Self.manifest(layers: 14, with: more), mediaType: nil) }
    // It is seen to be one before it is said to be too much.
    #expect(ImageConfig.speaksOfLayers(Self.config(steps: 40_000)))
  }

  @Test func `may say a thing twice where nobody else reads it`() throws {
    let text = #"{"a":1,"a":2,"layers":3,"Layers":4}"#
    try DocumentShape.loose.check(Array(text.utf8))
    #expect(throws: DocumentFault.repeatedKey("a")) { try DocumentShape.anything.check(Array(text.utf8)) }
    #expect(throws: DocumentFault.self) { try DocumentShape.loose.check(Array(#"{"a":1"#.utf8)) }
    #expect(throws: DocumentFault.self) { try DocumentShape.loose.check(Array("{1:1}".utf8)) }
  }
}
