/// How an ``HTTPClient`` behaves: trust, persistence, limits.
public struct TransportOptions: Sendable {
  /// A PEM file of certificate authorities that are trusted beside the system's.
  public var caFile: String?
  /// What is trusted where nothing else is said.
  public var trust = TrustStore()
  /// Which hosts are reached by way of which proxies.
  public var proxies = ProxyRules()
  /// What is particular to TLS with a host, at a port, as they stand in a URL. Asked once for each.
  public var security: @Sendable (_ host: String, _ port: Int) throws(TransportError) -> HostSecurity = {
    _, _ in
    HostSecurity()
  }
  /// The hosts, with or without a port, to which a server may lead though they are in a private network and it is not.
  public var privateHosts: Set<String> = []
  /// Accepts any certificate of any host.
  public var insecureSkipVerify: Bool
  /// How often an exchange is tried again before its failure is final.
  public var retries: Int
  /// How long it is tried again in any case, without progress, where the host or the way to it is out of order.
  public var retryFor: Duration
  /// The longest that a server may ask to be left alone; asked for more, an exchange has failed.
  public var maxWait: Duration
  /// The upper bound of the first random pause between attempts; it doubles with each one.
  public var backoff: Duration
  /// How long a transfer may move no byte in either direction.
  public var stallTimeout: Duration
  /// Over how long a time a transfer must not be slower than any line is, where ``stallTimeout`` is less: over a shorter one a line
  /// that sends a lost packet anew is no faster.
  public var rateWindow = Duration.seconds(5)
  /// How long finding and reaching a host may take: names, TCP, proxy and TLS together.
  public var connectTimeout: Duration
  /// How long a server may think about an upload once it has all of it: registries hash gigabytes then.
  public var answerTimeout: Duration
  /// Bytes a second, summed over all transfers of the client in both directions; nil for no limit.
  public var limitRate: Int64?
  public var userAgent: String
  /// Hears of what stands in addresses that servers give and proves there who asks, such as the signature of a storage.
  public var confided: (@Sendable ([String]) -> Void)?
  /// Takes one line for each exchange, without any secret.
  public var log: (@Sendable (String) -> Void)?
  /// Is told what a person should know while requests wait.
  public var notice: (@Sendable (TransportNotice) -> Void)?

  public init(
    caFile: String? = nil, insecureSkipVerify: Bool = false, retries: Int = 8,
    retryFor: Duration = .zero, maxWait: Duration = .seconds(900), backoff: Duration = .milliseconds(500),
    stallTimeout: Duration = .seconds(60),
    connectTimeout: Duration = .seconds(30), answerTimeout: Duration = .seconds(600),
    limitRate: Int64? = nil, userAgent: String = "ferry", log: (@Sendable (String) -> Void)? = nil,
    notice: (@Sendable (TransportNotice) -> Void)? = nil
  ) {
    self.caFile = caFile
    self.insecureSkipVerify = insecureSkipVerify
    self.retries = retries
    self.retryFor = retryFor
    self.maxWait = maxWait
    self.backoff = backoff
    self.stallTimeout = stallTimeout
    self.connectTimeout = connectTimeout
    self.answerTimeout = answerTimeout
    self.limitRate = limitRate
    self.userAgent = userAgent
    self.log = log
    self.notice = notice
  }
}
