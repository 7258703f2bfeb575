import Digests
import TestSupport
import Testing

@testable import Images

struct `An image's tree` {
  /// A registry of manifests that counts what it is asked for.
  private final class Shelf {
    private(set) var manifests: [Digest: Manifest] = [:]
    private(set) var fetched: [Digest] = []

    func add(_ manifest: Manifest) -> Descriptor {
      manifests[manifest.digest] = manifest
      return manifest.descriptor
    }

    func tree(
      _ root: Descriptor, includes: (Descriptor) -> Bool = { _ in true }
    ) throws -> ImageTree {
      fetched = []
      return try ImageTree(root: root, includes: includes) { descriptor in
        fetched.append(descriptor.digest)
        return try Manifest(bytes: try #require(manifests[descriptor.digest]).bytes, as: descriptor)
      }
    }
  }

  private let shelf = Shelf()
  private let a = Samples.layer("a")
  private let b = Samples.layer("b")
  private let c = Samples.layer("c")

  @Test func `of one image is its manifest, config and layers`() throws {
    let root = shelf.add(try Samples.image([a, b]))
    let tree = try shelf.tree(root)
    #expect(tree.root == root)
    #expect(tree.manifests.map(\.digest) == [root.digest])
    #expect(tree.blobs == [Samples.config("config"), a, b])
    #expect(tree.omitted == [])
    #expect(tree.size == root.size + 5 + 10 + 10)
  }

  @Test func `has each blob once, however often it is listed`() throws {
    let one = shelf.add(try Samples.image([a, b, a]))
    let two = shelf.add(try Samples.image([b, c], config: Samples.config("other")))
    let tree = try shelf.tree(shelf.add(try Samples.index([one, two, one])))
    #expect(tree.blobs == [Samples.config("config"), a, b, Samples.config("other"), c])
    #expect(shelf.fetched.count == 3)
  }

  @Test func `has children before the indexes that list them`() throws {
    let one = shelf.add(try Samples.image([a]))
    let two = shelf.add(try Samples.image([b]))
    let inner = shelf.add(try Samples.index([one, two]))
    let outer = shelf.add(try Samples.index([inner, two]))
    #expect(try shelf.tree(outer).manifests.map(\.digest) == [one, two, inner, outer].map(\.digest))
  }

  @Test func `leaves out what is not wanted, and all that is only below it`() throws {
    let one = shelf.add(try Samples.image([a, b]))
    let two = shelf.add(try Samples.image([b, c], config: Samples.config("other")))
    let root = shelf.add(try Samples.index([one, two, two]))
    let tree = try shelf.tree(root) { $0.digest != two.digest && $0.digest != a.digest }
    #expect(tree.manifests.map(\.digest) == [one, root].map(\.digest))
    #expect(tree.blobs == [Samples.config("config"), b])
    #expect(tree.omitted.map(\.digest) == [a, two].map(\.digest))
    #expect(!shelf.fetched.contains(two.digest))
  }

  @Test func `with two sizes for one digest is refused`() throws {
    let root = shelf.add(try Samples.image([a, Samples.layer("a", size: 11)]))
    #expect(throws: ManifestError.self) { try shelf.tree(root) }
    let lying = shelf.add(try Samples.image([b]))
    let other = Descriptor(mediaType: lying.mediaType, digest: lying.digest, size: lying.size + 1)
    let index = shelf.add(try Samples.index([lying, other]))
    #expect(throws: ManifestError.self) { try shelf.tree(index) }
  }

