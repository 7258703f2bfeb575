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
  }

  enum Source: Hashable, Sendable {
    case stored(Credential)
    /// `docker-credential-<name>` knows; it is asked for `server`.
    case helper(name: String, server: String)
  }

  private let entries: [String: Entry]
  private let helpers: [String: String]
  private let store: String?

  /// Reads a file's content. Throws ``AuthFileError/malformed(_:)``.
  init(bytes: [UInt8]) throws(AuthFileError) {
    let file: Content
    do {
      // A login under a key that other tools read and Ferry does not would be passed over, and strangers see less.
      file = try DocumentShape.authFile.decode(Content.self, from: bytes)
    } catch {
      throw .malformed(error.jsonFault)
    }
    entries = file.auths ?? [:]
    helpers = file.credHelpers ?? [:]
    store = file.credsStore.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The credential for a repository on `host`: the longest namespaced key first (`nvcr.io/org/team`,
  /// `nvcr.io/org`, `nvcr.io`), a helper before a stored entry of the same key, and at last the store for
  /// all hosts. Throws ``AuthFileError/noLogin(key:)`` and ``AuthFileError/registryTokenAlone(key:)`` when the
  /// entry that is the host's cannot be used.
  func lookup(host: String, repository: String?) throws(AuthFileError) -> Match? {
    var name = ([Self.canonical(host: host)] + (repository.map { [$0] } ?? [])).joined(separator: "/")[...]
    while true {
      if let (key, helper) = Self.find(name, in: helpers), !helper.isEmpty {
        return Match(key: key, source: .helper(name: helper, server: Self.server(for: key)))
      }
      if let (key, entry) = Self.find(name, in: entries), !entry.isEmpty {
        guard !entry.isRegistryTokenAlone else { throw .registryTokenAlone(key: key) }
        guard let credential = entry.credential else { throw .noLogin(key: key) }
        return Match(key: key, source: .stored(credential))
      }
      guard let slash = name.lastIndex(of: "/") else { break }
      name = name[..<slash]
    }
    guard let store else { return nil }
    let server = Self.server(for: String(name))
    return Match(key: server, source: .helper(name: store, server: server))
  }

  /// The value under the key that means `name`; a key spelt exactly so before one with a scheme.
  private static func find<Value>(_ name: Substring, in values: [String: Value]) -> (String, Value)? {
    if let value = values[String(name)] { return (String(name), value) }
    return values.filter { normalized($0.key) == name }.min { $0.key < $1.key }
      .map { ($0.key, $0.value) }
  }

  /// A key without the scheme and the `/v1/` that old ones carry.
  private static func normalized(_ key: String) -> String {
    var text = key[...]
    for scheme in ["https://", "http://"] where text.lowercased().hasPrefix(scheme) {
      text = text.dropFirst(scheme.count)
    }
    while text.hasSuffix("/") { text = text.dropLast() }
    let parts = text.split(separator: "/", maxSplits: 1)
    guard let host = parts.first else { return "" }
    let path = parts.count > 1 && parts[1] != "v1" && parts[1] != "v2" ? "/\(parts[1])" : ""
    return canonical(host: String(host)) + path
  }

  /// Docker's registry has three names for one.
  private static func canonical(host: String) -> String {
    let host = host.lowercased()
    return host == "index.docker.io" || host == "registry-1.docker.io" ? "docker.io" : host
  }

  /// What a helper calls a host: docker's own keeps its first name.
  private static func server(for name: String) -> String {
    name == "docker.io" ? "https://index.docker.io/v1/" : name
  }

  private struct Content: Decodable {
    var auths: [String: Entry]?
    var credHelpers: [String: String]?
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
  struct Entry: Decodable, Sendable {
    var auth: String?
    var username: String?
    var password: String?
    var identitytoken: String?
    /// What is sent to the registry itself as it is.
    var registrytoken: String?

    /// docker leaves an empty entry where a store holds the secret.
    var isEmpty: Bool {
      [auth, username, password, identitytoken, registrytoken].allSatisfy { $0?.isEmpty ?? true }
    }

    /// Whether there is a login, and none that Ferry uses.
    var isRegistryTokenAlone: Bool {
      !isEmpty && [auth, username, password, identitytoken].allSatisfy { $0?.isEmpty ?? true }
    }

    /// nil when `auth` is no base64 of `user:password`, or half of the pair is missing.
    var credential: Credential? {
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
