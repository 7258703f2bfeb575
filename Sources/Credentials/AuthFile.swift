import FoundationEssentials
public import Images
import Registry

/// A docker or containers auth file (`config.json`, `auth.json`; containers-auth.json(5)) as a value.
struct AuthFile: Sendable {
  /// Where the file says the credential of a host or repository is.
  struct Match: Hashable, Sendable {
    /// The file's key, as it stands there: two phases that match one key use one credential.
    let key: String
    let source: Source
    /// Whether the file names the source for this key, and not for whatever has none.
    let isOwn: Bool
  }

  enum Source: Hashable, Sendable {
    case stored(Credential)
    /// `docker-credential-<name>` knows; it is asked for `server`.
    case helper(name: String, server: String)
  }

  private let entries: [String: Entry]
  private let helpers: [String: String]
  private let store: String?
  /// The keys of entries that hold something, and no login that can be read; the others are none the worse for them.
  let brokenKeys: [String]

  /// Reads a file's content. Throws ``AuthFileError/malformed(_:)``.
  init(bytes: [UInt8]) throws(AuthFileError) {
    let file: Content
    do {
      // A login under a key that other tools read and Ferry does not would be passed over, and strangers see less.
      file = try DocumentShape.authFile.decode(Content.self, from: bytes)
    } catch {
      throw .malformed(error.jsonFault)
    }
    let all = (file.auths ?? [:]).mapValues { Entry($0) }
    entries = all.filter { !$0.value.isEmpty }
    let programs = file.credHelpers ?? [:]
    helpers = programs.compactMapValues { value in value.text.flatMap { $0.isEmpty ? nil : $0 } }
    store = file.credsStore.flatMap { $0.isEmpty ? nil : $0 }
    brokenKeys = Set(all.filter { $0.value.isBroken }.keys).union(
      programs.filter { $0.value.text == nil }.keys
    )
    .sorted()
  }

  /// The credential for a repository on `host`: the longest namespaced key first (`nvcr.io/org/team`,
  /// `nvcr.io/org`, `nvcr.io`), a helper before a stored entry of the same key, and at last the store for
  /// all hosts. Helpers of which `vain` tells that they have nothing are passed over. Throws
  /// ``AuthFileError/noLogin(key:)`` and ``AuthFileError/registryTokenAlone(key:)`` when the entry that is the host's
  /// cannot be used.
  func lookup(
    host: String, repository: String?, passingOver vain: Set<Source> = []
  ) throws(AuthFileError) -> Match? {
    var name = ([Self.canonical(host: host)] + (repository.map { [$0] } ?? [])).joined(separator: "/")[...]
    while true {
      if let (key, helper) = Self.find(name, in: helpers) {
        let source = Source.helper(name: helper, server: Self.server(for: key))
        if !vain.contains(source) { return Match(key: key, source: source, isOwn: true) }
      }
      if let (key, entry) = Self.find(name, in: entries) {
        guard !entry.isRegistryTokenAlone else { throw .registryTokenAlone(key: key) }
        guard let credential = entry.credential else { throw .noLogin(key: key) }
        return Match(key: key, source: .stored(credential), isOwn: true)
      }
      guard let slash = name.lastIndex(of: "/") else { break }
      name = name[..<slash]
    }
    guard let store else { return nil }
    let server = Self.server(for: String(name))
    let source = Source.helper(name: store, server: server)
    return vain.contains(source) ? nil : Match(key: server, source: source, isOwn: false)
  }

  /// The value under the key that means `name`; a key spelt exactly so before one with a scheme.
  private static func find<Value>(_ name: Substring, in values: [String: Value]) -> (String, Value)? {
    if let value = values[String(name)] { return (String(name), value) }
    return values.filter { normalized($0.key) == name }.min { $0.key < $1.key }
      .map { ($0.key, $0.value) }
  }

  /// A key without the scheme, and without the `/v1/` and `/v2/` that stand before the names in an API's addresses.
  private static func normalized(_ key: String) -> String {
    var text = key[...]
    let scheme = ["https://", "http://"].first { key.lowercased().hasPrefix($0) }
    if let scheme { text = text.dropFirst(scheme.count) }
    var parts = text.split(separator: "/")
    guard !parts.isEmpty else { return "" }
    let host = canonical(host: String(parts.removeFirst()), isPlain: scheme == "http://")
    // Without a scheme it is no address: a repository may be called so.
    if let version = parts.first, ["v1", "v2"].contains(version), scheme != nil || parts.count == 1 {
      parts.removeFirst()
    }
    return ([host] + parts.map(String.init)).joined(separator: "/")
  }

