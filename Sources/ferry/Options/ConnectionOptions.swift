import ArgumentParser
import Transport

/// How registries are spoken to.
struct ConnectionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Trust the certificates in this PEM file as well as the system's.", valueName: "file"),
    completion: .file())
  var caFile: String?

  @Flag(help: "Speak HTTP instead of HTTPS, to a registry on a loopback or lab network.")
  var plainHTTP = false

  @Flag(help: "Accept any TLS certificate. Whoever sits in between sees your key.")
  var insecureSkipVerify = false

  @Option(help: ArgumentHelp("How often a failed request is tried again without progress.", valueName: "N"))
  var retries = 8

  @Option(
    help: ArgumentHelp("Reconnect when no byte came for so many seconds.", valueName: "seconds"))
  var stallTimeout = 60

  @Option(
    help: ArgumentHelp(
      "The most bytes a second over all transfers, such as 20M or 512K.", valueName: "rate"),
    transform: ByteSize.parse)
  var limitRate: ByteSize?

  func validate() throws {
    guard (0...1000).contains(retries) else {
      throw ValidationError("--retries takes a number from 0 to 1000.")
    }
    guard (1...86_400).contains(stallTimeout) else {
      throw ValidationError("--stall-timeout takes seconds from 1 to 86400.")
    }
    if let limitRate, limitRate.bytes < 1024 {
      throw ValidationError("--limit-rate takes at least 1K a second.")
    }
  }

  func transport(log: (@Sendable (String) -> Void)?) -> TransportOptions {
    TransportOptions(
      caFile: caFile, insecureSkipVerify: insecureSkipVerify, retries: retries,
      stallTimeout: .seconds(stallTimeout), limitRate: limitRate?.bytes,
      userAgent: "ferry/\(Ferry.version)", log: log)
  }
}
