import Images
import Layouts

/// Where the manifests of an image of an import come from: its archive, where they are read and proved each time that they
/// are wanted, for thousands of images have too many to be kept; and what compressing layers makes of them.
struct ImportManifests: Sendable {
  private enum Source {
    case archive(Layout, DescriptorChanges?)
    /// An image of schema 1, which lies in its archive in a form of its own.
    indirect case schema1(Layout, LayoutImage)
    /// It was made on the way.
    indirect case made(Manifest)
  }

  private let source: Source

  init(_ layout: Layout, changes: DescriptorChanges? = nil) { source = .archive(layout, changes) }

  /// Those of an image of schema 1.
  init(schema1 image: LayoutImage, in layout: Layout) { source = .schema1(layout, image) }

  /// The one manifest of an image that was made on the way.
  init(made manifest: Manifest) { source = .made(manifest) }

  /// The manifest that a tree's descriptor is of. Throws ``LayoutError``.
  func manifest(_ descriptor: Descriptor) throws -> Manifest {
    switch source {
    case .archive(let layout, let changes?):
      return try changes.manifest(descriptor, fetch: layout.manifest)
    case .archive(let layout, nil): return try layout.manifest(descriptor)
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

  /// Whether they are read as they lie there, so that what they list may be changed.
  var areOfArchive: Bool { if case .archive = source { true } else { false } }
}
