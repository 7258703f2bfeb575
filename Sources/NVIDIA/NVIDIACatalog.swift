import Images
import Synchronization
public import Transport

/// What a key shows of NVIDIA's registries, whichever of the two it is for. Calls block and may come from
/// many threads.
public final class NVIDIACatalog: Sendable {
  private enum BackEnd: Sendable {
    case dgx(Listed<NVIDIARepository>)
    /// `failure`: why the organisations could not be listed; a key may well list one by its name.
    case ngc(organizations: Listed<String>, failure: NVIDIAError? = nil)
  }

  private let shape: KeyShape
  private let dgx: DGXCatalog
  private let ngc: NGCCatalog
  /// What the key was found to be for, with what was learnt on the way. Locked while it is asked, so that this happens
  /// once.
  private let found = Mutex<BackEnd?>(nil)

  public init(key: APIKey, services: NVIDIAServices, http: HTTPClient) {
    shape = key.shape
    dgx = DGXCatalog(key: key, services: services, http: http)
    ngc = NGCCatalog(key: key, services: services, http: http)
  }

  /// The repositories at or below `location`, a path without its host; "" for all the key shows.
  public func repositories(below location: String) throws(NVIDIAError) -> NVIDIARepositories {
    switch try backEnd() {
    case .dgx(let listed): Self.merge([listed], below: location)
    case .ngc(let organizations, let failure):
      try repositories(below: location, organizations, failure)
    }
  }

  /// The tags of a repository that ``repositories(below:)`` named.
  public func tags(of repository: NVIDIARepository) throws(NVIDIAError) -> Listed<NVIDIATag> {
    switch try backEnd() {
    case .dgx: try dgx.tags(of: repository.path)
    case .ngc: try ngc.tags(of: repository.path)
    }
  }

  private func backEnd() throws(NVIDIAError) -> BackEnd {
    try found.withLock { found throws(NVIDIAError) in
      if let found { return found }
      let backEnd = try ask()
      found = backEnd
      return backEnd
    }
  }

  /// The service that takes the key, found by asking: first the one such a key is likely for, then, if that one
  /// refuses it or is gone, the other. Throws ``NVIDIAError/noServiceAccepts(_:)``.
  private func ask() throws(NVIDIAError) -> BackEnd {
    var refusals: [NVIDIAError.Refusal] = []
    var unlisted: NVIDIAError?
    let first = shape.suggests ?? .ngc
    for service in [first, first == .dgx ? .ngc : .dgx] {
      do throws(NVIDIAError) {
        switch service {
        case .dgx: return .dgx(try dgx.repositories())
        case .ngc:
          try ngc.authenticate()
          do throws(NVIDIAError) {
            return .ngc(organizations: try ngc.organizations())
          } catch {
            if case .unauthorized = error { throw error }
            unlisted = error
            throw error
          }
        }
      } catch {
        guard error.pointsElsewhere else { throw error }
        refusals.append(NVIDIAError.Refusal(service: service, error: error))
      }
    }
    // A key that is good for a token but not for the list of organisations may still list one by its name.
    if let unlisted {
      return .ngc(organizations: Listed(entries: [], skipped: [], missingPages: 0), failure: unlisted)
    }
    throw .noServiceAccepts(refusals)
  }

  /// An organisation's own list has its private repositories; another's, through the member's first one,
  /// only the public ones (as ngc-container-replicator lists `nvidia`).
  private func repositories(
    below location: String, _ organizations: Listed<String>, _ unlisted: NVIDIAError?
  ) throws(NVIDIAError) -> NVIDIARepositories {
    // All that the key shows cannot be told without its organisations.
    if location.isEmpty, let unlisted { throw unlisted }
    let own = organizations.entries
    let wanted = location.split(separator: "/").first.map(String.init)
    let asked: [String] =
      switch wanted {
      case nil: own
      case let wanted? where own.contains(wanted): [wanted]
      case let wanted?: [wanted] + own.prefix(1)
      }
    var lists: [Listed<NVIDIARepository>] = []
    var failures: [NVIDIAListingFailure] = []
    for organization in asked {
      do {
        lists.append(try ngc.repositories(of: organization))
      } catch {
        guard !error.isCancellation else { throw error }
        failures.append(NVIDIAListingFailure(path: organization, error: error))
      }
    }
    if lists.isEmpty, let failure = failures.first { throw failure.error }
    let merged = Self.merge(lists, below: location)
    // That someone else's organisation has no list for us is no failure when its public repositories came. Whose
    // it is, the whole list of organisations tells, and that it has none for us a refusal.
    let isForeign =
      wanted.map { !own.contains($0) } == true && unlisted == nil && organizations.skipped.isEmpty
      && organizations.missingPages == 0
    return NVIDIARepositories(
      repositories: merged.repositories,
      failures: failures.filter {
        !(isForeign && !merged.repositories.isEmpty && $0.error.isRefusal)
      },
      skipped: organizations.skipped + merged.skipped,
      missingPages: [merged.missingPages, organizations.missingPages].saturatingSum())
  }

  private static func merge(
    _ lists: [Listed<NVIDIARepository>], below location: String
  ) -> NVIDIARepositories {
    var repositories: [String: NVIDIARepository] = [:]
    for repository in lists.flatMap(\.entries) where repository.isBelow(location) {
      if repositories[repository.path] == nil { repositories[repository.path] = repository }
    }
    return NVIDIARepositories(
      repositories: repositories.values.sorted { $0.path < $1.path }, failures: [],
      skipped: lists.flatMap(\.skipped),
      missingPages: lists.map(\.missingPages).saturatingSum())
  }
}

extension NVIDIAError {
  /// Whether the service knows who asks and shows nothing.
  fileprivate var isRefusal: Bool {
    switch self {
    case .unauthorized, .denied, .notFound: true
    default: false
    }
  }

  fileprivate var isCancellation: Bool {
    if case .transport(_, .cancelled) = self { true } else { false }
  }
}
