import Digests
import Files
import Foundation
import Images
import Synchronization
import Tar
import TestSupport
import Testing

@testable import Layouts

/// What a small archive names over and over is read and followed a few times, or refused: what is counted here are steps and
/// bytes.
struct `An archive that leads to the same over and over` {
  private static let size = 100_000
  private let data = [UInt8](repeating: 7, count: size)

  /// A tar in memory that counts what is read of it.
  private final class CountedTar: RandomAccess {
    let path = "counted.tar"
    private let bytes: [UInt8]
    private let count = Atomic(0)

    init(_ entries: [PythonTar.Entry]) throws { bytes = try PythonTar(entries).bytes() }

    var bytesRead: Int { count.load(ordering: .relaxed) }

    func size() -> Int64 { Int64(bytes.count) }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int {
      guard (0..<Int64(bytes.count)).contains(offset) else { return 0 }
      let part = bytes[Int(offset)...].prefix(buffer.count)
      part.withUnsafeBytes { buffer.copyMemory(from: $0) }
      count.wrappingAdd(part.count, ordering: .relaxed)
      return part.count
    }

    func contents() throws -> TarContents {
      try TarContents(TarIndex.read(self, names: .layout), of: path)
    }
  }

  private static func blob(_ bytes: [UInt8]) -> PythonTar.Entry {
    .init(BlobPath.path(of: Digest(of: bytes)), .file(bytes))
  }

  private static func layout(_ listed: [String]) -> [PythonTar.Entry] {
    [
      .init("oci-layout", .file(LayoutFile.bytes)),
      .init("index.json", #"{"schemaVersion":2,"manifests":[\#(listed.joined(separator: ","))]}"#),
    ]
  }

  private static func manifest(config: [UInt8], layer: [UInt8], more: String = "") -> [UInt8] {
    Array(
      #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociManifest)","config":\#(TestImage.descriptor("\(MediaType.ociConfig)", config)),"layers":[\#(TestImage.descriptor("\(MediaType.ociLayer)", layer))]\#(more)}"#
        .utf8)
  }

  private static func config(_ layer: Digest, more: String = "") -> [UInt8] {
    Array(
      #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["\#(layer)"]}\#(more)}"#
        .utf8)
  }

  @Test func `takes no more steps than there are`() async throws {
    let effort = Effort(of: "x", limit: 10)
    for _ in 0..<5 { try effort.take(2) }
    #expect(effort.steps == 10)
    #expect(throws: LayoutError.tangled(path: "x", limit: 10)) { try effort.take() }
    // A document of nothing costs something too.
    let reading = Effort.ofReading("x", size: 1 << 20)
    var count = 0
    while (try? reading.read(4 << 20)) != nil { count += 1 }
    #expect((60...70).contains(count))
    let small = Effort.ofReading("x", size: 0)
    try small.read(0)
    #expect(small.steps > 0)
    await #expect(throws: LayoutError.cancelled) {
      try await Task {
        withUnsafeCurrentTask { unsafe $0?.cancel() }
        try Effort(of: "x").take()
      }.value
    }
  }

  @Test func `has its links followed at a few steps for each part of a path`() throws {
    let tar = try CountedTar([
      .init("d", .symbolicLink(".")), .init("one", .symbolicLink("d/two")), .init("two", .symbolicLink("x")),
      .init("x", "x"),
    ])
    let contents = try tar.contents()
    let found = try #require(try contents.resolve("d/d/one"))
    #expect(found.name == "x" && found.steps.first == "d/d/one" && found.steps.contains("two"))
    #expect((1...10).contains(contents.effort.steps))
    // As many as the longest path has.
    let other = try tar.contents()
    #expect(try other.resolve(String(repeating: "d/", count: 2000) + "x") == nil)
    #expect((1...40 * 64).contains(other.effort.steps))
    // What leads nowhere by no link costs nothing.
    #expect(try tar.contents().resolve("y") == nil)
  }

  @Test func `is refused where docker's list has a path longer than any`() throws {
    for list in [#"{"Config":"%"}"#, #"{"Config":"a","Layers":["b","%"]}"#] {
      func entries(_ count: Int) throws {
        let text = list.replacing("%", with: String(repeating: "a", count: count))
        _ = try DockerManifestFile.entries(in: Array("[\(text)]".utf8))
      }
      #expect(throws: Never.self) { try entries(4096) }
      #expect(throws: FileFault.pathTooLong(limit: 4096)) { try entries(4097) }
    }
  }

