import Digests
import Foundation
import Images
import Testing

@testable import Layouts

@Suite struct `Changed descriptors` {
  private let plain = Array("plain layer".utf8)
  private let packed = Array("packed".utf8)
  private let config = Array("{}".utf8)

  private func manifest(_ type: String, _ text: String) throws -> Manifest {
    try Manifest(
      bytes: Array(
        #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.\#(type)+json",\#(text)}"#.utf8),
      mediaType: nil)
  }

  private func image(_ layers: String..., more: String = "") throws -> Manifest {
    try manifest(
      "manifest.v1",
      #""config":\#(TestImage.descriptor(MediaType.ociConfig.rawValue, config)),"#
        + #""layers":[\#(layers.joined(separator: ","))]\#(more)"#)
  }

  /// The tree of the first of `manifests` with `changes` made, and its manifests.
  private func rewrite(
    _ manifests: [Manifest], _ changes: inout DescriptorChanges
  ) throws -> (tree: ImageTree, manifests: [Manifest]) {
    let byDigest = Dictionary(manifests.map { ($0.digest, $0) }) { first, _ in first }
    let fetch: (Images.Descriptor) throws -> Manifest = { try #require(byDigest[$0.digest]) }
    let tree = try changes.rewrite(ImageTree(root: manifests[0].descriptor, fetch: fetch), fetch: fetch)
    return (tree, try tree.manifests.map { try changes.manifest($0, fetch: fetch) })
  }

  private var changes: DescriptorChanges {
    DescriptorChanges(layers: [Digest(of: plain): .init(digest: Digest(of: packed), size: 6)])
  }

  @Test(arguments: [(MediaType.ociLayer, MediaType.ociGzipLayer), (.dockerLayer, .dockerGzipLayer)])
  func `give a manifest its new layers and leave all else`(old: MediaType, new: MediaType) throws {
    let other = TestImage.descriptor(MediaType.ociGzipLayer.rawValue, [1])
    let more = #","annotations":{"a":"\u00e4\"/"},"odd":[true,null,-5,{"x":[]}]"#
    let image = try image(TestImage.descriptor(old.rawValue, plain), other, more: more)
    var changes = changes
    let (rewritten, manifests) = try rewrite([image], &changes)
    #expect(
      rewritten.blobs.map(\.digest) == [Digest(of: config), Digest(of: packed), Digest(of: [1])])
    #expect(rewritten.blobs[1].mediaType == new && rewritten.blobs[1].size == 6)
    #expect(changes[image.digest]?.digest == rewritten.root.digest)
    var expected = try #require(
      JSONSerialization.jsonObject(with: Data(image.bytes)) as? [String: Any])
    let packedLayer: [String: Any] = [
      "mediaType": new.rawValue, "digest": Digest(of: packed).description, "size": 6,
    ]
    expected["layers"] = [packedLayer, try JSONSerialization.jsonObject(with: Data(other.utf8))]
    let actual = try JSONSerialization.jsonObject(with: Data(manifests[0].bytes))
    #expect(NSDictionary(dictionary: expected) == actual as? NSDictionary)
  }

  @Test func `reach up through indexes, and to the attestations beside`() throws {
    let image = try image(TestImage.descriptor(MediaType.ociLayer.rawValue, plain))
    let untouched = try self.image(TestImage.descriptor(MediaType.ociGzipLayer.rawValue, [1]))
    let attested =
      TestImage.descriptor(MediaType.ociManifest.rawValue, untouched.bytes).dropLast()
      + #","annotations":{"vnd.docker.reference.type":"attestation-manifest","vnd.docker.reference.digest":"\#(image.digest)"}}"#
    let inner = try manifest(
      "index.v1",
      #""manifests":[\#(TestImage.descriptor(MediaType.ociManifest.rawValue, image.bytes)),\#(attested)]"#)
    let outer = try manifest(
      "index.v1", #""manifests":[\#(TestImage.descriptor(MediaType.ociIndex.rawValue, inner.bytes))]"#)
    var changes = changes
    let (rewritten, manifests) = try rewrite([outer, inner, image, untouched], &changes)
    #expect(rewritten.manifests.count == 4 && rewritten.manifests.contains { $0.digest == untouched.digest })
    #expect(
      Set(rewritten.manifests.map(\.digest)).isDisjoint(with: [outer.digest, inner.digest, image.digest]))
    let entries = manifests.flatMap(\.children)
    let new = try #require(changes[image.digest]?.digest)
    #expect(entries.contains { $0.digest == untouched.digest && $0.attestedDigest == new.description })
  }

  @Test func `change nothing where nothing changes`() throws {
    // Not even a number that Ferry could not write again.
    for type in [MediaType.ociGzipLayer, .ociLayer] {
      let image = try image(TestImage.descriptor(type.rawValue, plain), more: #","x":1.5"#)
      var changes = changes
      if type == .ociLayer {
        #expect(throws: LayoutError.self) { try rewrite([image], &changes) }
      } else {
        #expect(try rewrite([image], &changes).manifests[0].bytes == image.bytes)
      }
    }
  }
}
