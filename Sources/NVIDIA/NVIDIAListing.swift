/// The repositories below a place, and what stands in the way of a whole list.
public struct NVIDIARepositories: Hashable, Sendable {
  public let service: NVIDIAService
  /// By name, each once.
  public let repositories: [NVIDIARepository]
  /// Organisations that could not be listed.
  public let failures: [NVIDIAListingFailure]
  public let skipped: [SkippedEntry]
  /// How many pages of lists the service kept back.
  public let missingPages: Int
}

/// Repositories with their tags.
public struct NVIDIAListing: Hashable, Sendable {
  public struct Entry: Hashable, Sendable {
    public let repository: NVIDIARepository
    /// In the service's order.
    public let tags: [NVIDIATag]
  }

  public let service: NVIDIAService
  /// By name.
  public let entries: [Entry]
  /// Organisations and repositories that could not be listed.
  public let failures: [NVIDIAListingFailure]
  public let skipped: [SkippedEntry]
  /// How many pages of lists the service kept back.
  public let missingPages: Int
}

/// An organisation or repository that could not be listed.
public struct NVIDIAListingFailure: Error, Hashable, Sendable {
  /// Without the host.
  public let path: String
  public let error: NVIDIAError
}
