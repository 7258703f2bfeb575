/// The names that those look for who read a tar of some kind. Where what a reader must not overlook is said twice, they
/// tell what matters.
public struct TarNames: Sendable {
  /// What such a tar begins with: a damaged header that still has that name is known for one.
  public let first: String?
  /// Files that are looked for at the top.
  private let files: Set<String>
  /// What the names of others of those end with.
  private let ending: String?
  /// A folder that is looked into, with its slash.
  private let folder: String?

  public init(first: String? = nil, files: Set<String> = [], ending: String? = nil, folder: String? = nil) {
    self.first = first
    self.files = files
    self.ending = ending
    self.folder = folder
  }

  /// Whether a name at the top is one that is looked for.
  func isFile(_ name: String) -> Bool { files.contains(name) || ending.map(name.hasSuffix) ?? false }

  /// Whether a name stands where such names are looked for.
  func isInPlace(_ name: String) -> Bool { !name.contains("/") || folder.map(name.hasPrefix) ?? false }
}
