/// A repository as NVIDIA's REST services describe it.
public struct NVIDIARepository: Hashable, Sendable {
  /// The repository's name on the registry, without its host: `<space>/<name>` on DGX,
  /// `<org>/[<team>/]<name>` on NGC. Fit to stand in a reference and in a URL.
  public let path: String
  /// Its owner's Markdown, exactly as the service sent it: not fit to be printed as it is.
  public let description: String?
  public let isPublic: Bool?
  public let isReadOnly: Bool?

  public init(
    path: String, description: String? = nil, isPublic: Bool? = nil, isReadOnly: Bool? = nil
  ) {
    self.path = path
    self.description = description
    self.isPublic = isPublic
    self.isReadOnly = isReadOnly
  }

  /// Whether it is the repository `location`, or lies below it. Everything lies below "".
  public func isBelow(_ location: String) -> Bool {
    location.isEmpty || path == location || path.hasPrefix(location + "/")
  }
}
