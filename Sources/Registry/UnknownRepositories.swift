import Synchronization

/// Repositories of which a registry has said that it does not know them, with its words. Most make a repository when
/// something is pushed to it, and say the same before; which kind this is shows when an upload is opened.
final class UnknownRepositories: Sendable {
  private let words = Mutex<[String: [RegistryMessage]]>([:])

  func note(_ repository: String, _ messages: [RegistryMessage]) {
    words.withLock { $0[repository] = messages }
  }

  /// What was said of `repository`; nil when nothing of the kind was.
  subscript(repository: String) -> [RegistryMessage]? { words.withLock { $0[repository] } }
}

extension RegistryMessage {
  /// Whether it says that what a repository would lie in is not there: `project acme not found` (Harbor, by 401).
  public var saysProjectIsMissing: Bool {
    let text = message.lowercased()
    return text.contains("project") && text.contains("not found")
  }

  /// Whether it leaves open that what may not be written to is not there at all.
  public var saysMayNotExist: Bool { message.lowercased().contains("may not exist") }
}
