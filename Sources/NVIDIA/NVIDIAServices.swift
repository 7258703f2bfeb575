public import Registry
import Transport

/// The two registries behind NVIDIA's one host name. Which of them answers depends on the key.
public enum NVIDIAService: String, Hashable, Sendable, CaseIterable {
  /// The legacy DGX registry of compute.nvidia.com.
  case dgx
  /// NGC private registries.
  case ngc
}

/// Where NVIDIA's REST services are. Keys go to these addresses and to no others.
public struct NVIDIAServices: Hashable, Sendable {
  let dgxAPI: HTTPURL
  let ngcAPI: HTTPURL
  /// What turns a key into a token for ``ngcAPI``.
  let ngcAuthn: HTTPURL

  public static let defaultDGXAPI = "https://compute.nvidia.com"
  public static let defaultNGCAPI = "https://api.ngc.nvidia.com"
  public static let defaultNGCAuthn = "https://authn.nvidia.com"

  /// Parses the services' base addresses. Throws ``NVIDIAError/invalidAddress(_:_:)``, also for one
  /// with a user name or a query.
  public init(
    dgxAPI: String = Self.defaultDGXAPI, ngcAPI: String = Self.defaultNGCAPI,
    ngcAuthn: String = Self.defaultNGCAuthn
  ) throws(NVIDIAError) {
    self.dgxAPI = try Self.base(dgxAPI)
    self.ngcAPI = try Self.base(ngcAPI)
    self.ngcAuthn = try Self.base(ngcAuthn)
  }

  private static func base(_ text: String) throws(NVIDIAError) -> HTTPURL {
    let url = try parse(text)
    guard !url.hasUserInfo, url.query == nil else {
      throw .invalidAddress(url.description, .userOrQuery)
    }
    return url
  }

  /// The URL of `path` below `base`. What is put in it from outside has been checked to be a name.
  static func url(_ base: HTTPURL, _ path: String) throws(NVIDIAError) -> HTTPURL {
    try parse(base.full + (base.path.hasSuffix("/") ? "" : "/") + path)
  }

  private static func parse(_ text: String) throws(NVIDIAError) -> HTTPURL {
    do {
      return try HTTPURL(text)
    } catch {
      guard case .invalidURL(let shown, let fault) = error else {
        throw .invalidAddress("", .notAURL(nil))
      }
      throw .invalidAddress(shown, .notAURL(fault))
    }
  }
}

/// The registry hosts that are NVIDIA's, where DGX and NGC share one name.
public struct NVIDIAHosts: Hashable, Sendable {
  /// With or without a port: without, any port is meant.
  public let names: Set<String>

  /// `nvcr.io` alone.
  public static let standard = Self(names: ["nvcr.io"])

  public init(names: Set<String>) {
    self.names = Set(names.map { $0.lowercased() })
  }

  /// Whether `host`, as it stands in a reference, is one of them.
  public func contains(_ host: String) -> Bool {
    let host = host.lowercased()
    if names.contains(host) { return true }
    guard let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") else { return false }
    return names.contains(String(host[..<colon]))
  }
}

extension RegistryQuirks {
  /// What is special about NVIDIA's registries at `hosts`, which may send for tokens to `realmHosts`. Their proxy chooses
  /// the system behind by the credential, and the legacy one then sends a challenge of its own
  /// (github.com/apptainer/singularity/issues/1159).
  public static func nvidia(
    _ hosts: NVIDIAHosts = .standard, realmHosts: Set<String> = NVIDIAHosts.realmHosts
  ) -> Self {
    Self(hosts: hosts.names, realmHosts: realmHosts, choosesByCredential: true)
  }
}

extension NVIDIAHosts {
  /// The hosts in NVIDIA's challenges: `nvcr.io` today, `registry.nvidia.com` of the legacy system,
  /// `authn.nvidia.com` after a token's end.
  public static let realmHosts: Set<String> = ["nvcr.io", "registry.nvidia.com", "authn.nvidia.com"]
}
