public import Images

/// One image of a layout, as `index.json` lists it.
public struct LayoutImage: Hashable, Sendable {
  /// The source's name; nil when an archive of another tool gives none that is whole.
  public let reference: Reference?
  /// What `index.json` calls it, as it stands there; empty when it has no name.
  public let name: String
  public let root: Descriptor

  public init(reference: Reference?, name: String, root: Descriptor) {
    self.reference = reference
    self.name = name
    self.root = root
  }

  init(_ reference: Reference, root: Descriptor) {
    self.init(reference: reference, name: reference.description, root: root)
  }
}
