import Testing
import Transport

@testable import Registry

@Suite struct `The realm rules` {
  struct Case: CustomTestStringConvertible, Sendable {
    let registry: String
    let realm: String
    let refusal: RealmRefusal?
    var testDescription: String { "\(registry) → \(realm)" }

    init(_ registry: String, _ realm: String, _ refusal: RealmRefusal? = nil) {
      self.registry = registry
      self.realm = realm
      self.refusal = refusal
    }
  }

  /// As the module that knows NVIDIA's registries says it.
  static let nvidia = RegistryQuirks(
    hosts: ["nvcr.io"], realmHosts: ["nvcr.io", "registry.nvidia.com", "authn.nvidia.com"],
    choosesByCredential: true)

  @Test(arguments: [
    Case("https://registry.example", "https://auth.example/token"),
    Case("https://registry.example", "https://auth.example:8443/token?x=y"),
    Case("https://registry.example", "https://registry.example/token"),
    Case("https://registry.example", "http://auth.example/token", .plainHTTP),
    Case("https://registry.example", "http://registry.example/token", .plainHTTP),
    Case("http://registry.example", "http://auth.example/token"),
    Case("http://registry.example", "https://auth.example/token"),
    Case("https://registry.example", "https://user:secret@auth.example/token", .userInfo),
    Case("https://registry.example", "https://user@registry.example/token", .userInfo),
    // Metadata services and what is reached without a router.
    Case("https://registry.example", "https://169.254.169.254/latest", .linkLocal),
    Case("http://127.0.0.1:5000", "http://169.254.169.254/latest", .linkLocal),
    Case("https://registry.example", "https://0xa9fea9fe/latest", .linkLocal),
    Case("https://registry.example", "https://2852039166/latest", .linkLocal),
    Case("https://registry.example", "https://[::ffff:169.254.169.254]/latest", .linkLocal),
    Case("https://registry.example", "https://[fe80::1]/token", .linkLocal),
    Case("https://registry.example", "https://[febf::1]/token", .linkLocal),
    Case("https://registry.example", "https://[fd00:ec2::254]/latest", .metadata),
    Case("https://registry.example", "https://100.100.100.200/latest", .metadata),
    Case("https://registry.example", "https://168.63.129.16/machine", .metadata),
    Case("https://registry.example", "https://metadata.google.internal/computeMetadata", .metadata),
    Case("https://registry.example", "https://metadata.google.internal./computeMetadata", .metadata),
    // This machine, only for a registry on it.
    Case("https://registry.example", "https://localhost/token", .loopback),
    Case("https://registry.example", "https://LOCALHOST./token", .loopback),
    Case("https://registry.example", "https://auth.localhost/token", .loopback),
    Case("https://registry.example", "https://127.0.0.1:5001/token", .loopback),
    Case("https://registry.example", "https://127.1/token", .loopback),
    Case("https://registry.example", "https://2130706433/token", .loopback),
    Case("https://registry.example", "https://0.0.0.0/token", .reserved),
    Case("https://registry.example", "https://[::1]/token", .loopback),
    Case("https://registry.example", "https://[::]/token", .reserved),
    Case("https://registry.example", "https://[::ffff:127.0.0.1]/token", .loopback),
    Case("https://registry.example", "https://[64:ff9b::7f00:1]/token", .loopback),
    Case("http://localhost:5000", "http://127.0.0.1:5001/token"),
    Case("https://127.0.0.1:5000", "https://localhost:5001/token"),
    // A name that begins like a loopback one is another's.
    Case("http://localhost.example.com", "http://localhost/token", .loopback),
    // NVIDIA's registry sends to NVIDIA's hosts.
    Case("https://nvcr.io", "https://nvcr.io/proxy_auth"),
    Case("https://nvcr.io", "https://authn.nvidia.com/token?scope=a"),
    Case("https://nvcr.io", "https://registry.nvidia.com/v2/auth"),
    Case("https://nvcr.io", "https://auth.example/token", .unknownHost),
    Case("https://nvcr.io", "https://nvcr.io.example/token", .unknownHost),
    Case("https://nvcr.io", "https://evil.authn.nvidia.com/token", .unknownHost),
    Case("https://nvcr.io", "https://authn.nvidia.com:8443/token", .unknownHost),
    Case("https://nvcr.io:444", "https://auth.example/token", .unknownHost),
  ])
  func `judge`(_ example: Case) throws {
    let registry = try HTTPURL(example.registry)
    let realm = try HTTPURL(example.realm)
    do throws(RealmRefusal) {
      try RealmRules(Self.nvidia).check(realm, for: registry)
      #expect(example.refusal == nil)
    } catch {
      #expect(error == example.refusal)
    }
  }

  @Test func `take other hosts for NVIDIA's when told to`() throws {
    let quirks = RegistryQuirks(
      hosts: ["127.0.0.1:5000"], realmHosts: ["127.0.0.1:5001"], choosesByCredential: true)
    let registry = try HTTPURL("http://127.0.0.1:5000")
    #expect(quirks.apply(to: registry))
    #expect(!quirks.apply(to: try HTTPURL("http://127.0.0.1:5002")))
    #expect(!quirks.apply(to: try HTTPURL("https://nvcr.io")))
    let rules = RealmRules(quirks)
    try rules.check(try HTTPURL("http://127.0.0.1:5000/token"), for: registry)
    try rules.check(try HTTPURL("http://127.0.0.1:5001/token"), for: registry)
    #expect(throws: RealmRefusal.unknownHost) {
      try rules.check(try HTTPURL("http://127.0.0.1:5003/token"), for: registry)
    }
  }
}
