import Images
import Layouts

/// Where the manifests of an image of an import come from: its archive, where they are read and proved each time that they
/// are wanted, for thousands of images have too many to be kept; and what compressing layers makes of them.
struct ImportManifests: Sendable {
  private enum Source {
    /// What is not right in the first may be in the others.
    case archive(Layout, [Layout], DescriptorChanges?)
    /// An image of schema 1, which lies in its archive in a form of its own.
    indirect case schema1(Layout, LayoutImage)
    /// It was made on the way.
    indirect case made(Manifest)
  }

  private let source: Source

  init(_ layout: Layout, orIn others: [Layout] = []) { source = .archive(layout, others, nil) }

  /// Those of an image of schema 1.
  init(schema1 image: LayoutImage, in layout: Layout) { source = .schema1(layout, image) }

  /// The one manifest of an image that was made on the way.
  init(made manifest: Manifest) { source = .made(manifest) }

  /// The manifest that a tree's descriptor is of. Throws ``LayoutError``.
  func manifest(_ descriptor: Descriptor) throws -> Manifest {
    switch source {
    case .archive(let layout, let others, let changes?):
      return try changes.manifest(descriptor) { try layout.manifest($0, orIn: others) }
    case .archive(let layout, let others, nil): return try layout.manifest(descriptor, orIn: others)
    case .schema1(let layout, let image):
      guard let manifest = try layout.schema1(image)?.manifest else {
        throw LayoutError.missing(descriptor.digest)
      }
      return manifest
    case .made(let manifest): return manifest
    }
  }

  /// What the image's manifest says, where that is one of schema 1.
  var schema1: Schema1Manifest? {
    get throws {
      guard case .schema1(let layout, let image) = source,
        case .schema1(let content) = try layout.schema1(image)?.manifest.content
      else { return nil }
      return content
    }
  }

  /// The same as `changes` make them; those that were made on the way stay what they are.
  func changed(by changes: DescriptorChanges) -> ImportManifests {
    guard case .archive(let layout, let others, _) = source else { return self }
    return ImportManifests(source: .archive(layout, others, changes))
  }

  private init(source: Source) { self.source = source }

  /// Whether they are read as they lie there, so that what they list may be changed.
  var areOfArchive: Bool { if case .archive = source { true } else { false } }
}
