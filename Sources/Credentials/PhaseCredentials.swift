import FoundationEssentials
public import Registry

/// The half of a move that looks for credentials, each in places of its own.
public enum Phase: String, Hashable, Sendable {
  case export
  case `import`

  /// The phase whose credentials must not be taken for this one's.
  public var other: Phase { self == .export ? .import : .export }
}

/// The registry hosts at which either phase has a key of its own under one name, and what is known of such keys.
public struct TwoKeyHosts: Sendable {
  let contains: @Sendable (_ host: String) -> Bool
  let phase: @Sendable (Credential) -> Phase?

  /// `phase` is the one that a key is most likely for by its looks; nil when they say nothing.
  public init(
    contains: @escaping @Sendable (_ host: String) -> Bool, phase: @escaping @Sendable (Credential) -> Phase?
  ) {
    self.contains = contains
    self.phase = phase
  }
}

/// Something odd about a credential that is used all the same. No case carries a secret.
public enum CredentialWarning: Hashable, Sendable {
  /// A key file that others than its owner may read.
  case keyFileReadable(path: String)
  /// Both phases would take this entry for one host, and only one of them can be right.
  case sharedByPhases(host: String, CredentialSource)
  /// The key that `phase` found has the shape of the other phase's.
  case keyOfOtherPhase(host: String, phase: Phase)
  /// A helper program gave no credential; what else was found, if anything, is used.
  case helperGaveNothing(MissedCredential)
  /// What a helper program wrote to its standard error, on one line.
  case helperRemarked(name: String, remark: String)
  /// An auth file's entry that holds no login that can be read.
  case brokenEntry(path: String, key: String)
  /// A file or directory of those kept for one host that cannot be read, or does not hold what it should.
  case hostFileUnusable(path: String)
}

/// Finds a phase's credentials in that phase's own places, first hit wins (design §1).
public struct PhaseCredentials: Sendable {
  /// Reads at most so many bytes of a file and one more; nil, or an error of its own that says why, when it cannot be read.
  /// Throws `CancellationError` when the task is cancelled meanwhile.
  public typealias FileReader = @Sendable (_ path: String, _ limit: Int) throws -> [UInt8]?

  private let phase: Phase
  private let explicit: ExplicitCredential
  private let authFile: String?
  private let twoKeyHosts: TwoKeyHosts
  private let environment: Environment
  private let helpers: HelperAnswers
  private let read: FileReader
  private let warn: @Sendable (CredentialWarning) -> Void

  /// The user NVIDIA's registries expect beside an API key.
  private static let apiKeyUser = "$oauthtoken"

  /// Far beyond any real one, in bytes.
  private static let longestAuthFile = 4 << 20

  /// `authFile`, where there is one, is then the only file looked at. `warn` hears what is odd about what was found; it may
  /// hear the same thing again.
  public init(
    phase: Phase, explicit: ExplicitCredential, authFile: String?, twoKeyHosts: TwoKeyHosts,
    environment: Environment, helpers: HelperAnswers, read: @escaping FileReader,
    warn: @escaping @Sendable (CredentialWarning) -> Void
  ) {
    self.phase = phase
    self.explicit = explicit
    self.authFile = authFile
    self.twoKeyHosts = twoKeyHosts
    self.environment = environment
    self.helpers = helpers
    self.read = read
    self.warn = warn
  }

  /// The credential for `repository` of `host`. Throws ``CredentialError`` when a place that must be readable
  /// is not, and what the file reader throws.
  public func find(host: String, repository: String) throws -> FoundCredential {
    let found = try search(host: host, repository: repository)
    if twoKeyHosts.contains(host) { try examine(found, host: host, repository: repository) }
    return found
  }

  /// Throws ``CredentialError/oneLoginForSeveralHosts(_:hosts:)`` when what was given without a host's name
  /// would be shown to each of several.
  public func checkThatLoginServes(_ hosts: Set<String>) throws(CredentialError) {
    guard hosts.count > 1 else { return }
    var found = explicitly()
    if found == nil { found = try ownEnvironment() }
    guard let found else { return }
    throw .oneLoginForSeveralHosts(found.source, hosts: hosts.sorted())
  }

  /// On these hosts both phases have a key of their own for one name.
  private func examine(_ found: FoundCredential, host: String, repository: String) throws {
    if found.credential.flatMap(twoKeyHosts.phase) == phase.other {
      warn(.keyOfOtherPhase(host: host, phase: phase))
    }
    guard found.source.isShared else { return }
    let other = PhaseCredentials(
      phase: phase.other, explicit: .none, authFile: authFile, twoKeyHosts: twoKeyHosts,
      environment: environment, helpers: helpers, read: read, warn: { _ in })
    if let same = try? other.search(host: host, repository: repository), same.source == found.source {
      warn(.sharedByPhases(host: host, found.source))
    }
  }

  private func search(host: String, repository: String) throws -> FoundCredential {
    if let found = explicitly() { return found }
    if let found = try inEnvironment(host: host) { return found }
    var missed: [MissedCredential] = []
    let found = try inAuthFiles(host: host, repository: repository, missed: &missed)
    // A helper that has nothing is odd only where nobody else has.
    for miss in missed where found == nil || miss.failure != nil { warn(.helperGaveNothing(miss)) }
    return found ?? FoundCredential(credential: nil, source: .anonymous, missed: missed)
  }

