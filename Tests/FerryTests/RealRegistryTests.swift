import Foundation
import TestSupport
import Testing

/// Debian's registry as people set it up: with limits of its own, and behind proxies that tell it half of what they know.
@Suite(.waiting) struct `A registry as people run it` {
  /// A way to set up registry and proxy, and the report that tells of it.
  struct Situation: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var options = RegistryProcess.Options()
    /// How nginx passes requests on; nil where there is no nginx.
    var forwarding: NginxProcess.Forwarding?

    init(_ name: String, _ set: (inout Self) -> Void) {
      testDescription = name
      set(&self)
    }

    /// Behind nginx.
    init(proxied name: String, _ set: (inout NginxProcess.Forwarding, inout RegistryProcess.Options) -> Void)
    {
      testDescription = name
      var forwarding = NginxProcess.Forwarding()
      set(&forwarding, &options)
      self.forwarding = forwarding
    }
  }

  static let situations = [
    Situation("catalog.maxentries of 2: n=1000 is 400 (distribution 2.8.2)") {
      $0.options.catalogEntries = 2
    },
    Situation("catalog.maxentries of 1, with a password") {
      $0.options.catalogEntries = 1
      $0.options.access = .basic(username: "u", password: "secret")
    },
    Situation("relative addresses") { $0.options.givesRelativeURLs = true },
    Situation(proxied: "relative addresses behind TLS") { _, options in
      options.givesRelativeURLs = true
    },
    Situation(proxied: "an inner prefix in every address (http.prefix)") {
      $0.prefix = "/inner"
      $1.prefix = "/inner/"
      $1.catalogEntries = 2
    },
    Situation(proxied: "an inner prefix of two parts, and relative addresses") {
      $0.prefix = "/a/b"
      $1.prefix = "/a/b/"
      $1.givesRelativeURLs = true
    },
    Situation(proxied: "an inner scheme: addresses say http behind TLS") { forwarding, _ in
      forwarding.scheme = "http"
    },
    Situation(proxied: "an inner host and port: addresses name the registry behind") {
      $0.host = "registry.inner:5000"
      $1.catalogEntries = 2
    },
    Situation(proxied: "a host without the port (proxy_set_header Host $host)") {
      $0.host = "$host"
      $1.catalogEntries = 2
    },
    Situation(proxied: "an inner scheme, host, port and prefix, with a password") {
      $0.scheme = "http"
      $0.host = "registry.inner:5000"
      $0.prefix = "/inner"
      $1.prefix = "/inner/"
      $1.access = .basic(username: "u", password: "secret")
      $1.catalogEntries = 3
    },
    Situation(proxied: "bodies of 1 MiB at most, passed on as they come") { forwarding, _ in
      forwarding.bodyLimit = "1m"
    },
    Situation(proxied: "bodies of 1 MiB at most, buffered") { forwarding, _ in
      forwarding.bodyLimit = "1m"
      forwarding.buffersRequests = true
    },
    Situation(proxied: "no limit, buffered") { forwarding, _ in forwarding.buffersRequests = true },
  ]

  private static let images = ["old/a", "old/b/c", "old/b/d", "other/e"]
  /// Three megabytes and some, the same in every run.
  private static let layer = {
    var random = SeededGenerator(seed: 5)
    return (0..<400_123).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
  }()

  @Test(arguments: situations)
  func `is listed, exported from and imported to`(situation: Situation) throws {
    let registry = try RegistryProcess(situation.options)
    for name in Self.images {
      try registry.storage.add(layers: [Array(name.utf8), Self.layer], to: name, tag: "1.0")
    }
    var ferry = try FerryProcess()
    let nginx = try situation.forwarding.map { try NginxProcess(before: registry.host, forwarding: $0) }
    let host = nginx?.host ?? registry.host
    let connection = nginx == nil ? ["--plain-http"] : ["--ca-file", try CertificateAuthority.shared().file]
    if case .basic(let user, let password) = situation.options.access {
      for phase in ["EXPORT", "IMPORT"] {
        ferry.environment["FERRY_\(phase)_USERNAME"] = user
        ferry.environment["FERRY_\(phase)_PASSWORD"] = password
      }
    }

    let listed = try ferry.run(["list", host] + connection, exits: 0)
    #expect(listed.lines == Self.images.map { "\(host)/\($0):1.0" })
    try ferry.run(
      ["export", "-f", "-", "-o", "all.tar"] + connection, exits: 0, input: listed.standardOutput)
    try ferry.run(["verify", "all.tar"], exits: 0)
    try ferry.run(["import", "all.tar", "--to", "\(host)/new"] + connection, exits: 0)
    for name in Self.images {
      let digest = registry.storage.digest(of: name, "1.0")
      #expect(digest != nil && registry.storage.digest(of: FixtureArchive.target(of: name), "1.0") == digest)
    }
    // Again, from an archive alone: nothing is there yet, so that every layer is sent.
    let empty = try RegistryProcess(situation.options)
    let front = try situation.forwarding.map { try NginxProcess(before: empty.host, forwarding: $0) }
    try ferry.run(["import", "all.tar", "--to", "\(front?.host ?? empty.host)/new"] + connection, exits: 0)
    #expect(empty.storage.bytes(of: BlobDigest.of(Self.layer)) == Self.layer)
    #expect(empty.storage.digests == registry.storage.digests)
  }
}
