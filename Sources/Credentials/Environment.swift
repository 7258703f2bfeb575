/// The names of the variables that Ferry looks at. Nobody else has them: others are given values, and words for people take
/// the names from here.
public enum EnvironmentVariable: String, CaseIterable, Hashable, Sendable {
  // Each phase's own credentials.
  case exportAPIKey = "FERRY_EXPORT_API_KEY"
  case exportUsername = "FERRY_EXPORT_USERNAME"
  case exportPassword = "FERRY_EXPORT_PASSWORD"
  case importAPIKey = "FERRY_IMPORT_API_KEY"
  case importUsername = "FERRY_IMPORT_USERNAME"
  case importPassword = "FERRY_IMPORT_PASSWORD"
  // The key that NVIDIA's own tools are given for NGC.
  case ngcAPIKey = "NGC_API_KEY"
  case ngcCLIAPIKey = "NGC_CLI_API_KEY"
  /// The password of the key that signs.
  case signPassphrase = "FERRY_SIGN_PASSPHRASE"

  // Where NVIDIA's registries and services are, for tests and private deployments.
  case dgxAPI = "FERRY_DGX_API"
  case ngcAPI = "FERRY_NGC_API"
  case ngcAuthn = "FERRY_NGC_AUTHN"
  case nvidiaHosts = "FERRY_NVIDIA_HOSTS"
  case nvidiaRealmHosts = "FERRY_NVIDIA_REALM_HOSTS"

  // Where files and programs are.
  /// containers-auth.json(5).
  case registryAuthFile = "REGISTRY_AUTH_FILE"
  /// The directory of docker's `config.json`.
  case dockerConfig = "DOCKER_CONFIG"
  case home = "HOME"
  /// The XDG Base Directory Specification's.
  case stateHome = "XDG_STATE_HOME"
  case configHome = "XDG_CONFIG_HOME"
  case runtimeDirectory = "XDG_RUNTIME_DIR"
  case path = "PATH"
  /// POSIX.1-2017, "Environment Variables".
  case temporary = "TMPDIR"

  // How curl and OpenSSL are told which certificate authorities to trust.
  case curlCABundle = "CURL_CA_BUNDLE"
  case sslCertFile = "SSL_CERT_FILE"
  case sslCertDirectory = "SSL_CERT_DIR"

  /// Where programs that use TLS write the keys of their sessions down, for whoever wants to read along. Ferry does not.
  case sslKeyLogFile = "SSLKEYLOGFILE"

  // How curl is told which proxies to use. `HTTP_PROXY` is none of them: a web server sets it to what a client says.
  case httpProxy = "http_proxy"
  case httpsProxy = "https_proxy"
  case httpsProxyInCapitals = "HTTPS_PROXY"
  case allProxy = "all_proxy"
  case allProxyInCapitals = "ALL_PROXY"
  case noProxy = "no_proxy"
  case noProxyInCapitals = "NO_PROXY"
}

extension EnvironmentVariable: CustomStringConvertible {
  public var description: String { rawValue }
}

/// The process's environment, as the program was given it: no library reads it itself.
public struct Environment: Sendable {
  /// All of it, also what Ferry does not know.
  let variables: [String: String]

  public init(_ variables: [String: String]) {
    self.variables = variables
  }

  /// A variable that is set, be it to nothing.
  subscript(_ variable: EnvironmentVariable) -> String? { variables[variable.rawValue] }

  /// A variable that is set and not empty.
  func value(of variable: EnvironmentVariable) -> String? {
    self[variable].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The password of the key to sign with; nil when it is to be asked for.
  public var signPassphrase: String? { self[.signPassphrase] }

  /// The base addresses of NVIDIA's REST services, as written; nil for the usual ones.
  public var dgxAPI: String? { self[.dgxAPI] }
  public var ngcAPI: String? { self[.ngcAPI] }
  public var ngcAuthn: String? { self[.ngcAuthn] }

  /// The registry hosts to be treated as NVIDIA's; nil for the usual ones.
  public var nvidiaHosts: Set<String>? { names(in: .nvidiaHosts) }

  /// Where NVIDIA's registries may send for tokens; nil for the usual hosts.
  public var nvidiaRealmHosts: Set<String>? { names(in: .nvidiaRealmHosts) }

  /// Where Ferry keeps what one run leaves for the next when no other place can be written (XDG Base Directory
  /// Specification); nil when there is no home.
  public var stateDirectory: String? {
    if let state = self[.stateHome], state.hasPrefix("/") { return "\(state)/ferry" }
    return self[.home].flatMap { $0.hasPrefix("/") ? "\($0)/.local/state/ferry" : nil }
  }

  /// Where the user's programs keep their settings (XDG Base Directory Specification); nil when there is no home.
  var configDirectory: String? {
    if let config = self[.configHome], config.hasPrefix("/") { return config }
    return value(of: .home).map { "\($0)/.config" }
  }

  /// A variable's value, with the variable for people.
  public struct Named: Hashable, Sendable {
    public let value: String
    public let variable: EnvironmentVariable
  }

  /// The file of certificate authorities to trust in place of the system's, as curl takes it from the environment.
  public var trustFile: Named? { named(.curlCABundle) ?? named(.sslCertFile) }

  /// The directories of certificate authorities to trust in place of the system's, with colons between them. curl does
  /// not look at them when it is given a file of its own.
  public var trustDirectories: Named? { named(.curlCABundle) == nil ? named(.sslCertDirectory) : nil }

  /// The proxy for https URLs or for plain ones, as libcurl takes it from the environment. One that is set to nothing
  /// means none.
  public func proxy(isPlain: Bool) -> Named? {
    let variables: [EnvironmentVariable] =
      (isPlain ? [.httpProxy] : [.httpsProxy, .httpsProxyInCapitals]) + [.allProxy, .allProxyInCapitals]
    return firstSet(variables)
  }

  /// The hosts that are reached without a proxy, as they are written.
  public var proxyExceptions: Named? { firstSet([.noProxy, .noProxyInCapitals]) }

  private func firstSet(_ variables: [EnvironmentVariable]) -> Named? {
    variables.first { self[$0] != nil }.flatMap { named($0) }
  }

  /// nil when it is not set, or to nothing.
  private func named(_ variable: EnvironmentVariable) -> Named? {
    value(of: variable).map { Named(value: $0, variable: variable) }
  }

  /// Where files go that nobody is to find again.
  public var temporaryDirectory: String {
    value(of: .temporary).flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
  }

  /// A list of names between commas; nil when the variable is not set.
  private func names(in variable: EnvironmentVariable) -> Set<String>? {
    self[variable].map { list in
      Set(list.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) })
    }
  }

  /// Whether a variable of that name may hold a phase's secret, also one that a later Ferry will know.
  static func mayBeSecret(_ name: String) -> Bool { name.hasPrefix("FERRY_") || name.hasPrefix("NGC_") }
}
