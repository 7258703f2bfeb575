import Digests
import Foundation
import Testing

@testable import Images

@Suite struct `A manifest of Docker's schema 1` {
  private static let empty = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"
  private static let base = "\(Digest(of: [1]))"
  private static let top = "\(Digest(of: [2]))"

  /// The document without signatures, of layers from the highest to the lowest.
  private static func text(
    _ layers: [(blob: String, description: String)], tag: String = "1"
  ) throws -> String {
    let blobs = layers.map { #"{"blobSum":"\#($0.blob)"}"# }.joined(separator: ",")
    let history = try layers.map { layer in
      let quoted = String(decoding: try JSONEncoder().encode(layer.description), as: UTF8.self)
      return #"{"v1Compatibility":\#(quoted)}"#
    }.joined(separator: ",")
    return """
      {
        "schemaVersion": 1, "name": "team/old", "tag": "\(tag)", "architecture": "amd64",
        "fsLayers": [\(blobs)], "history": [\(history)]
      }
      """
  }

  /// `text` with signatures in it that say they are for `signed`, by default for the text itself.
  private static func signed(_ text: String, as other: String? = nil, count: Int = 1) -> [UInt8] {
    let tail = "\n}"
    let signed = other ?? text
    let length = signed.utf8.count - tail.utf8.count
    func url(_ text: String) -> String {
      Data(text.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
        "=", with: "")
    }
    let header = #"{"formatLength":\#(length),"formatTail":"\#(url(tail))","time":"2016-01-01T00:00:00Z"}"#
    let signature = #"{"header":{"alg":"ES256"},"signature":"x","protected":"\#(url(header))"}"#
    let all = Array(repeating: signature, count: count).joined(separator: ",")
    return Array("\(text.dropLast(tail.count)),\n  \"signatures\": [\(all)]\(tail)".utf8)
  }

  private static func layers() -> [(blob: String, description: String)] {
    [
      (
        empty,
        ##"{"id":"c","parent":"b","created":"2016-03-01T00:00:00Z","container_config":{"Cmd":["/bin/sh","-c","#(nop) CMD [\"sh\"]"]},"config":{"Cmd":["sh"],"Env":["PATH=/bin"]},"architecture":"amd64","os":"linux","docker_version":"1.9.1","throwaway":true}"##
      ),
      (
        top,
        #"{"id":"b","parent":"a","created":"2016-02-01T00:00:00Z","container_config":{"Cmd":["make","all"]},"author":"Ann","comment":"second"}"#
      ),
      (top, #"{"id":"b0","parent":"a","created":"2016-02-01T00:00:00Z"}"#),
      (base, #"{"id":"a","created":"2016-01-01T00:00:00Z","Size":5}"#),
    ]
  }

  @Test func `has the digest of what it signs, however often`() throws {
    let text = try Self.text(Self.layers())
    let digest = Digest(of: Array(text.utf8))
    #expect(try Schema1Manifest(bytes: Array(text.utf8)).digest == digest)
    for count in 1...3 {
      let bytes = Self.signed(text, count: count)
      let manifest = try Schema1Manifest(bytes: bytes)
      #expect(manifest.digest == digest && manifest.isSigned && Digest(of: bytes) != digest)
    }
  }

  @Test func `lists layers from the lowest to the highest, and each once where that is asked`() throws {
    let manifest = try Schema1Manifest(bytes: Self.signed(Self.text(Self.layers())))
    #expect(manifest.layers.map { "\($0.digest)" } == [Self.base, Self.top, Self.top, Self.empty])
    #expect(manifest.layers.map(\.isThrowaway) == [false, false, false, true])
    #expect(manifest.blobs.map { "\($0)" } == [Self.base, Self.top, Self.empty])
    #expect(manifest.platform == Platform(os: "linux", architecture: "amd64"))
  }

  @Test(arguments: ["{}", "none", #"{\"os\":\"\",\"architecture\":\"\"}"#])
  func `is for what it says itself where its highest layer does not`(description: String) throws {
    let layer = #"{"schemaVersion":1,"fsLayers":[{"blobSum":"\#(Self.base)"}],"#
    let history = #""history":[{"v1Compatibility":"\#(description)"}]"#
    let stated = try Schema1Manifest(bytes: Array("\(layer)\"architecture\":\"arm64\",\(history)}".utf8))
    #expect(stated.platform == Platform(os: "linux", architecture: "arm64"))
    #expect(try Schema1Manifest(bytes: Array("\(layer)\(history)}".utf8)).platform == nil)
  }

  @Test func `is refused when its signature is for something else`() throws {
    let text = try Self.text(Self.layers())
    let other = text.replacing("team/old", with: "team/odd")
    #expect(throws: ManifestError.malformed(.signatureOfOtherContent)) {
      // As long as what is there, and other content in front of the signatures.
      let bytes = Self.signed(text)
      let forged = String(decoding: bytes, as: UTF8.self).replacing(
        "\n  \"signatures\"", with: "\"fsLayers2\":1,\n  \"signatures\"")
      _ = try Schema1Manifest(bytes: Array(forged.utf8))
    }
    #expect(throws: ManifestError.self) { try Schema1Manifest(bytes: Self.signed(text, as: other + "   ")) }
  }

  @Test(arguments: [
    "", "{}", #"{"schemaVersion":1}"#, #"{"schemaVersion":1,"fsLayers":[],"history":[]}"#,
    #"{"schemaVersion":2,"fsLayers":[{"blobSum":"\#(base)"}],"history":[{"v1Compatibility":"{}"}]}"#,
    #"{"schemaVersion":1,"fsLayers":[{"blobSum":"\#(base)"}],"history":[]}"#,
    #"{"schemaVersion":1,"fsLayers":[{"blobSum":"sha256:1"}],"history":[{"v1Compatibility":"{}"}]}"#,
    #"{"schemaVersion":1,"fsLayers":[{"blobSum":"\#(base)"}],"fslayers":[],"history":[{"v1Compatibility":"{}"}]}"#,
    #"{"schemaVersion":1,"fsLayers":[{"blobSum":"\#(base)"}],"history":[{"v1Compatibility":"{}"}],"signatures":[{"protected":"!"}]}"#,
    #"{"schemaVersion":1,"fsLayers":[{"blobSum":"\#(base)"}],"history":[{"v1Compatibility":"{}"}],"signatures":[{"protected":"eyJmb3JtYXRMZW5ndGgiOjk5OTk5LCJmb3JtYXRUYWlsIjoiIn0"}]}"#,
  ])
  func `is refused when it is none, or says two things`(text: String) {
    #expect(throws: ManifestError.self) { try Schema1Manifest(bytes: Array(text.utf8)) }
  }

  @Test func `is carried so that all of it comes back`() throws {
    let document = try Self.signed(Self.text(Self.layers()))
    let sizes: [Digest: Int64] = [
      try Digest(Self.base): 10, try Digest(Self.top): 20, try Digest(Self.empty): 32,
    ]
    let carrier = try Schema1Carrier.manifest(for: document, sizes: sizes)
    #expect(try Schema1Carrier.manifest(for: document, sizes: sizes).bytes == carrier.bytes)
    let root = Schema1Carrier.root(of: carrier)
    let (tree, manifest) = try Schema1Carrier.image(in: carrier, document: document)
    #expect(manifest.bytes == document && tree.root.digest == Schema1Carrier.digest(of: root))
    #expect(tree.blobs.map(\.size) == [10, 20, 32])
    #expect(throws: ManifestError.malformed(.carriesOtherContent)) {
      try Schema1Carrier.image(in: carrier, document: Self.signed(Self.text(Self.layers(), tag: "2")))
    }
    var fewer = sizes
    fewer[try Digest(Self.empty)] = 33
    #expect(try Schema1Carrier.manifest(for: document, sizes: fewer).digest != carrier.digest)
  }

  @Test func `becomes what docker makes of it`() throws {
    let document = try Self.signed(Self.text(Self.layers()))
    let image = try Schema1Manifest(bytes: document)
    let blobs = image.blobs.map { Descriptor(mediaType: .dockerGzipLayer, digest: $0, size: 7) }
    let diffIDs = Dictionary(uniqueKeysWithValues: image.blobs.map { ($0, Digest(of: Array("\($0)".utf8))) })
    let new = try Schema1Conversion(of: image, blobs: blobs, diffIDs: diffIDs)
    let contents = try [Self.base, Self.top, Self.top].map { "\"\(diffIDs[try Digest($0)]!)\"" }
    let expected = ##"""
      {"architecture":"amd64","config":{"Cmd":["sh"],"Env":["PATH=/bin"]},\##
      "container_config":{"Cmd":["/bin/sh","-c","#(nop) CMD [\"sh\"]"]},"created":"2016-03-01T00:00:00Z",\##
      "docker_version":"1.9.1","history":[{"created":"2016-01-01T00:00:00Z"},{"created":"2016-02-01T00:00:00Z"},\##
      {"created":"2016-02-01T00:00:00Z","author":"Ann","created_by":"make all","comment":"second"},\##
      {"created":"2016-03-01T00:00:00Z","created_by":"/bin/sh -c #(nop) CMD [\"sh\"]","empty_layer":true}],\##
      "os":"linux","rootfs":{"type":"layers","diff_ids":[\##(contents.joined(separator: ","))]}}
      """##
    #expect(String(decoding: new.config, as: UTF8.self) == expected)
    try ImageConfig.check(new.config)
    guard case .image(let manifest) = new.manifest.content else {
      Issue.record("no image")
      return
    }
    #expect(new.manifest.mediaType == .dockerManifest && manifest.layers.count == 3)
    #expect(new.manifest.annotations == [Schema1Carrier.digestAnnotation: "\(image.digest)"])
    #expect(try ImageConfig(bytes: new.config).describes(manifest))
  }

  /// Docker keeps what the old manifest says of the image as it stands there, and writes the rest as Go does: the image's ID is
  /// a hash of all that.
  @Test func `becomes byte for byte what docker writes`() throws {
    let image = try Schema1Manifest(
      bytes: Self.signed(
        Self.text([
          (Self.empty, ##"{"id":"c","parent":"b","throwaway":true,"os":"other"}"##),
          (
            Self.empty,
            ##"{ "os" : "linux", "config": {"Env":["A=<b> & \u0041\\"], "Memory":1.50, "Big":1e3}, "id":"c","parent":"b","created":"2016-02-01T00:00:00.120Z","Size":0, "size":3,"layer_id":"x","parent_id":"y","throwaway":true,"container_config":{"Cmd":["a && b\n\u0001\"","\u2028<c>"]}, "z{":"}],:", "empty":[ ], "none":null }"##
          ),
          (
            Self.base,
            #"{"id":"b","created":"2016-01-01T00:00:00.500000000+02:00","author":"","comment":"\u00e9"}"#
          ),
        ])))
    let content = Digest(of: [7])
    let new = try Schema1Conversion(
      of: image, blobs: image.blobs.map { Descriptor(mediaType: .dockerGzipLayer, digest: $0, size: 7) },
      diffIDs: [Digest(Self.base): content])
    let expected = ##"""
      {"config":{"Env":["A=\u003cb\u003e \u0026 \u0041\\"],"Memory":1.50,"Big":1e3},\##
      "container_config":{"Cmd":["a \u0026\u0026 b\n\u0001\"","\u2028\u003cc\u003e"]},"created":"2016-02-01T00:00:00.120Z",\##
      "empty":[],"history":[{"created":"2016-01-01T00:00:00.5+02:00","comment":"é"},\##
      {"created":"2016-02-01T00:00:00.12Z","created_by":"a \u0026\u0026 b\n\u0001\" \u2028\u003cc\u003e","empty_layer":true}],\##
      "none":null,"os":"linux","rootfs":{"type":"layers","diff_ids":["\##(content)"]},"size":3,"z{":"}],:"}
      """##
    #expect(String(decoding: new.config, as: UTF8.self) == expected)
    #expect(Schema1Conversion.makes(new.manifest, config: new.config, of: image))
    let other = Array(String(decoding: new.config, as: UTF8.self).replacing("linux", with: "linus").utf8)
    #expect(!Schema1Conversion.makes(new.manifest, config: other, of: image))
    let unsigned = try Schema1Manifest(bytes: image.signed)
    #expect(unsigned.digest == image.digest && !unsigned.isSigned)
    #expect(Schema1Conversion.makes(new.manifest, config: new.config, of: unsigned))
  }

  @Test func `is nothing that an index or an image's tree may hold`() throws {
    let manifest = try Manifest(schema1: Self.signed(Self.text(Self.layers())))
    #expect(manifest.blobs.isEmpty && manifest.mediaType == .dockerSchema1Signed)
    #expect(throws: ManifestError.schema1) { try ImageTree(root: manifest.descriptor) { _ in manifest } }
  }
}
