import Digests
public import Images
import Synchronization
import Transport

/// What a registry's referrers API lists for a manifest.
public struct ListedReferrers: Hashable, Sendable {
  /// Each once, of any type: whether it can be carried is the caller's to see.
  public var manifests: [Descriptor] = []
  /// Entries that cannot be read.
  public var unreadable: [UnreadableReferrer] = []
}

/// An entry of a list of referrers that cannot be read.
public enum UnreadableReferrer: Hashable, Sendable {
  /// Something else than an object.
  case notAnObject
  /// It has no text for a digest.
  case withoutDigest
  /// What it has for a digest, fit to be printed.
  case named(String)
}

/// Asks a registry's referrers API, and remembers for the rest of the run in which repositories there is none: a
/// registry may well be several behind one name.
///
/// That there is "nothing here" may be said of one manifest alone, by a registry that has the API, or by a gateway
/// that has a bad moment. So it is believed of a repository when two of its manifests have got that answer and none
/// another one, or when the answer itself says that the question is not known.
final class ReferrersAPI: Sendable {
  private struct State {
    /// Whether the API has answered.
    var hasAnswered = false
    var isMissing = false
    /// The manifests for which there was nothing.
    var unanswered: Set<Digest> = []
  }

  private let connection: RegistryConnection
  private let states = Mutex<[String: State]>([:])

  init(_ connection: RegistryConnection) { self.connection = connection }

  /// What a registry's referrers API lists for a manifest; nil where there is no such API, which is asked for until
  /// that is certain. `isForPush` asks as one who is about to push there.
  func referrers(
    of subject: Digest, in repository: String, isForPush: Bool = false
  ) throws(RegistryError) -> ListedReferrers? {
    guard !isMissing(for: repository, subject) else { return nil }
    let purpose = Purpose.reading(.manifest(subject.description), in: repository, isForPush: isForPush)
    var referrers = ListedReferrers()
    var known: Set<Digest> = []
    var visited: Set<HTTPURL> = []
    var emptyPages = 0
    var pace = ListPace()
    var next: OwnAddresses.Place? = OwnAddresses.Place(
      first: try connection.url(repository, "referrers/\(subject)"))
    do throws(RegistryError) {
      while let place = next {
        let url = place.first
        guard visited.insert(url).inserted, visited.count <= Self.mostPages else {
          throw .malformedResponse(url: url.description, .header("Link"))
        }
        guard !Task.isCancelled else { throw .transport(.cancelled) }
        let start = ContinuousClock.now
        let (response, from) = try connection.exchange(at: place, for: purpose) { url in
          var request = HTTPRequest(.get, url, bodyLimit: Self.pageLimit)
          request.headers.set("Accept", MediaType.ociIndex.rawValue)
          return request
        } isPage: {
          (try? ReferrersPage($0)) != nil
        }
        if visited.count == 1, let absence = ReferrersAbsence.stated(by: response) {
          // An answer about this manifest says nothing of others.
          if absence != .ofManifest {
            noteMissing(for: repository, subject, isCertain: absence == .ofAPI)
          }
          return nil
        }
        // It knows of no digests like that one.
        if visited.count == 1, response.status == 400, subject.algorithm != .sha256 { return nil }
        guard response.status == 200 else { throw refusal(response, for: purpose) }
        let page = try ReferrersPage(response)
        noteAnswer(for: repository)
        let before = referrers.manifests.count
        for referrer in page.manifests where known.insert(referrer.digest).inserted {
          referrers.manifests.append(referrer)
        }
        // A registry leads to what is new. A cache that does not look at the query gives the same page again.
        guard visited.count == 1 || referrers.manifests.count > before || page.manifests.isEmpty else {
          throw .malformedResponse(url: url.description, .repeatedPage)
        }
        referrers.unreadable += page.unreadable
        guard referrers.manifests.count + referrers.unreadable.count <= Self.mostReferrers else {
          throw .malformedResponse(url: url.description, .list)
        }
        let added = referrers.manifests.count - before + page.unreadable.count
        let isBorne = pace.isBorne(added, in: start.duration(to: .now))
        emptyPages = page.manifests.isEmpty && page.unreadable.isEmpty ? emptyPages + 1 : 0
        if LinkHeader(response) != .none {
          guard emptyPages < NameLimits.mostEmptyPages else {
            throw .malformedResponse(url: url.description, .emptyPages(emptyPages))
          }
          guard isBorne else { throw .malformedResponse(url: url.description, .slowList) }
        }
        next = try LinkHeader(response).target(
          at: from, of: .referrers(of: subject.description, in: repository), by: try connection.addresses)
      }
    } catch {
      // A page that fails behind the first is no refusal of the API, and no word on the manifest.
      guard visited.count > 1 else { throw error }
      throw .listCutShort(
        host: connection.host, .referrers(of: subject, in: repository), read: referrers.manifests.count, error
      )
    }
    return referrers
  }

  /// Far beyond what any manifest has.
  private static let mostReferrers = 10_000
  private static let mostPages = 1_000
  private static let pageLimit = 8 << 20

  /// Why there is no list though the question is known.
  private func refusal(_ response: HTTPResponse, for purpose: Purpose) -> RegistryError {
    let messages = connection.messages(in: response)
    // With whatever status it comes, this code is the one of 401.
    if response.status < 500, messages.contains(where: { $0.code.uppercased() == "UNAUTHORIZED" }) {
      return connection.unauthorized(purpose, messages)
    }
    let failure = connection.failure(response, for: purpose)
    switch failure {
    // "Not found" would be believed.
    case .manifestNotFound, .repositoryNotFound:
      return .refused(url: response.url.description, status: response.status, messages: messages)
    default: return failure
    }
  }

  /// How many manifests are asked for before nobody is asked any more.
  private static let enough = 2

  /// Whether nothing is to be asked for `subject`.
  private func isMissing(for repository: String, _ subject: Digest) -> Bool {
    states.withLock { states in
      states[repository].map { $0.isMissing || $0.unanswered.contains(subject) } ?? false
    }
  }

  private func noteAnswer(for repository: String) {
    states.withLock { $0[repository, default: State()].hasAnswered = true }
  }

  /// Hears that the API is not there: by an answer that says so (`isCertain`), or one that says nothing.
  private func noteMissing(for repository: String, _ subject: Digest, isCertain: Bool) {
    states.withLock { states in
      var state = states[repository] ?? State()
      state.unanswered.insert(subject)
      if !state.hasAnswered, isCertain || state.unanswered.count >= Self.enough { state.isMissing = true }
      states[repository] = state
    }
  }
}
