import Digests
import Images
import Testing

/// What a registry gives as a manifest, of whatever type it is.
struct `An answer of an unknown type` {
  private static let type = MediaType(rawValue: "application/vnd.unheard.of+json")

  private func answer(
    _ text: String, as type: MediaType? = type, isVouchedFor: Bool = false
  ) throws(ManifestError) -> Manifest {
    try Manifest(answer: Array(text.utf8), mediaType: type, isVouchedFor: isVouchedFor)
  }

  private func isOpaque(_ manifest: Manifest) -> Bool {
    if case .opaque = manifest.content { true } else { false }
  }

  @Test func `is a manifest by a type of somebody's, or by any other that more speaks for`() throws {
    #expect(try isOpaque(answer("{}")) && answer("{}").mediaType == Self.type)
    #expect(try isOpaque(answer("no JSON")))
    #expect(try isOpaque(answer(#"{"mediaType":"\#(Self.type)"}"#, as: nil)))
    #expect(
      try isOpaque(answer(#"{"mediaType":"\#(Self.type)"}"#, as: MediaType(rawValue: "application/json"))))
    let other = MediaType(rawValue: "application/x.manifest")
    #expect(try isOpaque(answer("{}", as: other, isVouchedFor: true)))
    #expect(throws: ManifestError.self) { try answer("{}", as: other) }
    for type in [
      "application/json", "text/html", "", "application/octet-stream", "a b/c", "application/vnd.\r\nx/y",
    ] {
      #expect(throws: ManifestError.self) {
        try answer("{}", as: MediaType(rawValue: type), isVouchedFor: true)
      }
    }
    // What it says itself is believed, and must be what it is called.
    let image =
      #"{"mediaType":"\#(MediaType.ociManifest)","config":\#(Samples.json(Samples.config("c"))),"layers":[]}"#
    #expect(try answer(image).mediaType == .ociManifest)
    #expect(
      throws: ManifestError.contradictoryType(Self.type, header: MediaType(rawValue: "application/vnd.x"))
    ) {
      try answer(#"{"mediaType":"\#(Self.type)"}"#, as: MediaType(rawValue: "application/vnd.x"))
    }
    #expect(throws: ManifestError.self) {
      try answer(#"{"mediaType":"\#(Self.type)","config":1}"#, as: .ociManifest)
    }
  }

  @Test func `names what stands where manifests name content, once, and in order`() throws {
    let (one, two) = (Samples.digest("1"), Samples.digest("2"))
    let text = """
      {"fsLayers":[{"blobSum":"\(two)"}],"blobs":[{"digest":"\(one)","size":1}],"layers":[{"digest":"\(two)","size":-1}],\
      "config":{"digest":"\(one)","mediaType":"a/b"},"other":[{"digest":"\(Samples.digest("3"))"}]}
      """
    let named = try NamedContent(in: Array(text.utf8))
    #expect(named.isReadable)
    #expect(named.entries.map(\.digest) == [one, two])
    #expect(named.entries.map(\.size) == [1, nil])
    #expect(named.entries.map(\.mediaType) == [MediaType(rawValue: "a/b"), nil])
    for text in [
      "", "[]", #"{"layers":{}}"#, #"{"layers":[1]}"#, #"{"layers":[null]}"#, #"{"config":{}}"#,
      #"{"config":{"digest":"sha256:0"}}"#, #"{"layers":[],"layers":[]}"#,
    ] {
      let named = try NamedContent(in: Array(text.utf8))
      #expect(!named.isReadable && named.entries.isEmpty, "\(text)")
    }
    #expect(throws: ManifestError.malformed(.namesTooMuch(limit: 10_000))) {
      let entries = [String](repeating: #"{"digest":"\#(one)"}"#, count: 10_001).joined(separator: ",")
      _ = try NamedContent(in: Array(#"{"blobs":[\#(entries)]}"#.utf8))
    }
  }

  @Test func `lists what was found of what it names, and nothing else`() throws {
    let (here, gone) = (Samples.layer("here"), Samples.digest("gone"))
    let bare = try answer(#"{"layers":[\#(Samples.json(here)),{"digest":"\#(gone)"}]}"#)
    #expect(bare.blobs.isEmpty && bare.children.isEmpty)
    func known(_ found: [Descriptor]) throws(ManifestError) -> Manifest {
      try Manifest(
        bytes: bare.bytes, mediaType: Self.type,
        opaque: [bare.digest: OpaqueRecord(bare.descriptor, found: found)])
    }
    let manifest = try known([here])
    #expect(manifest.blobs == [here])
    guard case .opaque(let content) = manifest.content else { return }
    #expect(content.notFound == [gone])
    let sized = Descriptor(mediaType: .octetStream, digest: gone, size: 9)
    #expect(try known([here, sized]).blobs == [here, sized])
    let other = Descriptor(mediaType: here.mediaType, digest: here.digest, size: here.size + 1)
    for wrong in [[sized, here], [here, here], [other], [Samples.layer("another")]] {
      #expect(throws: ManifestError.malformed(.namesOtherContent)) { try known(wrong) }
    }
    // Where nothing is known of it, it is none.
    #expect(throws: ManifestError.self) {
      try Manifest(bytes: bare.bytes, mediaType: Self.type)
    }
  }
}
