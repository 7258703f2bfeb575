import Digests
import Images
import Registry
import Synchronization

/// Which tags of a repository name referrers. The tags are listed once, for all its images.
final class ReferrerTags: Sendable {
  private let client: RegistryClient
  private let repository: String
  /// nil until they were listed. The lock is held while they are.
  private let listed = Mutex<Listed?>(nil)

  private enum Listed {
    case tags(Set<ReferrerTag>)
    /// The registry lists no tags for whoever asks: each is asked for by itself.
    case untold
  }

  init(_ client: RegistryClient, repository: String) {
    self.client = client
    self.repository = repository
  }

  /// Whether the repository has the tag. `asksDirectly` also where the list of its tags does not have it, for a registry
  /// may hide such tags there: not one that lists others of cosign's.
  func contains(_ tag: ReferrerTag, asksDirectly: Bool) throws(RegistryError) -> Bool {
    let listed = try listed.withLock { (listed) throws(RegistryError) in
      if let listed { return listed }
      let fresh = try list()
      listed = fresh
      return fresh
    }
    switch listed {
    case .tags(let tags):
      if tags.contains(tag) { return true }
      guard asksDirectly, tags.allSatisfy({ $0.kind == .list }) else { return false }
      return try has(tag)
    case .untold: return try has(tag)
    }
  }

  /// Asked by GET: HEAD may know less.
  private func has(_ tag: ReferrerTag) throws(RegistryError) -> Bool {
    do throws(RegistryError) {
      return try client.manifestIfPresent(tag.tag, of: repository) != nil
    } catch {
      if case .notAManifest = error { return true }
      throw error
    }
  }

  private func list() throws(RegistryError) -> Listed {
    do {
      return .tags(Set(try client.tags(of: repository).compactMap { ReferrerTag($0) }))
    } catch {
      switch error {
      // It has manifests, so it is there, whatever is said of its tags.
      case .repositoryNotFound, .denied, .unauthorized, .refused, .malformedResponse, .listCutShort:
        return .untold
      default: throw error
      }
    }
  }
}