  /// A host's one name: in lower case, and without the port that need not be said. Docker's registry has three names.
  private static func canonical(host: String, isPlain: Bool = false) -> String {
    var host = host.lowercased()
    let port = isPlain ? ":80" : ":443"
    if host.hasSuffix(port) { host.removeLast(port.count) }
    return host == "index.docker.io" || host == "registry-1.docker.io" ? "docker.io" : host
  }

  /// What a helper calls a host: docker's own keeps its first name.
  private static func server(for name: String) -> String {
    name == "docker.io" ? "https://index.docker.io/v1/" : name
  }

  private struct Content: Decodable {
    /// Of any form: what is wrong with one entry is no reason to be without the others.
    var auths: [String: JSONValue]?
    var credHelpers: [String: JSONValue]?
    var credsStore: String?
  }
}

/// Why an auth file gives no credential. Its entries are named by their keys, which hold no secret.
public enum AuthFileError: Error, Hashable, Sendable {
  /// No JSON of the right shape; where and why it is not, as its decoder says.
  case malformed(JSONFault)
  /// Larger than any real one.
  case tooLarge(limit: Int)
  /// The entry holds no user and password.
  case noLogin(key: String)
  /// The entry holds nothing but a `registrytoken`, which Ferry does not use.
  case registryTokenAlone(key: String)
}

extension AuthFile {
  /// One member of `auths`.
  struct Entry: Sendable {
    private let auth: String?
    private let username: String?
    private let password: String?
    private let identitytoken: String?
    /// What is sent to the registry itself as it is.
    private let registrytoken: String?
    /// Whether it is no object, or one of these is no text.
    private let isMalformed: Bool
    /// Whether nothing stands there, not even an empty object.
    private let isNull: Bool

    init(_ value: JSONValue) {
      let members = value.members ?? [:]
      let text: (String) -> String? = { members[$0]?.text }
      auth = text("auth")
      username = text("username")
      password = text("password")
      identitytoken = text("identitytoken")
      registrytoken = text("registrytoken")
      isNull = value == .null
      let names = ["auth", "username", "password", "identitytoken", "registrytoken"]
      isMalformed =
        !isNull && value.members == nil
        || names.contains { members[$0].map { $0 != .null && $0.text == nil } ?? false }
    }

    /// Whether somebody meant a login here that cannot be read.
    var isBroken: Bool { isNull || !isEmpty && credential == nil && !isRegistryTokenAlone }

    /// docker leaves an empty entry where a store holds the secret.
    var isEmpty: Bool {
      !isMalformed
        && [auth, username, password, identitytoken, registrytoken].allSatisfy { $0?.isEmpty ?? true }
    }

    /// Whether there is a login, and none that Ferry uses.
    var isRegistryTokenAlone: Bool {
      !isMalformed && !isEmpty
        && [auth, username, password, identitytoken].allSatisfy { $0?.isEmpty ?? true }
    }

    /// nil when it cannot be read, `auth` is no base64 of `user:password`, or half of the pair is missing.
    var credential: Credential? {
      guard !isMalformed else { return nil }
      let pair = Self.pair(auth)
      if let identitytoken, !identitytoken.isEmpty {
        return .identityToken(username: pair?.username ?? username ?? "", token: identitytoken)
      }
      if let auth, !auth.isEmpty {
        return pair.map { .basic(username: $0.username, password: $0.password) }
      }
      guard let username, let password, !username.isEmpty else { return nil }
      return .basic(username: username, password: password)
    }

    private static func pair(_ auth: String?) -> (username: String, password: String)? {
      guard let auth, let bytes = Data(base64Encoded: auth, options: .ignoreUnknownCharacters) else {
        return nil
      }
      var text = String(decoding: [UInt8](bytes), as: UTF8.self)[...]
      // docker pads passwords with zeros.
      while text.hasSuffix("\0") { text = text.dropLast() }
      guard let colon = text.firstIndex(of: ":"), colon > text.startIndex else { return nil }
      return (String(text[..<colon]), String(text[text.index(after: colon)...]))
    }
  }
}
