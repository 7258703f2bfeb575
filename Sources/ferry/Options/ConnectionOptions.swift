import ArgumentParser
import Credentials
import Transport

/// How registries are spoken to.
struct ConnectionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Trust the certificates in this PEM file as well as the system's, or those of \(EnvironmentVariable.sslCertFile). "
        + "Proxies come from \(EnvironmentVariable.httpsProxy) and \(EnvironmentVariable.noProxy).",
      valueName: "file"),
    completion: .file())
  var caFile: String?

  @Flag(help: "Speak HTTP instead of HTTPS, to a registry on a loopback or lab network.")
  var plainHTTP = false

  @Option(
    help: ArgumentHelp(
      """
      A host in a private network, or on this machine, to which a registry may lead that is in none itself: by a redirect \
      or for a token. Repeatable.
      """, valueName: "host"))
  var privateHost: [String] = []

  @Flag(help: "Accept any TLS certificate. Whoever sits in between sees your key.")
  var insecureSkipVerify = false

  @Option(
    help: ArgumentHelp(
      """
      How often a failed request is tried again without progress, 8 times unless told otherwise. Given without \
      --retry-for, that is all; 0 gives up at once.
      """, valueName: "N"))
  var retries: Int?

  @Option(
    help: ArgumentHelp(
      """
      How long a registry that has answered before and breaks down (502, 503, 504, 429, no connection) is asked again \
      without progress: 90, 90s, 15m or 1h; 10m unless told otherwise. With --retries as well, whichever lasts longer.
      """, valueName: "duration"),
    transform: TimeSpan.parse)
  var retryFor: TimeSpan?

  @Option(
    help: ArgumentHelp(
      "The longest that a registry may ask to be left alone (Retry-After), 15m unless told otherwise; "
        + "asked for more, Ferry fails at once.",
      valueName: "duration"),
    transform: TimeSpan.parse)
  var maxWait = TimeSpan(seconds: 900)

  @Option(
    help: ArgumentHelp(
      "Reconnect when no byte came for so long, 60s unless told otherwise.", valueName: "duration"),
    transform: TimeSpan.parse)
  var stallTimeout = TimeSpan(seconds: 60)

  @Option(
    help: ArgumentHelp(
      "The most bytes a second over all transfers, such as 20M or 512K.", valueName: "rate"),
    transform: ByteSize.parse)
  var limitRate: ByteSize?

  func validate() throws {
    guard (0...1000).contains(retries ?? 0) else {
      throw ValidationError("--retries takes a number from 0 to 1000.")
    }
    guard (1...86_400).contains(stallTimeout.seconds) else {
      throw ValidationError("--stall-timeout takes 1 second to 1 day.")
    }
    for (name, span) in [("--retry-for", retryFor), ("--max-wait", maxWait)] {
      guard span?.seconds ?? 0 <= Self.longestPersistence else {
        throw ValidationError("\(name) takes at most 7 days.")
      }
    }
    for host in privateHost {
      guard let url = try? HTTPURL("https://\(host)/"), url.path == "/", !url.hasUserInfo else {
        throw ValidationError("--private-host takes a host, such as storage.example or storage.example:8443.")
      }
    }
    if let limitRate, limitRate.bytes < 1024 {
      throw ValidationError("--limit-rate takes at least 1K a second.")
    }
  }

  /// The most that `--retry-for` and `--max-wait` take, in seconds.
  static let longestPersistence: Int64 = 7 * 86_400
  private static let usualRetries = 8
  private static let usualPersistence = TimeSpan(seconds: 600)

  /// How registries are spoken to. Of `--retries` and `--retry-for` the one that is named alone decides.
  func transport(
    log: (@Sendable (String) -> Void)?, notice: (@Sendable (TransportNotice) -> Void)?
  ) -> TransportOptions {
    let persistence =
      retries == 0
      ? TimeSpan(seconds: 0) : retryFor ?? (retries == nil ? Self.usualPersistence : TimeSpan(seconds: 0))
    var options = TransportOptions(
      caFile: caFile, insecureSkipVerify: insecureSkipVerify,
      retries: retries ?? (retryFor == nil ? Self.usualRetries : 0), retryFor: persistence.duration,
      maxWait: maxWait.duration, stallTimeout: stallTimeout.duration, limitRate: limitRate?.bytes,
      userAgent: "ferry/\(Ferry.version)", log: log, notice: notice)
    options.privateHosts = Set(privateHost.map { $0.lowercased() })
    return options
  }
}

/// A time as people write it: `90` and `90s` are seconds, `15m` minutes, `1h` hours, `2d` days.
struct TimeSpan: Hashable, CustomStringConvertible {
  let seconds: Int64

  init(seconds: Int64) { self.seconds = seconds }

  static func parse(_ text: String) throws -> TimeSpan {
    guard let span = TimeSpan(text) else {
      throw ValidationError("'\(text)' is not a duration such as 90, 90s, 15m or 1h.")
    }
    return span
  }

  init?(_ text: String) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int64(digits) else { return nil }
    let factor: Int64
    switch text[digits.endIndex...].lowercased() {
    case "", "s": factor = 1
    case "m", "min": factor = 60
    case "h": factor = 3600
    case "d": factor = 86_400
    default: return nil
    }
    let (seconds, overflow) = number.multipliedReportingOverflow(by: factor)
    // What is far beyond all limits is refused with them.
    self.seconds = overflow ? .max : seconds
  }

  var duration: Duration { .seconds(seconds) }

  /// As it is written, in the largest unit that fits.
  var description: String {
    for (unit, name) in [(Int64(3600), "h"), (60, "m")] where seconds > 0 && seconds % unit == 0 {
      return "\(seconds / unit)\(name)"
    }
    return "\(seconds)s"
  }
}