  private func explicitly() -> FoundCredential? {
    switch explicit {
    case .login(let username, let password):
      FoundCredential(credential: .basic(username: username, password: password), source: .flags)
    case .apiKey(let key, let path):
      FoundCredential(credential: .basic(username: Self.apiKeyUser, password: key), source: .keyFile(path))
    case .none: nil
    }
  }

  private func inEnvironment(host: String) throws(CredentialError) -> FoundCredential? {
    if let found = try ownEnvironment() { return found }
    guard phase == .import, twoKeyHosts.contains(host) else { return nil }
    return apiKey(in: .ngcAPIKey) ?? apiKey(in: .ngcCLIAPIKey)
  }

  /// What the phase's own variables hold, which name no host.
  private func ownEnvironment() throws(CredentialError) -> FoundCredential? {
    let (key, username, password): (EnvironmentVariable, EnvironmentVariable, EnvironmentVariable) =
      switch phase {
      case .export: (.exportAPIKey, .exportUsername, .exportPassword)
      case .import: (.importAPIKey, .importUsername, .importPassword)
      }
    if let found = apiKey(in: key) { return found }
    switch (environment.value(of: username), environment.value(of: password)) {
    case (let user?, let secret?):
      return FoundCredential(
        credential: .basic(username: user, password: secret),
        source: .environment([username.rawValue, password.rawValue]))
    case (nil, nil): return nil
    case (nil, _): throw .halfSet(present: password, missing: username)
    case (_, nil): throw .halfSet(present: username, missing: password)
    }
  }

  private func apiKey(in variable: EnvironmentVariable) -> FoundCredential? {
    environment.value(of: variable).map { key in
      FoundCredential(
        credential: .basic(username: Self.apiKeyUser, password: key),
        source: .environment([variable.rawValue]))
    }
  }

  private func inAuthFiles(
    host: String, repository: String, missed: inout [MissedCredential]
  ) throws -> FoundCredential? {
    for (path, isRequired) in authFiles {
      guard FileManager.default.fileExists(atPath: path) || isRequired else { continue }
      guard let bytes = try read(path, Self.longestAuthFile) else {
        throw CredentialError.unreadable(path: path)
      }
      let found = try Self.using(path) { () throws(AuthFileError) in
        guard bytes.count <= Self.longestAuthFile else { throw .tooLarge(limit: Self.longestAuthFile) }
        return try AuthFile(bytes: bytes)
      }
      if let found = try credential(in: found, at: path, host: host, repository: repository, missed: &missed)
      {
        return found
      }
    }
    return nil
  }

  /// What `file`, the auth file at `path`, has for the repository, or a helper that it names.
  private func credential(
    in file: AuthFile, at path: String, host: String, repository: String, missed: inout [MissedCredential]
  ) throws(CredentialError) -> FoundCredential? {
    var vain: Set<AuthFile.Source> = []
    while true {
      let match = try Self.using(path) { () throws(AuthFileError) in
        try file.lookup(host: host, repository: repository, passingOver: vain)
      }
      if vain.isEmpty { for key in file.brokenKeys { warn(.brokenEntry(path: path, key: key)) } }
      guard let match else { return nil }
      guard case .helper(let name, let server) = match.source else {
        guard case .stored(let credential) = match.source else { return nil }
        return FoundCredential(
          credential: credential, source: .authFile(path: path, entry: match.key), missed: missed)
      }
      vain.insert(match.source)
      var failure: CredentialHelperFailure?
      do {
        let answer = try helpers.credential(from: name, for: server) {
          warn(.helperRemarked(name: name, remark: $0))
        }
        if let answer {
          return FoundCredential(
            credential: answer, source: .helper(name: name, server: server, path: path), missed: missed)
        }
      } catch {
        // Who names the file in which this host has a helper of its own wants that helper's credential and no other.
        guard case .helperFailed(_, _, let cause) = error, cause != .cancelled,
          authFile == nil || !match.isOwn
        else { throw error }
        failure = cause
      }
      missed.append(MissedCredential(name: name, server: server, path: path, failure: failure))
    }
  }

  /// What is read from the auth file at `path`, which is named when it cannot be used.
  private static func using<Value>(
    _ path: String, _ read: () throws(AuthFileError) -> Value
  ) throws(CredentialError) -> Value {
    do { return try read() } catch { throw .authFile(path: path, error) }
  }

  /// The auth files to look at, in order, and whether each must exist: docker's places, then podman's.
  private var authFiles: [(path: String, isRequired: Bool)] {
    if let authFile { return [(authFile, true)] }
    let home = environment.value(of: .home)
    var files: [(path: String, isRequired: Bool)] = []
    if let path = environment.value(of: .registryAuthFile) { files.append((path, true)) }
    if let directory = environment.value(of: .dockerConfig) {
      files.append((directory + "/config.json", false))
    } else if let home {
      files.append((home + "/.docker/config.json", false))
    }
    // containers-auth.json(5): one place for this session, one for good.
    let places = [environment.value(of: .runtimeDirectory), environment.configDirectory]
    return files + places.compactMap(\.self).map { ("\($0)/containers/auth.json", false) }
  }
}

extension CredentialSource {
  /// Whether it is a store by host, in which the other phase looks as well.
  fileprivate var isShared: Bool {
    switch self {
    case .authFile, .helper: true
    case .flags, .keyFile, .environment, .anonymous: false
    }
  }
}
