import Digests
import Foundation
import Testing

@testable import Images

struct `A descriptor` {
  private func decode(_ json: String) throws -> Descriptor {
    try JSONDecoder().decode(Descriptor.self, from: Data(json.utf8))
  }

  private let plain = Samples.layer("a")

  @Test func `is read with all that it may say`() throws {
    let more = """
      ,"platform":{"os":"linux","architecture":"arm","variant":"v7"},"annotations":{"k":"v","kind":"x"},\
      "urls":["https://x.example/l"],"artifactType":"application/x","data":"e30=","future":[1]
      """
    let descriptor = try decode(Samples.json(plain, more: more))
    #expect(descriptor.digest == plain.digest)
    #expect(descriptor.platform == Platform(os: "linux", architecture: "arm", variant: "v7"))
    // Those that nobody reads are let go.
    #expect(descriptor.annotations == ["kind": "x"])
    #expect(descriptor.urls == ["https://x.example/l"])
    #expect(descriptor.artifactType == "application/x")
  }

  @Test func `keeps each annotation that Ferry reads, and no other`() throws {
    let names = [
      Annotation.imageName, Annotation.refName, Annotation.referrerName, Annotation.ledgerDigest,
      Annotation.kind, Annotation.referenceType, Descriptor.attestedDigestAnnotation,
      Schema1Carrier.digestAnnotation, PlatformIndex.originAnnotation,
    ]
    let all = (names + ["", "Kind", "org.ferry"]).map { "\"\($0)\":\"of \($0)\"" }.joined(separator: ",")
    let descriptor = try decode(Samples.json(plain, more: #","annotations":{\#(all)}"#))
    #expect(descriptor.annotations == Dictionary(uniqueKeysWithValues: names.map { ($0, "of \($0)") }))
    #expect(try decode(Samples.json(plain, more: #","annotations":{"x":"y"}"#)) == plain)
    // What is let go has to be text all the same.
    for wrong in ["1", "null", "{}"] {
      #expect(throws: DecodingError.self) {
        try decode(Samples.json(plain, more: #","annotations":{"x":\#(wrong)}"#))
      }
    }
  }

  @Test func `keeps so many addresses and no more`() throws {
    let url = "https://x.example/" + String(repeating: "l", count: 1000)
    let list = { (count: Int) in "[\(Array(repeating: "\"\(url)\"", count: count).joined(separator: ","))]" }
    #expect(try decode(Samples.json(plain, more: ",\"urls\":\(list(60))")).urls?.count == 60)
    // One more tells that these are not all.
    let many = try decode(Samples.json(plain, more: ",\"urls\":\(list(1000))")).urls ?? []
    #expect((65...66).contains(many.count) && many.allSatisfy { $0 == url })
    #expect(try decode(Samples.json(plain, more: #","urls":null"#)).urls == nil)
    for wrong in ["1", #"["a",1]"#, #"["a",null]"#] {
      #expect(throws: DecodingError.self) { try decode(Samples.json(plain, more: ",\"urls\":\(wrong)")) }
    }
  }

  @Test func `is written as it is read`() throws {
    let json = try JSONEncoder().encode(plain)
    #expect(try JSONDecoder().decode(Descriptor.self, from: json) == plain)
  }

  @Test(arguments: [
    "-1", "1125899906842625", "9223372036854775807", "9223372036854775808", "1e99", "0.5", "\"1\"", "null",
  ])
  func `has no size beyond all reason`(size: String) {
    #expect(throws: DecodingError.self) {
      try decode(#"{"mediaType":"x","digest":"\#(plain.digest)","size":\#(size)}"#)
    }
  }

  @Test(arguments: [0, 1, Descriptor.largestSize]) func `may be as large as a blob can be`(size: Int64) throws
  {
    #expect(try decode(Samples.json(Samples.layer("a", size: size))).size == size)
  }

  @Test(arguments: [
    #"{"mediaType":"x","size":1}"#, #"{"digest":"sha256:0","size":1,"mediaType":"x"}"#, "{}", "[]", "null",
    #"{"mediaType":1,"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":1}"#,
  ])
  func `is not without type, digest and size`(json: String) {
    #expect(throws: (any Error).self) { try decode(json) }
  }

  @Test func `of an attestation names what it speaks of`() {
    var descriptor = plain
    #expect(descriptor.attestedDigest == nil)
    descriptor.annotations = ["vnd.docker.reference.digest": "sha256:x"]
    #expect(descriptor.attestedDigest == nil)
    descriptor.annotations?["vnd.docker.reference.type"] = "attestation-manifest"
    #expect(descriptor.attestedDigest == "sha256:x")
  }
}
