import Registry
import Synchronization

/// What credential helpers answered. Each is asked once for each server: every question is a process, and may
/// be a prompt.
final class HelperAnswers: Sendable {
  private struct Question: Hashable {
    let name: String
    let server: String
  }

  private let environment: [String: String]
  /// The lock is held while one is asked.
  private let answers = Mutex<[Question: Result<Credential?, RegistryError>]>([:])

  init(environment: [String: String]) {
    self.environment = environment
  }

  /// What `docker-credential-<name>` has for `server`; nil when that is nothing.
  func credential(from name: String, for server: String) throws(RegistryError) -> Credential? {
    let question = Question(name: name, server: server)
    return try answers.withLock { answers in
      if let answer = answers[question] { return answer }
      let answer = Result { () throws(RegistryError) in
        try CredentialHelper(name: name, environment: environment).credential(for: server)
      }
      answers[question] = answer
      return answer
    }.get()
  }
}
