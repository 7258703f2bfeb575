import Digests
import Foundation
import Images
import Layouts
import Testing

@Suite struct `An archive plan` {
  func pieces(of plan: ArchivePlan) throws -> [KnownPiece] {
    var pieces: [KnownPiece] = []
    try plan.forEachKnownPiece { pieces.append($0) }
    return pieces
  }

  @Test func `is the same in whatever order images, manifests and blobs are given`() throws {
    let images = try TestArchive.images()
    let files: [(path: String, bytes: [UInt8])] = [("ferry/b.md", [1]), ("ferry/a/c.md", [2, 3])]
    let known = images[3].manifests[0].blobs[1]
    let omissions = [
      Omission(known, reason: .known), Omission(images[0].manifests[0].blobs[1], reason: .known),
    ]
    let expected = try ArchivePlan(images, omissions: omissions, extraFiles: files)
    let expectedPieces = try pieces(of: expected)
    let omitted = Set(omissions.map(\.descriptor.digest))
    let descriptors = Array(Set(images.flatMap(\.manifests).flatMap(\.blobs))).filter {
      !omitted.contains($0.digest)
    }
    for _ in 0..<100 {
      // Shuffled, and much of it named twice.
      let twice = images + images.shuffled().prefix(2)
      let plan = try ArchivePlan(
        images: twice.map { ($0.reference, $0.root) }.shuffled(),
        manifests: twice.flatMap(\.manifests).shuffled(), blobs: (descriptors + descriptors).shuffled(),
        omissions: (omissions + omissions).shuffled(), extraFiles: files.shuffled())
      #expect(plan.archiveDigest == expected.archiveDigest)
      #expect(plan.images == expected.images)
      #expect(plan.blobs.map(\.digest) == expected.blobs.map(\.digest))
      #expect(plan.blobs.map(\.offset) == expected.blobs.map(\.offset))
      #expect(plan.manifests.map(\.digest) == expected.manifests.map(\.digest))
      #expect(plan.totalSize == expected.totalSize)
      #expect(try pieces(of: plan) == expectedPieces)
    }
  }

  /// Manifests of bytes that never change: eight images with a config, two layers and one left out each.
  static func fixedPlan() throws -> ArchivePlan {
    var images: [(reference: Reference, root: Descriptor)] = []
    var manifests: [Manifest] = []
    var blobs: [Descriptor] = []
    var omissions: [Omission] = []
    for number: UInt8 in 0..<8 {
      func part(_ type: String, _ bytes: [UInt8]) throws -> (text: String, descriptor: Descriptor) {
        let descriptor = Descriptor(
          mediaType: MediaType(rawValue: type), digest: Digest(of: bytes), size: Int64(bytes.count))
        return (TestImage.descriptor(type, bytes), descriptor)
      }
      let layer = "application/vnd.oci.image.layer.v1.tar+gzip"
      let config = try part("application/vnd.oci.image.config.v1+json", [1, number])
      let layers = try [part(layer, [2, number]), part(layer, [3, number / 2]), part(layer, [4, number])]
      let text =
        #"{"schemaVersion":2,"config":\#(config.text),"layers":[\#(layers.map(\.text).joined(separator: ","))]}"#
      let manifest = try Manifest(bytes: Array(text.utf8), mediaType: .ociManifest)
      images.append((try Reference("nvcr.io/team/app\(number % 3):\(number)"), manifest.descriptor))
      manifests.append(manifest)
      blobs += [config.descriptor, layers[0].descriptor, layers[1].descriptor]
      omissions.append(Omission(layers[2].descriptor, reason: .foreign))
    }
    return try ArchivePlan(images: images, manifests: manifests, blobs: blobs, omissions: omissions)
  }