  @Test func `is not read of manifests that cost many times what they are`() throws {
    // One after the other has 100,000 values of two bytes each.
    let text =
      #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociManifest)","config":\#(Samples.json(Samples.config("c"))),"#
      + #""layers":[],"x":[\#(Array(repeating: "0", count: 100_000).joined(separator: ","))]}"#
    let dense = try Manifest(bytes: Array(text.utf8), mediaType: nil)
    #expect(dense.values == 100_000 + 17)
    func tree(_ count: Int) throws -> ImageTree {
      let children = (0..<count).map { number in
        Descriptor(mediaType: .ociManifest, digest: Samples.digest("\(number)"), size: dense.size)
      }
      let index = try Samples.index(children)
      return try ImageTree(root: index.descriptor) { $0 == index.descriptor ? index : dense }
    }
    #expect(try tree(11).manifests.count == 12)
    #expect(throws: ManifestError.malformed(.tooManyValues(limit: ImageTree.mostValues))) { try tree(13) }
    // Those of real images have fewer values than their size would allow.
    var tally = ManifestTally()
    for _ in 0..<1000 { tally.add(try Samples.image([a, b, c])) }
    #expect(tally.values > 20_000 && !tally.isDense(beyond: 0))
  }

  @Test func `may nest eight deep and no deeper`() throws {
    var root = shelf.add(try Samples.image([a]))
    for depth in 1...9 {
      root = shelf.add(try Samples.index([root]))
      if depth <= ImageTree.deepest {
        #expect(try shelf.tree(root).manifests.count == depth + 1)
      } else {
        #expect(throws: ManifestError.self) { try shelf.tree(root) }
      }
    }
  }

  @Test func `that lists itself ends`() throws {
    // No digest can name itself; a registry that does not prove what it serves could still try.
    let loop = Descriptor(mediaType: .ociIndex, digest: Samples.digest("loop"), size: 7)
    let manifest = try Samples.index([loop])
    let tree = try ImageTree(root: loop) { _ in manifest }
    #expect(tree.manifests.count == 1)
  }

  @Test func `that always finds something new ends`() throws {
    var count = 0
    #expect(throws: ManifestError.self) {
      _ = try ImageTree(root: Descriptor(mediaType: .ociIndex, digest: Samples.digest("0"), size: 1)) { _ in
        let children = (0..<3).map { _ in
          count += 1
          return Descriptor(mediaType: .ociIndex, digest: Samples.digest("\(count)"), size: 1)
        }
        return try Samples.index(children)
      }
    }
    #expect(count <= 3 * (ImageTree.deepest + 1))
  }

  @Test func `of too many manifests is refused`() throws {
    let children = (0..<ImageTree.mostManifests + 1).map {
      Descriptor(mediaType: .ociManifest, digest: Samples.digest("child \($0)"), size: 1)
    }
    let index = try Samples.index(children)
    let image = try Samples.image([])
    #expect(throws: ManifestError.self) {
      try ImageTree(root: index.descriptor) { $0.digest == index.digest ? index : image }
    }
  }

  @Test func `passes on why a manifest could not be had`() throws {
    struct Gone: Error {}
    #expect(throws: Gone.self) { try ImageTree(root: Samples.layer("x")) { _ in throw Gone() } }
  }

  @Test func `is whole and in order for any shape`() throws {
    var generator = SeededGenerator(seed: 61)
    for _ in 0..<100 {
      let layers = (0..<6).map { Samples.layer("\($0)") }
      var known: [Descriptor] = []
      for level in 0..<12 {
        let picks = known.shuffled(using: &generator).prefix(3)
        if level < 4 || picks.isEmpty {
          known.append(shelf.add(try Samples.image(layers.shuffled(using: &generator).dropLast(3))))
        } else if level < 11 {
          known.append(shelf.add(try Samples.index(Array(picks.filter { $0.mediaType == .ociManifest }))))
        } else {
          known.append(shelf.add(try Samples.index(Array(picks))))
        }
      }
      let tree = try shelf.tree(try #require(known.last))
      var pushed: Set<Digest> = Set(tree.blobs.map(\.digest))
      #expect(pushed.count == tree.blobs.count)
      for descriptor in tree.manifests {
        let manifest = try #require(shelf.manifests[descriptor.digest])
        #expect((manifest.children + manifest.blobs).allSatisfy { pushed.contains($0.digest) })
        #expect(pushed.insert(manifest.digest).inserted)
      }
      #expect(tree.manifests.last?.digest == tree.root.digest)
    }
  }
}
