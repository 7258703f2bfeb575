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

  @Test func `may say a thing twice where nobody else reads it`() throws {
    let text = #"{"a":1,"a":2,"layers":3,"Layers":4}"#
    try DocumentShape.loose.check(Array(text.utf8))
    #expect(throws: DocumentFault.repeatedKey("a")) { try DocumentShape.anything.check(Array(text.utf8)) }
    #expect(throws: DocumentFault.self) { try DocumentShape.loose.check(Array(#"{"a":1"#.utf8)) }
    #expect(throws: DocumentFault.self) { try DocumentShape.loose.check(Array("{1:1}".utf8)) }
  }
}
