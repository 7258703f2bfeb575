public import Transport

/// Which token servers may see a registry's credentials. A challenge is only the registry's word, and
/// whoever answers in its place can name any realm.
public struct RealmRules: Hashable, Sendable {
  /// The registry hosts treated as NVIDIA's, with or without a port: without, any port is meant.
  public let nvidiaHosts: Set<String>
  /// The only hosts where NVIDIA's registries may send for tokens beside their own; without a port, the
  /// scheme's own is meant.
  public let nvidiaRealmHosts: Set<String>

  /// The hosts in NVIDIA's challenges: `nvcr.io` today, `registry.nvidia.com` of the legacy system,
  /// `authn.nvidia.com` after a token's end.
  public static let knownRealmHosts: Set<String> = ["nvcr.io", "registry.nvidia.com", "authn.nvidia.com"]

  public init(nvidiaHosts: Set<String> = ["nvcr.io"], nvidiaRealmHosts: Set<String> = Self.knownRealmHosts) {
    self.nvidiaHosts = Set(nvidiaHosts.map { $0.lowercased() })
    self.nvidiaRealmHosts = Set(nvidiaRealmHosts.map { $0.lowercased() })
  }

  /// Whether the registry at `origin` is NVIDIA's.
  public func isNVIDIA(_ origin: HTTPURL) -> Bool {
    nvidiaHosts.contains(origin.host) || nvidiaHosts.contains("\(origin.host):\(origin.port)")
  }

  /// Whether credentials for the registry at `origin` may go to `realm`. Throws the reason against it.
  public func check(_ realm: HTTPURL, for origin: HTTPURL) throws(RealmRefusal) {
    guard !realm.hasUserInfo else { throw .userInfo }
    guard !realm.isPlain || origin.isPlain else { throw .plainHTTP }
    // The registry's own host sees them anyway.
    if realm.host == origin.host && realm.port == origin.port { return }
    switch AddressClass(host: realm.host) {
    case .ordinary: break
    case .loopback: guard AddressClass(host: origin.host) == .loopback else { throw .loopback }
    case .linkLocal: throw .linkLocal
    case .metadata: throw .metadata
    }
    guard isNVIDIA(origin) else { return }
    let isKnown =
      nvidiaRealmHosts.contains("\(realm.host):\(realm.port)") || nvidiaRealmHosts.contains(realm.authority)
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
  case linkLocal
  /// A cloud's metadata service.
  case metadata
  /// Not one of the hosts known for this registry.
  case unknownHost
}