  @Test func `gives the same images the same archive in every run and every version`() throws {
    // Should this ever change, the format has changed, and with it every digest that people wrote down.
    let plan = try Self.fixedPlan()
    #expect(
      plan.archiveDigest.description
        == "sha256:5c4b20d86c4ed3c6b520b7b72878c5cf021855b1b44b0d9f8fe10059f5e56444")
    var all: [UInt8] = []
    try plan.forEachKnownPiece { all += $0.bytes }
    #expect(
      Digest(of: all).description == "sha256:643b954e3150c381456aebb6cebc932c8121252d2f8cc34d1103dcbe2e35a9de"
    )
  }

  @Test func `covers every byte of the archive once, with known bytes or a blob's`() throws {
    let plan = try ArchivePlan(TestArchive.images(), extraFiles: [("ferry/a.md", [1, 2, 3])])
    let known = try pieces(of: plan).map { ($0.offset, Int64($0.bytes.count)) }
    let all = (known + plan.blobs.map { ($0.offset, $0.size) }).sorted { $0.0 < $1.0 }
    var position: Int64 = 0
    for (offset, size) in all {
      #expect(offset == position)
      position = offset + size
    }
    #expect(position == plan.totalSize)
    #expect(plan.totalSize % 512 == 0)
  }

  @Test func `puts what describes the archive first, then manifests, configs and layers`() throws {
    let images = try TestArchive.images()
    let plan = try ArchivePlan(images, extraFiles: [("ferry/a.md", [1])])
    var paths: [String] = []
    for piece in try pieces(of: plan) where piece.part == .header { paths.append(piece.path) }
    #expect(
      Array(paths.prefix(5)) == ["oci-layout", "index.json", "manifest.json", "ferry.json", "ferry/a.md"])
    let configs = Set(
      images.flatMap(\.manifests).compactMap { manifest in
        if case .image(let image) = manifest.content { image.config.digest } else { nil }
      })
    let digests = paths.dropFirst(5).compactMap { BlobPath.digest(of: $0) }
    let ranks = digests.map { digest in
      plan.manifests.contains { $0.digest == digest } ? 0 : configs.contains(digest) ? 1 : 2
    }
    #expect(ranks == ranks.sorted())
    #expect(Set(digests).count == digests.count)
    #expect(Set(ranks) == [0, 1, 2])
  }

  @Test func `leaves out what is omitted and mentions only what images list`() throws {
    let images = try TestArchive.images()
    guard case .index(let index) = images[2].manifests[0].content else { return }
    let arm = index.manifests[1]
    let stranger = Descriptor(mediaType: .ociConfig, digest: Digest(of: [9]), size: 1)
    let app = images[0]
    let amdOnly = try ArchivePlan(
      images: [(images[2].reference, images[2].root)], manifests: [images[2].manifests[0]] + app.manifests,
      blobs: app.manifests[0].blobs,
      omissions: [
        Omission(arm, reason: .platform), Omission(stranger, reason: .known),
        Omission(app.root, reason: .known),
      ])
    #expect(amdOnly.omissions == [Omission(arm, reason: .platform)])
    #expect(amdOnly.extent(of: arm.digest) == nil)
  }

  @Test func `refuses what is missing, surplus, contradictory or out of place`() throws {
    let images = try TestArchive.images()
    let app = images[0]
    let named = [(reference: app.reference, root: app.root)]
    let blobs = app.manifests[0].blobs
    func plan(
      _ images: [(reference: Reference, root: Descriptor)], _ manifests: [Manifest], _ blobs: [Descriptor],
      _ files: [(path: String, bytes: [UInt8])] = []
    ) throws(LayoutError) {
      _ = try ArchivePlan(images: images, manifests: manifests, blobs: blobs, extraFiles: files)
    }
    #expect(throws: LayoutError.missing(app.root.digest)) { try plan(named, [], blobs) }
    #expect(throws: LayoutError.missing(blobs[2].digest)) {
      try plan(named, app.manifests, [blobs[0], blobs[1]])
    }
    let stranger = Descriptor(mediaType: .ociConfig, digest: Digest(of: [9]), size: 1)
    #expect(throws: LayoutError.unreferenced([stranger.digest])) {
      try plan(named, app.manifests, blobs + [stranger])
    }
    #expect(throws: LayoutError.unreferenced([images[3].root.digest])) {
      try plan(named, app.manifests + images[3].manifests, blobs)
    }
    let other = Descriptor(mediaType: .ociConfig, digest: blobs[0].digest, size: 7)
    #expect(throws: LayoutError.conflictingSizes(other.digest, 7, blobs[0].size)) {
      try plan(named, app.manifests, [other] + blobs)
    }
    #expect(throws: LayoutError.conflictingSizes(other.digest, 7, blobs[0].size)) {
      try plan(named, app.manifests, [other, blobs[1], blobs[2]])
    }
    let wrong = Descriptor(mediaType: .ociManifest, digest: app.root.digest, size: 5)
    #expect(throws: LayoutError.conflictingSizes(wrong.digest, 5, app.root.size)) {
      try plan([(app.reference, wrong)], app.manifests, blobs)
    }
    let two = [app.root.digest, images[3].root.digest].sorted()
    #expect(throws: LayoutError.conflictingReferences(app.reference, two[0], two[1])) {
      try plan(
        named + [(app.reference, images[3].root)], app.manifests + images[3].manifests,
        blobs + images[3].manifests[0].blobs)
    }
    #expect(throws: LayoutError.unwritableReference("Host/App")) {
      try plan([(Reference(host: "Host", repository: "App"), app.root)], app.manifests, blobs)
    }
    for path in ["a.md", "ferry/", "ferry/../x", "ferry//x", "ferry/.x", "ferry/a:b", "ferry/ä", "/ferry/x"] {
      #expect(throws: LayoutError.unwritableFile(path)) {
        try plan(named, app.manifests, blobs, [(path, [])])
      }
    }
    #expect(throws: LayoutError.unwritableFile("ferry/x")) {
      try plan(named, app.manifests, blobs, [("ferry/x", []), ("ferry/x", [1])])
    }
  }

  @Test func `finds room for blobs of any size and none for impossible ones`() throws {
    func manifest(size: Int64) throws -> Manifest {
      let text = """
        {"schemaVersion":2,"mediaType":"\(MediaType.ociManifest)","config":\
        {"mediaType":"\(MediaType.ociConfig)","digest":"\(Digest(of: [1]))","size":1},"layers":\
        [{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"\(Digest(of: [2]))","size":\(size)}]}
        """
      return try Manifest(bytes: Array(text.utf8), mediaType: nil)
    }
    let reference = try Reference("h.example/a:1")
    for size: Int64 in [8 << 30, Descriptor.largestSize] {
      let manifest = try manifest(size: size)
      let plan = try ArchivePlan(
        images: [(reference, manifest.descriptor)], manifests: [manifest], blobs: manifest.blobs)
      #expect(plan.totalSize > size)
      #expect(plan.blobs.last?.size == size)
      let header = try pieces(of: plan).last { $0.part == .header }
      #expect(header?.bytes.count == 1536)
    }
    let impossible = Descriptor(mediaType: .ociConfig, digest: Digest(of: [1]), size: .max)
    #expect(throws: LayoutError.tooLarge) {
      try ArchivePlan(images: [], manifests: [], blobs: [impossible])
    }
  }
}
