import Digests
import TestSupport
import Testing

@testable import Images

struct `A manifest` {
  static let image =
    #"{"schemaVersion":2,"config":\#(Samples.json(Samples.config("c"))),"layers":[\#(Samples.json(Samples.layer("l")))]}"#
  static let child = Descriptor(mediaType: .ociManifest, digest: Samples.digest("m"), size: 3)
  static let index = #"{"schemaVersion":2,"manifests":[\#(Samples.json(child))]}"#

  private func parse(_ text: String, as type: MediaType? = nil) throws(ManifestError) -> Manifest {
    try Manifest(bytes: Array(text.utf8), mediaType: type)
  }

  @Test func `keeps its bytes and hashes them`() throws {
    let text = " \n" + Self.image + "\n"
    let manifest = try parse(text)
    #expect(manifest.bytes == Array(text.utf8))
    #expect(manifest.digest == Digest(of: Array(text.utf8)))
    #expect(manifest.descriptor.size == Int64(text.utf8.count))
  }

  @Test func `of an image points at its config and layers`() throws {
    let manifest = try parse(Self.image)
    #expect(manifest.blobs == [Samples.config("c"), Samples.layer("l")])
    #expect(manifest.children == [])
  }

  @Test func `of an index points at its children, manifests or not`() throws {
    let cache = Samples.layer("cache")
    let manifest = try Samples.index([Self.child, cache])
    #expect(manifest.children == [Self.child])
    #expect(manifest.blobs == [cache])
  }

  @Test(arguments: [
    "", "application/json", "application/octet-stream", "text/html", "Application/JSON",
    MediaType.ociManifest.rawValue.uppercased(), "\(MediaType.dockerManifest); charset=utf-8",
    " \(MediaType.ociIndex)", MediaType.dockerSchema1.rawValue,
  ])
  func `of an index names each manifest by its type`(type: String) throws {
    for platform in ["", #","platform":{"os":"linux","architecture":"arm64"}"#] {
      let entry = #"{"mediaType":"\#(type)","digest":"\#(Samples.digest("m"))","size":3\#(platform)}"#
      #expect {
        try parse(#"{"manifests":[\#(Samples.json(Self.child)),\#(entry)]}"#)
      } throws: { error in
        error as? ManifestError == .malformed(.takenForManifest(Samples.digest("m"), type: type))
      }
    }
  }

