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
  /// How much is shown of what a program writes to its standard error, in characters: the end of it, where the reason
  /// stands.
  private static let longestRemark = 500

  /// `environment` is the caller's: its `PATH` says where the program is.
  init(name: String, environment: [String: String], timeLimit: Duration = .seconds(30)) {
    self.name = name
    self.environment = environment
    self.timeLimit = timeLimit
  }

  /// The credential for `server`; nil when the helper has none. `hear` gets what the program wrote to its standard
  /// error, on one line and without the secret, however it ended. Throws
  /// ``CredentialError/helperFailed(name:server:_:)``.
  func credential(
    for server: String, hear: (String) -> Void = { _ in }
  ) throws(CredentialError) -> Credential? {
    do {
      return try reply(for: server, hear: hear)
    } catch {
      throw .helperFailed(name: name.cut(to: 64), server: server.cut(), error)
    }
  }

  private func reply(
    for server: String, hear: (String) -> Void
  ) throws(CredentialHelperFailure) -> Credential? {
    guard let program = try locate() else { throw .notFound }
    let child = try HelperProcess(
      program: program, arguments: ["get"],
      environment: environment.filter { !Environment.mayBeSecret($0.key) },
      input: Array("\(server)\n".utf8))
    var remarks: [UInt8] = []
    let result: Result<(output: [UInt8], status: Int32), CredentialHelperFailure>
    do {
      result = .success(try child.finish(within: timeLimit, limit: Self.longestReply, remarks: &remarks))
    } catch {
      result = .failure(error)
    }
    let output = (try? result.get().output) ?? []
    let reply = try? DocumentShape.loose.decode(Reply.self, from: output)
    // A program that fails may have said before what nobody is to read.
    let secrets = reply?.spellings ?? []
    let remark = Self.end(of: String(decoding: Self.whole(remarks).hiding(secrets), as: UTF8.self))
    if !remark.isEmpty { hear(remark) }
    let status = try result.get().status
    guard status == 0 else {
      let text = String(decoding: output.hiding(secrets), as: UTF8.self).printedAsProse()
      if Self.saysNothingIsThere(text) || Self.saysNothingIsThere(remark) { return nil }
      throw .failed(status: status, message: text.isEmpty ? remark : text)
    }
    guard let reply else { throw .malformedReply }
    let username = reply.username ?? ""
    guard let secret = reply.secret, !secret.isEmpty else {
      if username.isEmpty { return nil }
      throw .malformedReply
    }
    return username == "<token>"
      ? .identityToken(username: "", token: secret) : .basic(username: username, password: secret)
  }

  /// What helpers made with docker's library say of a server that they hold nothing for, or of one that has no name.
  private static func saysNothingIsThere(_ text: String) -> Bool {
    let text = text.lowercased()
    return text.contains("credentials not found") || text.contains("no credentials server url")
  }

  /// What a program wrote, without the word of which only the end may be kept: it may be that of the secret.
  private static func whole(_ remarks: [UInt8]) -> [UInt8] {
    guard remarks.count >= HelperProcess.longestRemarks else { return remarks }
    return Array(remarks.drop { $0 > 0x20 })
  }

  /// The end of a text of many lines, on one.
  private static func end(of text: String) -> String {
    let line = text.printedAsProse(limit: HelperProcess.longestRemarks)
    guard line.count > longestRemark else { return line }
    // What is left of the word that is cut may be the end of a secret, by which nobody would know it.
    return "…" + line.suffix(longestRemark).drop { $0 != " " }
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

    /// The secret as it may stand in a text.
    var spellings: [String] {
      secret.map { Credential.basic(username: username ?? "", password: $0).spellings } ?? []
    }
  }
}

/// What credential helpers answered. Each is asked once for each server: every question is a process, and may
/// be a prompt.
public final class HelperAnswers: Sendable {
  private struct Question: Hashable {
    let name: String
    let server: String
  }

  private struct Answer {
    let credential: Result<Credential?, CredentialError>
    /// What the program wrote to its standard error.
    let remark: String
  }

  private let environment: Environment
  /// The lock is held while one is asked.
  private let answers = Mutex<[Question: Answer]>([:])

  /// Ends all programs that run, with all that they have started: for who ends at once.
  public static func endPrograms() { HelperProcess.endAll() }

  /// The programs run with `environment`, but for the secrets in it.
  public init(environment: Environment) {
    self.environment = environment
  }

  /// What `docker-credential-<name>` has for `server`; nil when that is nothing. `hear` gets what it wrote to its
  /// standard error. Throws ``CredentialError/helperFailed(name:server:_:)``.
  func credential(
    from name: String, for server: String, hear: (String) -> Void
  ) throws(CredentialError) -> Credential? {
    let question = Question(name: name, server: server)
    let answer = answers.withLock { answers in
      if let answer = answers[question] { return answer }
      var remark = ""
      let credential = Result { () throws(CredentialError) in
        try CredentialHelper(name: name, environment: environment.variables)
          .credential(for: server) { remark = $0 }
      }
      let answer = Answer(credential: credential, remark: remark)
      answers[question] = answer
      return answer
    }
    if !answer.remark.isEmpty { hear(answer.remark) }
    return try answer.credential.get()
  }
}
