import Images
import Layouts

/// Where the manifests of an image of an import come from: its archive, where they are read and proved each time that they
/// are wanted, for thousands of images have too many to be kept; and what compressing layers makes of them.
struct ImportManifests: Sendable {
  private let layout: Layout
  private let changes: DescriptorChanges?

  init(_ layout: Layout, changes: DescriptorChanges? = nil) {
    self.layout = layout
    self.changes = changes
  }

  /// The manifest that a tree's descriptor is of. Throws ``LayoutError``.
  func manifest(_ descriptor: Descriptor) throws -> Manifest {
    guard let changes else { return try layout.manifest(descriptor) }
    return try changes.manifest(descriptor, fetch: layout.manifest)
  }
}
