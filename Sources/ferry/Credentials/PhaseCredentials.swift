import FoundationEssentials
import NVIDIA
import Registry
import Transfers

/// Finds a phase's credentials in that phase's own places, first hit wins (design §1).
struct PhaseCredentials: Sendable {
  enum Phase: String, Sendable {
    case export
    case `import`

    var other: Phase { self == .export ? .import : .export }

    /// The service of NVIDIA's that the phase most likely speaks to.
    var service: NVIDIAService { self == .export ? .dgx : .ngc }
  }

  /// What was given on the command line, secrets already read.
  enum Explicit: Sendable {
    case login(username: String, password: String)
    case apiKey(String, path: String)
    case none
  }

  let phase: Phase
  let explicit: Explicit
  /// `--auth-file`, which then is the only file looked at.
  let authFile: String?
  let nvidiaHosts: NVIDIAHosts
  let environment: [String: String]
  let helpers: HelperAnswers
  /// Hears what is odd about what was found. It may hear the same thing again.
  let warn: @Sendable (CredentialWarning) -> Void

  /// The user NVIDIA's registries expect beside an API key.
  static let apiKeyUser = "$oauthtoken"

  /// Far beyond any real one, in bytes.
  private static let longestAuthFile = 4 << 20

  /// The credential for `repository` of `host`. Throws ``CredentialError`` when a place that must be readable
  /// is not.
  func find(host: String, repository: String) throws -> Registries.Found {
    let found = try search(host: host, repository: repository)
    if nvidiaHosts.contains(host) { try examine(found, host: host, repository: repository) }
    return found
  }

  /// Throws ``CredentialError/oneLoginForSeveralHosts(_:hosts:)`` when what was given without a host's name
  /// would be shown to each of several.
  func checkThatLoginServes(_ hosts: Set<String>) throws {
    guard hosts.count > 1, let found = try explicitly() ?? ownEnvironment() else { return }
    throw CredentialError.oneLoginForSeveralHosts(found.source, hosts: hosts.sorted())
  }

  /// On NVIDIA's hosts both phases have a key of their own for one name.
  private func examine(_ found: Registries.Found, host: String, repository: String) throws {
    if let service = found.credential.flatMap({ APIKey($0) })?.shape.suggests, service != phase.service {
      warn(.keyOfOtherPhase(host: host, phase: phase, looksLike: service))
    }
    guard found.source.isShared else { return }
    let other = PhaseCredentials(
      phase: phase.other, explicit: .none, authFile: authFile, nvidiaHosts: nvidiaHosts,
      environment: environment, helpers: helpers, warn: { _ in })
    if let same = try? other.search(host: host, repository: repository), same.source == found.source {
      warn(.sharedByPhases(host: host, found.source))
    }
  }

  private func search(host: String, repository: String) throws -> Registries.Found {
    if let found = explicitly() { return found }
    if let found = try inEnvironment(host: host) { return found }
    if let found = try inAuthFiles(host: host, repository: repository) { return found }
    return Registries.Found(credential: nil, source: .anonymous)
  }

  private func explicitly() -> Registries.Found? {
    switch explicit {
    case .login(let username, let password):
      Registries.Found(credential: .basic(username: username, password: password), source: .flags)
    case .apiKey(let key, let path):
      Registries.Found(
        credential: .basic(username: Self.apiKeyUser, password: key), source: .keyFile(path))
    case .none: nil
    }
  }

  private func inEnvironment(host: String) throws -> Registries.Found? {
    if let found = try ownEnvironment() { return found }
    guard phase == .import, nvidiaHosts.contains(host) else { return nil }
    for name in ["NGC_API_KEY", "NGC_CLI_API_KEY"] {
      guard let key = value(of: name) else { continue }
      return Registries.Found(
        credential: .basic(username: Self.apiKeyUser, password: key), source: .environment([name]))
    }
    return nil
  }

  /// What the phase's own variables hold, which name no host.
  private func ownEnvironment() throws -> Registries.Found? {
    let prefix = "FERRY_\(phase.rawValue.uppercased())_"
    if let key = value(of: prefix + "API_KEY") {
      return Registries.Found(
        credential: .basic(username: Self.apiKeyUser, password: key),
        source: .environment([prefix + "API_KEY"]))
    }
    let names = [prefix + "USERNAME", prefix + "PASSWORD"]
    switch (value(of: names[0]), value(of: names[1])) {
    case (let username?, let password?):
      return Registries.Found(
        credential: .basic(username: username, password: password), source: .environment(names))
    case (nil, nil): return nil
    case (nil, _): throw CredentialError.halfSet(present: names[1], missing: names[0])
    case (_, nil): throw CredentialError.halfSet(present: names[0], missing: names[1])
    }
  }

  private func inAuthFiles(host: String, repository: String) throws -> Registries.Found? {
    for (path, isRequired) in authFiles {
      guard FileManager.default.fileExists(atPath: path) || isRequired else { continue }
      guard let bytes = InputFile.bytes(of: path, limit: Self.longestAuthFile) else {
        throw CredentialError.unreadable(path: path)
      }
      guard bytes.count <= Self.longestAuthFile else { throw CredentialError.malformed(path: path) }
      let match: AuthFile.Match?
      do {
        match = try AuthFile(bytes: bytes).lookup(host: host, repository: repository)
      } catch RegistryError.malformedAuthFile(let reason) {
        throw CredentialError.malformed(path: path, why: reason)
      } catch RegistryError.malformedAuthEntry(let key) {
        throw CredentialError.malformed(path: path, why: "its entry '\(key)' holds no user and password")
      } catch {
        throw CredentialError.malformed(path: path)
      }
      guard let match else { continue }
      switch match.source {
      case .stored(let credential):
        return Registries.Found(credential: credential, source: .authFile(path: path, entry: match.key))
      case .helper(let name, let server):
        guard let credential = try helpers.credential(from: name, for: server) else { continue }
        return Registries.Found(
          credential: credential, source: .helper(name: name, server: server, path: path))
      }
    }
    return nil
  }

  /// The auth files to look at, in order, and whether each must exist.
  private var authFiles: [(path: String, isRequired: Bool)] {
    if let authFile { return [(authFile, true)] }
    var files: [(path: String, isRequired: Bool)] = []
    if let path = value(of: "REGISTRY_AUTH_FILE") { files.append((path, true)) }
    if let directory = value(of: "DOCKER_CONFIG") {
      files.append((directory + "/config.json", false))
    } else if let home = value(of: "HOME") {
      files.append((home + "/.docker/config.json", false))
    }
    return files
  }

  /// A variable that is set and not empty.
  private func value(of name: String) -> String? {
    environment[name].flatMap { $0.isEmpty ? nil : $0 }
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
