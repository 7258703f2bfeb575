import Digests
import Files
import Images
import Tar
import TestSupport
import Testing
@testable import Layouts

/// What an archive lists may be hundreds of thousands of entries and manifests: whoever wants to stop need not wait for
/// them.
struct `Reading a long list` {
  private let scratch: ScratchDirectory
  private let path: String

  init() throws {
    scratch = try ScratchDirectory()
    path = scratch("a.tar")
    try TestArchive.write(try TestArchive.images(), to: path)
  }

  /// Does `work` in a task that was cancelled before.
  private func cancelled(_ work: @escaping @Sendable () throws -> Void) async throws {
    try await Task {
      withUnsafeCurrentTask { unsafe $0?.cancel() }
      try work()
    }.value
  }

  @Test func `of a tar's entries ends with the task`() async throws {
    let file = try DataFile.open(reading: path)
    await #expect(throws: TarError.file(.cancelled)) {
      try await cancelled { _ = try TarIndex.read(file, names: .layout) }
    }
    let index = try TarIndex.read(file, names: .layout)
    await #expect(throws: LayoutError.cancelled) {
      try await cancelled { _ = try TarContents(index, of: path) }
    }
  }

  @Test func `of manifests ends with the task`() async throws {
    let source = try LayoutSource.open(path, memoryLimit: 64 << 20)
    let front = try LayoutFront.read(source)
    await #expect(throws: LayoutError.cancelled) {
      try await cancelled {
        var walk = ManifestWalk(file: front.file, blobs: front.blobs, omissions: [:])
        for image in front.index.images { try walk.descend(from: image.root) }
      }
    }
    await #expect(throws: LayoutError.cancelled) {
      try await cancelled { _ = try LayoutCheck.examine(front) }
    }
  }

  @Test func `of one image after the other ends with the task`() async throws {
    let layout = try Layout.open(path)
    await #expect(throws: LayoutError.cancelled) {
      try await cancelled { for image in layout.images { _ = try layout.tree(of: image) } }
    }
    await #expect(throws: LayoutError.cancelled) {
      try await cancelled { _ = try layout.platform(of: layout.images[0].root) }
    }
  }

  @Test func `of docker's older list ends with the task`() async throws {
    let saved = scratch("b.tar")
    let layer = try DockerSave.layer("a")
    try DockerSave([.init(["a.example/b:1"], layers: [layer])]).write(to: saved)
    let source = try DataFile.open(reading: saved)
    let entries = try TarContents(TarIndex.read(source, names: .layout), of: saved)
    let list = [DockerManifestFile.Entry(config: "c", names: ["a.example/b:1"], layers: ["x/layer.tar"])]
    let tags = try #require(try LegacyTags.read(entries, source))
    #expect(try tags.joined(to: list) { _ in true }.problems == [])
    await #expect(throws: LayoutError.cancelled) {
      try await cancelled { _ = try tags.joined(to: list) { _ in true } }
    }
  }

  @Test func `of an archive's known bytes ends with the task`() async throws {
    let plan = try ArchivePlan(TestArchive.images())
    await #expect(throws: LayoutError.cancelled) {
      try await cancelled { try plan.forEachKnownPiece { _ in } }
    }
  }

  @Test func `is the same whether or not the manifests stay in memory`() throws {
    let check = try LayoutCheck.examine(LayoutFront.read(LayoutSource.open(path, memoryLimit: 64 << 20)))
    let front = check.front
    var stored = PlannedManifests(in: front.file, mostHeld: 0, sharing: SharedDescriptors())
    var walk = ManifestWalk(file: front.file, blobs: front.blobs, omissions: [:])
    for image in front.index.images {
      try walk.descend(from: image.root) { manifest in
        if let extent = front.blobs[manifest.digest] { stored.add(manifest, from: extent) }
      }
    }
    let plan = try #require(check.plan)
    let again = try ArchivePlan(
      images: front.index.images.map { (try #require($0.reference), $0.root) }, referrers: [],
      planned: stored,
      blobs: plan.blobs.map(\.descriptor), omissions: [], knownSources: [], extraFiles: [], missingImages: [])
    var pieces: [[KnownPiece]] = [[], []]
    try plan.forEachKnownPiece { pieces[0].append($0) }
    try again.forEachKnownPiece { pieces[1].append($0) }
    #expect(pieces[0] == pieces[1] && again.archiveDigest == plan.archiveDigest)
  }

  @Test func `that is longer than any archive's is refused`() throws {
    let count = ManifestWalk.mostListed + 2
    var listed: [Descriptor] = []
    for number in 0..<count {
      let bytes = (0..<32).map { UInt8(truncatingIfNeeded: number >> (8 * ($0 % 4))) }
      guard let digest = Digest(rawBytes: bytes) else { continue }
      listed.append(Descriptor(mediaType: .ociLayer, digest: digest, size: 1))
    }
    var walk = ManifestWalk(file: try DataFile.open(reading: path), blobs: [:], omissions: [:])
    #expect(throws: LayoutError.tooManyBlobs(path: path, limit: ManifestWalk.mostListed)) {
      try walk.list(listed)
    }
  }
}
