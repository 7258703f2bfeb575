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
