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