  @Test func `of an index has no platform for what is no manifest`() throws {
    let more = #","platform":{"os":"linux","architecture":"arm64"}"#
    #expect(throws: ManifestError.self) {
      try parse(#"{"manifests":[\#(Samples.json(Samples.layer("l"), more: more))]}"#)
    }
    // As buildkit's cache indexes are.
    let cache = Descriptor(
      mediaType: MediaType(rawValue: "application/vnd.buildkit.cacheconfig.v0"), digest: Samples.digest("c"),
      size: 5)
    let index = try parse(
      #"{"manifests":[\#(Samples.json(Samples.layer("l"))),\#(Samples.json(cache))]}"#, as: .ociIndex)
    #expect(index.blobs == [Samples.layer("l"), cache] && index.children == [])
  }

  @Test func `without layers is an image`() throws {
    let text = #"{"schemaVersion":2,"config":\#(Samples.json(Samples.config("c"))),"layers":[]}"#
    #expect(try parse(text).blobs == [Samples.config("c")])
    #expect(try parse(#"{"schemaVersion":2,"manifests":[]}"#).children == [])
  }

  @Test func `is what it calls itself, then what it was called, then what it looks like`() throws {
    let named = Self.image.replacing(
      "2,", with: #"2,"mediaType":"\#(MediaType.dockerManifest)","#, maxReplacements: 1)
    #expect(try parse(named, as: .ociManifest).mediaType == .dockerManifest)
    #expect(try parse(Self.image, as: .dockerManifest).mediaType == .dockerManifest)
    #expect(try parse(Self.image, as: MediaType(rawValue: "application/json")).mediaType == .ociManifest)
    #expect(try parse(Self.image).mediaType == .ociManifest)
    #expect(try parse(Self.index).mediaType == .ociIndex)
    #expect(try parse(Self.index, as: .dockerManifestList).mediaType == .dockerManifestList)
  }

  @Test func `that could be read in two ways is refused`() throws {
    let both = #"{"manifests":[],"layers":[],"config":\#(Samples.json(Samples.config("c")))}"#
    #expect(throws: ManifestError.ambiguous) { try parse(both) }
    // A null counts as absent, as readers in Go have it.
    #expect(try parse(#"{"manifests":[],"layers":null}"#).mediaType == .ociIndex)
  }

  @Test func `that contradicts itself or its registry is refused`() {
    let lying = #"{"mediaType":"\#(MediaType.ociIndex)","config":1,"layers":[]}"#
    #expect(throws: ManifestError.self) { try parse(lying) }
    #expect(throws: ManifestError.self) { try parse(Self.image, as: .ociIndex) }
    #expect(throws: ManifestError.self) { try parse(Self.index, as: .ociManifest) }
    let unknown = Self.image.replacing("2,", with: #"2,"mediaType":"text/plain","#, maxReplacements: 1)
    #expect(throws: ManifestError.unknownType("text/plain")) { try parse(unknown) }
  }

  @Test(arguments: [
    #"{"schemaVersion":1,"name":"a","fsLayers":[]}"#,
    #"{"schemaVersion":1,"manifests":[]}"#,
    #"{"mediaType":"application/vnd.docker.distribution.manifest.v1+prettyjws"}"#,
    #"{"mediaType":"application/vnd.docker.distribution.manifest.v1+json","config":1}"#,
  ])
  func `of schema 1 is named`(text: String) {
    #expect(throws: ManifestError.schema1) { try parse(text) }
  }

  @Test(arguments: [
    "", "{", "[]", "null", "1", "{}", "\u{feff}{}", #"{"schemaVersion":2}"#, #"{"layers":[]}"#,
    #"{"config":null,"layers":null}"#, #"{"manifests":{}}"#, #"{"manifests":[{}]}"#, #"{"manifests":[null]}"#,
    #"{"schemaVersion":"2","manifests":[]}"#, #"{"schemaVersion":99999999999999999999,"manifests":[]}"#,
    #"{"mediaType":2,"manifests":[]}"#, "<html>502 Bad Gateway</html>",
  ])
  func `is no other JSON, nor anything else`(text: String) {
    #expect(throws: ManifestError.self) { try parse(text) }
  }

  @Test func `may nest, but not without end`() {
    // Some readers of JSON are brought down by depth alone.
    for depth in [100, 600, 100_000] {
      let nested = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
      _ = try? parse(#"{"manifests":[],"x":\#(nested)}"#)
      _ = try? parse(#"{"manifests":\#(nested)}"#)
      _ = try? parse(String(repeating: #"{"manifests":"#, count: depth))
    }
  }

  @Test func `has a limit to its size`() {
    let padding = String(repeating: " ", count: Manifest.sizeLimit + 1 - Self.image.utf8.count)
    #expect(throws: ManifestError.tooLarge(Int64(Manifest.sizeLimit) + 1)) { try parse(Self.image + padding) }
    #expect(throws: Never.self) { try parse(Self.image + padding.dropLast()) }
  }

  @Test func `is proved against its descriptor before it is read`() throws {
    let manifest = try parse(Self.image)
    let bytes = manifest.bytes
    #expect(try Manifest(bytes: bytes, as: manifest.descriptor).digest == manifest.digest)
    var other = manifest.descriptor
    other = Descriptor(mediaType: other.mediaType, digest: Samples.digest("x"), size: other.size)
    #expect(
      throws: ManifestError.wrongContent(.mismatch(expected: Samples.digest("x"), actual: manifest.digest))
    ) { try Manifest(bytes: bytes, as: other) }
    let size = Int64(bytes.count)
    let long = Descriptor(mediaType: other.mediaType, digest: manifest.digest, size: size - 1)
    #expect(throws: ManifestError.wrongContent(.long(expected: size - 1))) {
      try Manifest(bytes: bytes, as: long)
    }
    let short = Descriptor(mediaType: other.mediaType, digest: manifest.digest, size: size + 1)
    #expect(throws: ManifestError.wrongContent(.short(expected: size + 1, received: size))) {
      try Manifest(bytes: bytes, as: short)
    }
  }

  @Test func `never traps`() {
    var generator = SeededGenerator(seed: 41)
    var parsed = 0
    for _ in 0..<3000 {
      let seed = Bool.random(using: &generator) ? Self.image : Self.index
      let bytes = generator.mutate(Array(seed.utf8))
      guard let manifest = try? Manifest(bytes: bytes, mediaType: nil) else { continue }
      parsed += 1
      #expect(
        (manifest.children + manifest.blobs).allSatisfy { (0...Descriptor.largestSize).contains($0.size) })
    }
    #expect(parsed > 20)
  }
}
