import Digests
public import Images

/// One image of a layout, as `index.json` lists it.
public struct LayoutImage: Hashable, Sendable {
  /// The source's name; nil when an archive of another tool gives none that is whole.
  public let reference: Reference?
  /// What `index.json` calls it, as it stands there; empty when it has no name.
  public let name: String
  public let root: Descriptor
  /// Whether it is here for the manifest it refers to, and has no name but its repository and digest: other
  /// tools find it listed without one, as image layouts list referrers.
  public let isReferrer: Bool

  /// What to call it: its name, or the tag if that is all it has, or else its digest. Fit to be printed.
  public var label: String { reference != nil || bareTag != nil ? name : root.digest.description }

  /// The tag, of an image of which a tag is all that is known.
  public var bareTag: String? {
    reference == nil && RepositoryName.isValidTag(name) && !ArchiveName.isID(name) ? name : nil
  }

  public init(reference: Reference?, name: String, root: Descriptor, isReferrer: Bool = false) {
    self.reference = reference
    self.name = name
    self.root = root
    self.isReferrer = isReferrer
  }

  init(_ reference: Reference, root: Descriptor, isReferrer: Bool = false) {
    self.init(reference: reference, name: reference.description, root: root, isReferrer: isReferrer)
  }

  /// Whether its place in `index.json` or the form of its tag says that it refers to a manifest.
  public var looksLikeReferrer: Bool { isReferrer || reference?.tag.flatMap { ReferrerTag($0) } != nil }

  /// In the order of `index.json`: what has a name stands before what only refers.
  static func precedes(_ left: Self, _ right: Self) -> Bool {
    left.isReferrer != right.isReferrer
      ? right.isReferrer : left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
  }
}
