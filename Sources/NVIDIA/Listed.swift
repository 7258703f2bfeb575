/// What one REST answer lists, each entry once, and what of it could not be used.
public struct Listed<Element: Sendable>: Sendable {
  public let entries: [Element]
  public let skipped: [SkippedEntry]
  /// How many further pages the service says there are. How to ask for them is not known.
  public let missingPages: Int
}

extension Listed: Equatable where Element: Equatable {}
extension Listed: Hashable where Element: Hashable {}

/// An entry of a REST answer that names nothing usable.
public struct SkippedEntry: Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    case notAnObject
    case nameMissing
    /// No repository or tag can have this name; it is fit to be printed.
    case nameInvalid(String)
  }

  public let service: NVIDIAService
  /// The list it stood in, redacted.
  public let url: String
  public let reason: Reason
}

/// The repositories at or below a path, and what keeps the list from being complete.
public struct NVIDIARepositories: Hashable, Sendable {
  /// By name, each once.
  public let repositories: [NVIDIARepository]
  /// Organisations that could not be listed.
  public let failures: [NVIDIAListingFailure]
  public let skipped: [SkippedEntry]
  /// How many pages of lists the service kept back.
  public let missingPages: Int
}

/// An organisation that could not be listed.
public struct NVIDIAListingFailure: Error, Hashable, Sendable {
  /// Without the host.
  public let path: String
  public let error: NVIDIAError
}

/// A repository as NVIDIA's REST services describe it.
public struct NVIDIARepository: Hashable, Sendable {
  /// The repository's name on the registry, without its host: `<space>/<name>` on DGX,
  /// `<org>/[<team>/]<name>` on NGC. Fit to stand in a reference and in a URL.
  public let path: String
  /// Its owner's Markdown, exactly as the service sent it: not fit to be printed as it is.
  public let description: String?
  public let isPublic: Bool?
  public let isReadOnly: Bool?

  init(
    path: String, description: String? = nil, isPublic: Bool? = nil, isReadOnly: Bool? = nil
  ) {
    self.path = path
    self.description = description
    self.isPublic = isPublic
    self.isReadOnly = isReadOnly
  }

  /// Whether it is the repository `location`, or lies below it. Everything lies below "".
  func isBelow(_ location: String) -> Bool {
    location.isEmpty || path == location || path.hasPrefix(location + "/")
  }
}

/// A tag as NVIDIA's REST services describe it.
public struct NVIDIATag: Hashable, Sendable {
  public let name: String
  /// Of the image, in bytes; nil when the service gives none that fits.
  public let size: Int64?
  /// When it was last pushed, in ISO 8601 as the service wrote it.
  public let lastModified: String?
  /// Docker's identifier of the image: DGX alone has it.
  public let imageID: String?

  init(name: String, size: Int64? = nil, lastModified: String? = nil, imageID: String? = nil) {
    self.name = name
    self.size = size
    self.lastModified = lastModified
    self.imageID = imageID
  }
}
