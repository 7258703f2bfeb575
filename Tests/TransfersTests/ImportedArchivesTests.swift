import Digests
import Images
import Layouts
import TestSupport
import Testing

@testable import Transfers

@Suite struct `The archives of an import` {
  private let directory = TemporaryDirectory()

  /// An archive of one image of one layer.
  private func archive(_ name: String, layer: String) throws -> Layout {
    try DockerSave([.init(["a.example/dept/\(name):1"], layers: [try DockerSave.layer(layer)])])
      .write(to: directory.file(name))
    return try Layout.open(directory.file(name))
  }

  private func archives(_ layouts: [Layout]) -> ImportedArchives {
    ImportedArchives(
      layouts.map { ArchiveInput($0.path) }, opened: layouts.map { OpenedArchive.inPlace($0) })
  }

  /// A few archives are asked one after the other, many are not.
  @Test(arguments: [3, 30]) func `give each blob out of the first that has it with its size`(
    count: Int
  ) throws {
    let (first, second) = (try archive("a", layer: "same"), try archive("b", layer: "same"))
    let third = try archive("c", layer: "other")
    let archives = archives([first, second, third] + (3..<count).map { _ in third })
    let shared = try #require(try first.tree(of: first.images[0]).blobs.last)
    let other = try #require(try third.tree(of: third.images[0]).blobs.last)
    let longer = Descriptor(mediaType: shared.mediaType, digest: shared.digest, size: shared.size + 1)
    let holders = try archives.holders(of: [shared, other])
    #expect(holders(shared) === first && holders(other) === third)
    #expect(try archives.holders(of: [longer])(longer) == nil)
  }

  @Test(.timeLimit(.minutes(3))) func `are not gone through for each blob`() throws {
    let layout = try archive("a", layer: "same")
    let archives = archives(Array(repeating: layout, count: 20_000))
    let blobs = (0..<20_000).map { number in
      Descriptor(mediaType: .ociLayer, digest: Digest(of: Array("\(number)".utf8)), size: 1)
    }
    let holders = try archives.holders(of: blobs)
    #expect(blobs.allSatisfy { holders($0) == nil })
  }

  @Test func `are left alone by who is interrupted`() async throws {
    let archives = archives([try archive("a", layer: "same")])
    let selection = ImageSelection(
      ImportRequest(
        archives: [], mapping: NameMapping(destination: try RegistryLocation("n.example")),
        temporary: "/nonexistent"),
      keepGoing: false)
    #expect(try selection.select(from: archives).images.count == 1)
    let interrupted = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try selection.select(from: archives).images.count
    }
    await #expect(throws: CancellationError.self) { try await interrupted.value }
  }
}
