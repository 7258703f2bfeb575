import Foundation

/// The images that `fixtures/images` makes. They are made once for a run of the tests.
public struct FixtureImages: Sendable {
  /// `repository:tag` (or `repository@digest` for the image without a tag) and the digest of each image,
  /// in the order they were made.
  public let images: [(name: String, digest: String)]
  let storage: RegistryStorage

  public static func shared() throws -> FixtureImages { try made.get() }

  /// The digest of the fixture image `name`, `repository:tag`.
  public static func digest(of name: String) throws -> String {
    guard let image = try shared().images.first(where: { $0.name == name }) else {
      throw TestFailure("fixtures/images makes no \(name)")
    }
    return image.digest
  }

  private static let made = Result {
    let registry = try RegistryProcess(root: RunDirectory.make("fixtures"), options: .init())
    defer { registry.stop() }
    let result = try Command(
      "\(PackageDirectory.path)/fixtures/images", ["--foreign", registry.url]
    ).run()
    guard result.status == 0 else { throw TestFailure("fixtures/images: \(result.standardError)") }
    let images = result.standardOutput.split(separator: "\n").compactMap { line in
      line.firstIndex(of: " ").map {
        (name: String(line[..<$0]), digest: String(line[line.index(after: $0)...]))
      }
    }
    return FixtureImages(images: images, storage: registry.storage)
  }
}