  @Test func `has each file read once that is to be the same as others`() throws {
    var entries: [PythonTar.Entry] = [.init("x", .file(data)), .init("y", .file(data))]
    entries += (0..<50).map { _ in .init("x", .hardLink("y")) }
    let tar = try CountedTar(entries)
    let contents = try tar.contents()
    let before = tar.bytesRead
    #expect(try contents.comparingCopies(in: tar).problems == [])
    #expect(tar.bytesRead - before == 2 * Self.size)
    let other = try CountedTar(
      entries + [.init("z", .file(data.dropLast() + [8])), .init("x", .hardLink("z"))])
    #expect(try other.contents().comparingCopies(in: other).problems == [.duplicate(path: "x")])
  }

  @Test func `has one blob of the file that links call many`() throws {
    let right = Digest(of: data)
    let wrong = (0..<50).map { Digest(of: [UInt8($0)]) }.sorted()
    let links = (wrong + [right]).map { PythonTar.Entry(BlobPath.path(of: $0), .symbolicLink("../../file")) }
    let tar = try CountedTar([.init("file", .file(data))] + links)
    let contents = try tar.contents()
    #expect(contents.blobs.count == 51)
    let before = tar.bytesRead
    let compared = try contents.comparingCopies(in: tar)
    #expect(compared.blobs.keys.elementsEqual([right]))
    #expect(compared.problems == wrong.map { .damaged($0, actual: right) })
    #expect(tar.bytesRead - before == Self.size)
    // One link to one file is a blob wherever it lies, and is read when it is wanted.
    let one = try CountedTar([.init("file", .file(data)), links[0]])
    let alone = try one.contents()
    let start = one.bytesRead
    #expect(try alone.comparingCopies(in: one).blobs.count == 1 && one.bytesRead == start)
  }

  @Test func `has one blob of the file that has many names in a directory`() throws {
    let scratch = try ScratchDirectory()
    let config = Self.config(Digest(of: data))
    let manifest = Self.manifest(config: config, layer: data)
    let root = TestImage.descriptor("\(MediaType.ociManifest)", manifest)
    for entry in Self.layout([root]) + [Self.blob(manifest), Self.blob(config), Self.blob(data)] {
      guard case .file(let bytes) = entry.kind else { continue }
      try FileManager.default.createDirectory(
        atPath: scratch("blobs/sha256"), withIntermediateDirectories: true)
      try scratch.write(bytes, to: entry.name)
    }
    let wrong = (0..<3).map { Digest(of: [UInt8($0)]) }.sorted()
    for digest in wrong {
      try FileManager.default.linkItem(
        atPath: scratch(BlobPath.path(of: Digest(of: data))), toPath: scratch(BlobPath.path(of: digest)))
    }
    let layout = try Layout.open(scratch.path)
    #expect(layout.problems == wrong.map { .damaged($0, actual: Digest(of: data)) })
    #expect(layout.blobs.count == 3)
  }

  @Test func `has a layer read once that docker's list calls many`() throws {
    let ids = (0..<50).map { Digest(of: [UInt8($0)]) }
    func list(_ layers: [[Digest]]) -> [PythonTar.Entry] {
      layers.enumerated().map { number, ids in
        let text = ids.map { #""\#($0)""# }.joined(separator: ",")
        return .init(
          "\(number).json", #"{"os":"linux","rootfs":{"type":"layers","diff_ids":[\#(text)]},"n":\#(number)}"#
        )
      } + [
        .init(
          "manifest.json",
          "["
            + layers.enumerated().map { number, ids in
              #"{"Config":"\#(number).json","RepoTags":["a/b:\#(number)"],"Layers":[\#(ids.map { _ in #""l""# }.joined(separator: ","))]}"#
            }.joined(separator: ",") + "]")
      ]
    }
    let one = try CountedTar([.init("l", .file(data))] + list([ids]))
    let actual = Digest(of: data)
    #expect(throws: LayoutError.wrongContent(ids[1], .mismatch(expected: ids[1], actual: actual))) {
      try Layout.open(one)
    }
    // The first image is read; what is wrong with its layer is found where that is.
    let many = try CountedTar([.init("l", .file(data))] + list(ids.map { [$0] }))
    let layout = try Layout.open(many)
    #expect(layout.images.count == 1 && layout.problems.count == 49)
    #expect(many.bytesRead < 8 * Self.size)
    let right = try CountedTar([.init("l", .file(data))] + list((0..<50).map { _ in [actual] }))
    #expect(try Layout.open(right).problems == [])
    #expect(right.bytesRead < 4 * Self.size)
  }

