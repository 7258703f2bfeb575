import Transport

/// What is special about some registries: a value, from who knows them.
public struct RegistryQuirks: Hashable, Sendable {
  /// The registries' hosts, with or without a port: without, any port is meant.
  let hosts: Set<String>
  /// The only hosts where they may send for tokens beside their own; without a port, the scheme's own is meant.
  let realmHosts: Set<String>
  /// Whether they get the credential itself, unasked, when their realm turned it down: a proxy may choose the system
  /// behind by the credential, which then sends a challenge of its own.
  let choosesByCredential: Bool

  public init(hosts: Set<String>, realmHosts: Set<String>, choosesByCredential: Bool) {
    self.hosts = Set(hosts.map { $0.lowercased() })
    self.realmHosts = Set(realmHosts.map { $0.lowercased() })
    self.choosesByCredential = choosesByCredential
  }

  /// Nothing is special.
  public static let none = Self(hosts: [], realmHosts: [], choosesByCredential: false)

  /// Whether the registry at `origin` is one of them.
  func apply(to origin: HTTPURL) -> Bool {
    hosts.contains(origin.host) || hosts.contains("\(origin.host):\(origin.port)")
  }
}

/// Which token servers may see a registry's credentials. A challenge is only the registry's word, and
/// whoever answers in its place can name any realm.
public struct RealmRules: Hashable, Sendable {
  let quirks: RegistryQuirks

  public init(_ quirks: RegistryQuirks) { self.quirks = quirks }

  /// Whether credentials for the registry at `origin` may go to `realm`. Throws the reason against it.
  func check(_ realm: HTTPURL, for origin: HTTPURL) throws(RealmRefusal) {
    guard !realm.hasUserInfo else { throw .userInfo }
    guard !realm.isPlain || origin.isPlain else { throw .plainHTTP }
    // The registry's own host sees them anyway.
    if realm.host == origin.host && realm.port == origin.port { return }
    switch AddressClass(host: realm.host) {
    // Whether the registry itself is in a private network is known when it has been connected to.
    case .ordinary, .local: break
    case .loopback: guard AddressClass(host: origin.host) == .loopback else { throw .loopback }
    case .reserved: throw .reserved
    case .linkLocal: throw .linkLocal
    case .metadata: throw .metadata
    }
    guard quirks.apply(to: origin) else { return }
    let isKnown =
      quirks.realmHosts.contains("\(realm.host):\(realm.port)") || quirks.realmHosts.contains(realm.authority)
    guard isKnown else { throw .unknownHost }
  }
}

/// Why a token server must not see credentials.
public enum RealmRefusal: Error, Hashable, Sendable {
  /// Not an http or https URL.
  case malformed
  /// The URL brings a user name or password.
  case userInfo
  /// It is plain HTTP, and the registry is not.
  case plainHTTP
  /// It lies on this machine, and the registry does not.
  case loopback
  /// No host's address.
  case reserved
  case linkLocal
  /// A cloud's metadata service.
  case metadata
  /// Not one of the hosts known for this registry.
  case unknownHost
}
