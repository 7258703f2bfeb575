import FoundationEssentials
import Glibc
import Images
import Registry
import Synchronization

/// Asks a `docker-credential-<name>` program for a credential
/// (github.com/docker/docker-credential-helpers, "Development"): `get`, the server on its standard input,
/// JSON on its standard output.
struct CredentialHelper: Sendable {
  let name: String
  /// The variables the program runs with. Those that hold a phase's secrets are withheld from it.
  private let environment: [String: String]
  private let timeLimit: Duration

  /// A reply has some hundred bytes; identity tokens some thousand.
  static let longestReply = 64 << 10

  /// `environment` is the caller's: its `PATH` says where the program is.
  init(name: String, environment: [String: String], timeLimit: Duration = .seconds(30)) {
    self.name = name
    self.environment = environment
    self.timeLimit = timeLimit
  }

  /// The credential for `server`; nil when the helper has none. Throws
  /// ``CredentialError/helperFailed(name:server:_:)``.
  func credential(for server: String) throws(CredentialError) -> Credential? {
    do {
      return try reply(for: server)
    } catch {
      throw .helperFailed(name: name.cut(to: 64), server: server.cut(), error)
    }
  }

  private func reply(for server: String) throws(CredentialHelperFailure) -> Credential? {
    guard let program = try locate() else { throw .notFound }
    let child = try HelperProcess(
      program: program, arguments: ["get"],
      environment: environment.filter { !Environment.mayBeSecret($0.key) },
      input: Array("\(server)\n".utf8))
    let (output, status) = try child.finish(within: timeLimit, limit: Self.longestReply)
    guard status == 0 else {
      let text = String(decoding: output, as: UTF8.self).printedAsProse()
      if text.contains("credentials not found") { return nil }
      throw .failed(status: status, message: text)
    }
    guard let reply = try? JSONDecoder().decode(Reply.self, from: Data(output)) else {
      throw .malformedReply
    }
    let username = reply.username ?? ""
    guard let secret = reply.secret, !secret.isEmpty else {
      if username.isEmpty { return nil }
      throw .malformedReply
    }
    return username == "<token>"
      ? .identityToken(username: "", token: secret) : .basic(username: username, password: secret)
  }

  /// The path of the program; nil when no directory of `PATH` has it. A name with a slash would leave
  /// those directories.
  private func locate() throws(CredentialHelperFailure) -> String? {
    let isSound = name.utf8.allSatisfy { byte in
      Character(UnicodeScalar(byte)).isLetter && byte < 128 || (48...57).contains(byte)
        || "._-".utf8.contains(byte)
    }
    guard isSound, !name.isEmpty, name.utf8.count <= 100 else { throw .invalidName }
    // An empty or relative entry would mean the working directory, which is anybody's.
    return (environment[EnvironmentVariable.path.rawValue] ?? "").split(separator: ":").filter {
      $0.hasPrefix("/")
    }
    .map { "\($0)/docker-credential-\(name)" }
    .first { unsafe access($0, X_OK) == 0 }
  }

  private struct Reply: Decodable {
    var username: String?
    var secret: String?

    private enum CodingKeys: String, CodingKey {
      case username = "Username"
      case secret = "Secret"
    }
  }
}

/// Why a credential helper gave no answer.
public enum CredentialHelperFailure: Error, Hashable, Sendable {
  /// The name would not be a program's in `PATH`.
  case invalidName
  /// No directory of `PATH` has the program.
  case notFound
  /// It could not be started, or its pipes failed.
  case notStarted(errno: Int32)
  case timedOut(Duration)
  /// It ended with a status other than 0; a negative one is the signal that ended it.
  case failed(status: Int32, message: String)
  /// It wrote more than a reply can have.
  case tooLong(limit: Int)
  /// Not the JSON the protocol wants.
  case malformedReply
  case cancelled
}

/// What credential helpers answered. Each is asked once for each server: every question is a process, and may
/// be a prompt.
public final class HelperAnswers: Sendable {
  private struct Question: Hashable {
    let name: String
    let server: String
  }

  private let environment: Environment
  /// The lock is held while one is asked.
  private let answers = Mutex<[Question: Result<Credential?, CredentialError>]>([:])

  /// The programs run with `environment`, but for the secrets in it.
  public init(environment: Environment) {
    self.environment = environment
  }

  /// What `docker-credential-<name>` has for `server`; nil when that is nothing. Throws
  /// ``CredentialError/helperFailed(name:server:_:)``.
  func credential(from name: String, for server: String) throws(CredentialError) -> Credential? {
    let question = Question(name: name, server: server)
    return try answers.withLock { answers in
      if let answer = answers[question] { return answer }
      let answer = Result { () throws(CredentialError) in
        try CredentialHelper(name: name, environment: environment.variables).credential(for: server)
      }
      answers[question] = answer
      return answer
    }.get()
  }
}