  @Test func `has one config read once however many entries of docker's list name it`() throws {
    let padding = #","x":""# + String(repeating: "a", count: Self.size) + #"""#
    let big = Array(#"{"os":"linux","rootfs":{"type":"layers","diff_ids":[]}\#(padding)}"#.utf8)
    let config = Self.config(Digest(of: [2]))
    let manifest = Self.manifest(config: config, layer: [2])
    let names = (0..<50).map { #"{"Config":"big.json","RepoTags":["a/b:\#($0)"],"Layers":[]}"# }
    let tar = try CountedTar(
      Self.layout([TestImage.descriptor("\(MediaType.ociManifest)", manifest)])
        + [Self.blob(manifest), Self.blob(config), .init("big.json", .file(big))]
        + [.init("manifest.json", "[\(names.joined(separator: ","))]")])
    let layout = try Layout.open(tar)
    // The layer is not there: so it is asked what the list says of it.
    #expect(layout.problems.contains { if case .missing = $0 { true } else { false } })
    #expect(tar.bytesRead < 10 * Self.size)
  }

  @Test func `has one config read once however many manifests list it`() throws {
    let padding = #","x":""# + String(repeating: "a", count: Self.size) + #"""#
    for (count, problems) in [(1, 0), (2, 1)] {
      let config =
        count == 1
        ? Self.config(Digest(of: [0]), more: padding)
        : Array(#"{"os":"linux","rootfs":{"type":"layers","diff_ids":[]}\#(padding)}"#.utf8)
      let manifests = (0..<50).map { Self.manifest(config: config, layer: [$0]) }
      let tar = try CountedTar(
        Self.layout(manifests.map { TestImage.descriptor("\(MediaType.ociManifest)", $0) })
          + (manifests + [config] + (0..<50).map { [$0] }).map(Self.blob))
      let layout = try Layout.open(tar)
      #expect(layout.problems == (problems == 0 ? [] : [.configDisagrees(Digest(of: config))]))
      #expect(tar.bytesRead < 6 * Self.size + 50 * 20_000)
    }
  }

  @Test func `has content read once that is listed over and over as nothing`() throws {
    let manifest = Self.manifest(
      config: [1], layer: [2],
      more: #","annotations":{"x":""# + String(repeating: "a", count: Self.size) + #""}"#)
    let listed = [String](repeating: TestImage.descriptor("application/x", manifest), count: 50)
    let tar = try CountedTar(Self.layout(listed) + [manifest, [1], [2]].map(Self.blob))
    let layout = try Layout.open(tar)
    #expect(layout.images.count == 50 && layout.images[49].root.mediaType == .ociManifest)
    #expect(tar.bytesRead < 8 * Self.size)
  }

  @Test func `has what its images lack looked for once for all of their names`() throws {
    let config = Self.config(Digest(of: [2]))
    let manifest = Self.manifest(
      config: config, layer: [2],
      more: #","annotations":{"x":""# + String(repeating: "a", count: Self.size) + #""}"#)
    let child = TestImage.descriptor("\(MediaType.ociManifest)", manifest).dropLast()
    let platforms = ["amd64", "arm64"].map { #""platform":{"os":"linux","architecture":"\#($0)"}"# }
    let absent = #"{"mediaType":"\#(MediaType.ociManifest)","digest":"\#(Digest(of: [3]))","size":1"#
    let index = Array(
      #"{"schemaVersion":2,"manifests":[\#(child),\#(platforms[0])},\#(absent),\#(platforms[1])}]}"#.utf8)
    let tar = try CountedTar([index, manifest, config, [2]].map(Self.blob))
    let root = Descriptor(mediaType: .ociIndex, digest: Digest(of: index), size: Int64(index.count))
    let images = (0..<50).map { LayoutImage(reference: nil, name: "\($0)", root: root) }
    for (saved, count) in [(Digest(of: config), 1), (Digest(of: [9]), 0)] {
      let before = tar.bytesRead
      let blobs = try tar.contents().blobs
      let parts = AbsentParts(
        in: tar, blobs, savedConfigs: [saved], needsWitness: true,
        strays: StrayBlobs(blobs, among: { _ in false }, in: tar))
      let found = try parts.find(among: images)
      #expect(found.count == count && found.values.allSatisfy { $0.reason == .absent })
      #expect(tar.bytesRead - before < 5 * Self.size)
    }
  }

  @Test func `has its two lists held against each other in a step for each pair`() throws {
    let config = Self.config(Digest(of: [0]))
    let manifests = (0..<40).map { Self.manifest(config: config, layer: [$0]) }
    let path = BlobPath.path(of: Digest(of: config))
    let entries = (100..<140).map {
      #"{"Config":"\#(path)","Layers":["\#(BlobPath.path(of: Digest(of: [UInt8($0)])))"]}"#
    }
    let tar = try CountedTar(
      Self.layout(manifests.map { TestImage.descriptor("\(MediaType.ociManifest)", $0) })
        + (manifests + [config] + (0..<40).map { [$0] }).map(Self.blob)
        + [.init("manifest.json", "[\(entries.joined(separator: ","))]")])
    let source = try LayoutSource.open(tar: tar, memoryLimit: 64 << 20)
    let front = try LayoutFront.read(source)
    #expect(front.findings.problems == [.disagreement(path: "manifest.json")])
    #expect((1600...2000).contains(source.entries.effort.steps))
  }
}
