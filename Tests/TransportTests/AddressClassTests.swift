import Glibc
import TestSupport
import Testing

@testable import Transport

@Suite(.waiting) struct `An address` {
  static let kinds: [(AddressClass, [String])] = [
    (
      .ordinary,
      [
        "203.0.113.7", "8.8.8.8", "11.0.0.1", "172.32.0.1", "100.128.0.1", "198.17.255.255", "198.20.0.1",
        "2606:4700::1111", "100:0:0:1::", "2001:3::1",
      ]
    ),
    (
      .ordinary,
      [
        "64:ff9b::8.8.8.8", "64:ff9b:1::8.8.8.8", "64:ff9b:1:808:8:800::", "2002:808:808::1",
        "::ffff:8.8.8.8", "registry.example", "10.example",
      ]
    ),
    (.local, ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255"]),
    (
      .local,
      ["198.18.0.1", "198.19.255.255", "240.0.0.1", "255.255.255.254", "::ffff:240.0.0.1", "2001:2::1"]
    ),
    (.local, ["fc00::1", "fdff::1", "fec0::1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:0a00:0001::1"]),
    (.local, ["64:ff9b:1:a00:0:100::", "2001:db8::5efe:10.0.0.1", "::ffff:0:192.168.0.1", "012.0.0.1"]),
    (.loopback, ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "::127.0.0.1", "2002:7f00:1::"]),
    (.loopback, ["127.1", "0x7f000001", "2130706433", "localhost", "a.localhost.", "64:ff9b::127.0.0.1"]),
    (.reserved, ["0.0.0.0", "0.1.2.3", "::", "224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1"]),
    (
      .reserved, ["100::", "100::ffff", "192.0.0.8", "::ffff:0.0.0.0", "64:ff9b::224.0.0.1", "2002:e000:1::"]
    ),
    (.linkLocal, ["169.254.0.1", "169.254.169.254", "fe80::1", "febf::1", "::ffff:169.254.169.254"]),
    (
      .linkLocal,
      ["64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00::", "2002:a9fe:a9fe::"]
    ),
    // Of RFC 6052's other lengths, and Teredo's two.
    (
      .linkLocal,
      ["64:ff9b:1:ffa9:fe:a9fe::", "64:ff9b:1:ffff:a9:fea9:fe00:0", "2001:0:a9fe:a9fe::", "0xa9fea9fe"]
    ),
    (.linkLocal, ["2001:0:808:808::5601:5601", "::a9fe:a9fe", "fe80::5efe:8.8.8.8", "2852039166"]),
    // ISATAP, in whatever network.
    (
      .linkLocal,
      ["fd00::5efe:169.254.169.254", "fd12:3456::200:5efe:a9fe:a9fe", "fec0::5efe:169.254.169.254"]
    ),
    (.loopback, ["fd00::5efe:127.0.0.1", "2001:db8::200:5efe:127.0.0.1"]),
    (.local, ["fd00::5efe:8.8.8.8", "fec0::200:5efe:10.0.0.1", "feff::1"]),
    (.metadata, ["100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "64:ff9b::6464:64c8"]),
    (.metadata, ["fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42"]),
    (.metadata, ["metadata.google.internal", "METADATA.google.internal.", "::ffff:100.100.100.200"]),
    (.metadata, ["metadata.tencentyun.com", "api.metadata.cloud.ibm.com", "rancher-metadata"]),
  ]

  @Test(arguments: kinds) func `is known for what it is in every form`(
    _ kind: AddressClass, _ hosts: [String]
  ) {
    for host in hosts {
      #expect(AddressClass(host: host) == kind, "\(host)")
      #expect(AddressClass(host: "[\(host)]") == kind, "\(host)")
    }
  }

  /// Names that a proxy looks up.
  @Test(arguments: [
    (
      AddressClass.ordinary,
      [
        "registry.example", "ec2-54-160-1-2.compute.amazonaws.com", "1.2.3", "300-10-0-0.example",
        "v-10-0-0.example",
        "v10-10.example", "8.8.8.8", "[2606:4700::1111]", "a.internal.example",
      ]
    ),
    (
      .local,
      ["storage", "storage.", "minio.corp", "a.b.internal", "A.B.LOCAL.", "kubernetes.default.svc"]
    ),
    (.local, ["10.0.0.1.nip.io", "app-10-0-0-1.sslip.io", "7-10-0-0-1.example", "198.18.0.1", "[fd00::1]"]),
    (.loopback, ["127.0.0.1.nip.io", "localhost", "a-127-0-0-1.example"]),
    (.linkLocal, ["169.254.169.254.nip.io", "x.169-254-169-254.sslip.io", "10-0-0-1.169.254.0.1.example"]),
    (.metadata, ["100-100-100-200.sslip.io", "metadata", "metadata.packet.net"]),
  ])
  func `behind a proxy is judged by all that its name tells`(_ kind: AddressClass, _ hosts: [String]) {
    for host in hosts { #expect(AddressClass(hostBehindProxy: host) == kind, "\(host)") }
  }

  @Test func `is led to only from within its network`() {
    let all: [AddressClass] = [.ordinary, .local, .loopback, .reserved, .linkLocal, .metadata]
    let allowed: [AddressClass: [AddressClass]] = [
      .ordinary: all, .local: [.local, .loopback], .loopback: [.loopback],
    ]
    for target in all {
      for sender in all {
        #expect(target.mayBeLedTo(by: sender) == allowed[target]?.contains(sender) ?? false)
      }
    }
  }

  @Test func `is written as it is read`() throws {
    for text in ["10.0.0.1", "fe80::1", "::ffff:1.2.3.4"] {
      #expect(AddressClass.text(of: try #require(AddressClass.addressBytes(text))) == text)
    }
  }
}

/// Where a request may go is decided by the address that is connected to.
@Suite(.waiting) struct `A host that a server leads to` {
  private static func refusal(_ work: () throws -> Void) -> (address: String?, kind: AddressClass)? {
    do { try work() } catch TransportError.addressRefused(_, let address, let kind, _) {
      return (address, kind)
    } catch {
      Issue.record("\(error)")
    }
    return nil
  }

  /// A server at 127.0.0.1 whose redirects lead to `target`, and a client that takes it for one of the open network.
  private func redirecting(to target: String) throws -> (ScriptedServer, HTTPClient) {
    let server = ScriptedServer { _ in ScriptedResponse(307, headers: [("Location", target)]) }
    let client = try HTTPClient()
    client.host(server.host).note(.ordinary)
    return (server, client)
  }

  @Test(arguments: [
    ("http://169.254.169.254/", AddressClass.linkLocal), ("http://[64:ff9b::a9fe:a9fe]/", .linkLocal),
    ("http://10.0.0.1/", .local), ("http://localhost/", .loopback), ("http://224.0.0.1/", .reserved),
    ("http://0.0.0.0/", .reserved), ("http://metadata.google.internal/", .metadata),
  ])
  func `is refused by what it is called`(target: String, kind: AddressClass) throws {
    let (server, client) = try redirecting(to: target)
    let refused = Self.refusal { _ = try client.send(HTTPRequest(.get, HTTPURL(server.url()))) }
    #expect(refused?.kind == kind && refused?.address == nil)
    #expect(server.requests.count == 1)
  }

  /// What a registry on this machine may lead to: this machine and its network, nothing else.
  @Test func `is another place for a registry that is there itself`() throws {
    let other = ScriptedServer { _ in ScriptedResponse(text: "there") }
    let target = other.url()
    let server = ScriptedServer { _ in ScriptedResponse(307, headers: [("Location", target)]) }
    #expect(try HTTPClient().send(HTTPRequest(.get, HTTPURL(server.url()))).status == 200)
    let (strange, client) = try redirecting(to: target.replacing("127.0.0.1", with: "localhost"))
    #expect(
      Self.refusal { _ = try client.send(HTTPRequest(.get, HTTPURL(strange.url()))) }?.kind == .loopback)
    #expect(other.connections == 1)
    var options = TransportOptions()
    options.privateHosts = ["localhost:\(other.port)"]
    let trusting = try HTTPClient(options)
    trusting.host(strange.host).note(.ordinary)
    #expect(try trusting.send(HTTPRequest(.get, HTTPURL(strange.url()))).status == 200)
  }

  @Test func `is judged by each of its addresses before it is connected to`() throws {
    let url = try HTTPURL("https://storage.example/")
    func kind(_ address: String, from sender: AddressClass?, isKnown: Bool = false, byProxy: Bool = false)
      throws
      -> AddressClass?
    {
      let sender = sender.map { Reach.Sender(authority: "registry.example", place: $0) }
      let reach = Reach(to: url, by: sender, isKnownPrivate: isKnown, isByProxy: byProxy)
      try reach.checkSpelling()
      let refusal = reach.refusal(of: try #require(AddressClass.addressBytes(address)))
      guard case .addressRefused("storage.example", address, let kind, _) = refusal else { return nil }
      return kind
    }
    #expect(try kind("203.0.113.7", from: .ordinary) == nil)
    #expect(try kind("10.0.0.1", from: .ordinary) == .local)
    #expect(try kind("10.0.0.1", from: .local) == nil)
    #expect(try kind("127.0.0.1", from: .local) == .loopback)
    #expect(try kind("127.0.0.1", from: .ordinary, isKnown: true) == nil)
    #expect(try kind("169.254.169.254", from: .loopback, isKnown: true) == .linkLocal)
    #expect(try kind("169.254.169.254", from: .ordinary, byProxy: true) == nil)
    for (host, isRefused) in [
      ("169.254.169.254.nip.io", true), ("storage", true), ("storage.example", false),
    ] {
      let sender = Reach.Sender(authority: "registry.example", place: .ordinary)
      let reach = Reach(
        to: try HTTPURL("https://\(host)/"), by: sender, isKnownPrivate: false, isByProxy: true)
      #expect((Self.refusal { try reach.checkSpelling() } != nil) == isRefused, "\(host)")
      // Where it is looked up here its address tells, and a host that the user names may be any.
      try Reach(to: try HTTPURL("https://\(host)/"), by: sender, isKnownPrivate: false, isByProxy: false)
        .checkSpelling()
      try Reach(to: try HTTPURL("https://\(host)/"), by: nil, isKnownPrivate: false, isByProxy: true)
        .checkSpelling()
    }
    // What the user named may be anywhere, but no metadata service behind a name.
    #expect(try kind("10.0.0.1", from: nil) == nil)
    #expect(try kind("169.254.7.1", from: nil) == nil)
    #expect(try kind("169.254.169.254", from: nil) == .linkLocal)
    #expect(try kind("100.100.100.200", from: nil) == .metadata)
  }

  @Test func `is the host itself where it was found, and nowhere else`() throws {
    let other = ScriptedServer { _ in ScriptedResponse(text: "there") }
    let target = other.url()
    let server = ScriptedServer { _ in ScriptedResponse(307, headers: [("Location", target)]) }
    #expect(try HTTPClient().send(HTTPRequest(.get, HTTPURL(server.url()))).status == 200)
    // Its name led to the open network before, and leads to this machine now.
    let client = try HTTPClient()
    client.host(server.host).note(.ordinary)
    #expect(Self.refusal { _ = try client.send(HTTPRequest(.get, HTTPURL(server.url()))) }?.kind == .loopback)
    #expect(other.connections == 1)
  }

  @Test func `is known to be meant by its usual port as well`() throws {
    var options = TransportOptions(retries: 0)
    options.privateHosts = ["localhost:80"]
    let client = try HTTPClient(options)
    client.host("registry.example").note(.ordinary)
    var request = HTTPRequest(.get, try HTTPURL("http://localhost/"))
    request.sentBy = try HTTPURL("http://registry.example/")
    // Whether anything answers there is all the same.
    do { _ = try client.send(request) } catch TransportError.addressRefused {
      Issue.record("it was refused")
    } catch {}
  }

  /// A connection from before was judged for whoever led there then.
  @Test func `is judged again on a connection that stands`() throws {
    let other = ScriptedServer { _ in ScriptedResponse(text: "there") }
    let target = other.url()
    let server = ScriptedServer { _ in ScriptedResponse(307, headers: [("Location", target)]) }
    let client = try HTTPClient()
    // The connection is made because the user names the host.
    #expect(try client.send(HTTPRequest(.get, HTTPURL(target))).status == 200)
    client.host("registry.example").note(.ordinary)
    var request = HTTPRequest(.get, try HTTPURL(server.url()))
    request.sentBy = try HTTPURL("http://registry.example/")
    #expect(Self.refusal { _ = try client.send(request) }?.kind == .loopback)
    #expect(other.requests.count == 1 && server.connections == 0)
  }
}
