import Synchronization

/// In which repositories a registry was found to have no referrers API, for the rest of the run: a registry
/// may well be several behind one name.
final class ReferrersAPI: Sendable {
  private let missing = Mutex<Set<String>>([])

  func isMissing(for repository: String) -> Bool { missing.withLock { $0.contains(repository) } }

  func noteMissing(for repository: String) { missing.withLock { _ = $0.insert(repository) } }
}
