import Digests
import Synchronization

/// In which repositories a registry was found to have no referrers API, for the rest of the run: a registry
/// may well be several behind one name.
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

  private let states = Mutex<[String: State]>([:])

  /// How many manifests are asked for before nobody is asked any more.
  private static let enough = 2

  /// Whether nothing is to be asked for `subject`.
  func isMissing(for repository: String, _ subject: Digest) -> Bool {
    states.withLock { states in
      states[repository].map { $0.isMissing || $0.unanswered.contains(subject) } ?? false
    }
  }

  func noteAnswer(for repository: String) {
    states.withLock { $0[repository, default: State()].hasAnswered = true }
  }

  /// Hears that the API is not there: by an answer that says so (`isCertain`), or one that says nothing.
  func noteMissing(for repository: String, _ subject: Digest, isCertain: Bool) {
    states.withLock { states in
      var state = states[repository] ?? State()
      state.unanswered.insert(subject)
      if !state.hasAnswered, isCertain || state.unanswered.count >= Self.enough { state.isMissing = true }
      states[repository] = state
    }
  }
}
