private import Glibc

/// What kind of place an address is. From what a server says nobody is led to most of them.
public enum AddressClass: Int, Hashable, Sendable {
  /// On the open network, or a name that says nothing of where it leads.
  case ordinary
  /// In a network that only those within it reach.
  case local
  /// This machine.
  case loopback
  /// No single host at all: everybody (multicast, broadcast), nobody yet (the unspecified address), or a protocol's own.
  case reserved
  /// Reached without a router, where cloud machines find their metadata and its credentials.
  case linkLocal
  /// A cloud's metadata service under another address.
  case metadata

  /// Reads a host name or address, with or without brackets, as far as its spelling tells. Addresses are understood in
  /// every spelling the C library takes: `127.1`, `0x7f000001`, `2130706433`, `::ffff:127.0.0.1`.
  public init(host: String) {
    var name = host.lowercased()[...]
    if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
    name = name.prefix { $0 != "%" }
    while name.hasSuffix(".") { name = name.dropLast() }
    let text = String(name)
    if text == "localhost" || text.hasSuffix(".localhost") || text == "localhost.localdomain"
      || text == "ip6-localhost" || text == "ip6-loopback"
    {
      self = .loopback
    } else if Self.metadataNames.contains(text) {
      self = .metadata
    } else {
      self = Self.addressBytes(text).map(Self.init(address:)) ?? .ordinary
    }
  }

  /// Reads a host name that a proxy looks up: nobody sees its address. What cannot be a name of the open network, or has an
  /// address in it, as those of services do that answer with that, is judged by that.
  init(hostBehindProxy host: String) {
    self.init(host: host)
    let name = host.lowercased().prefix { $0 != "%" }
    let labels = name.split(separator: ".").map(String.init)
    guard self == .ordinary, !host.hasPrefix("["), Self.addressBytes(String(name)) == nil else { return }
    let isPrivate = labels.count < 2 || labels.last.map(Self.privateDomains.contains) ?? true
    self =
      Self.addresses(within: name).map { Self(version4: $0) }.max { $0.rawValue < $1.rawValue }
      .flatMap { $0 == .ordinary ? nil : $0 } ?? (isPrivate ? .local : .ordinary)
  }

  /// Domains that are not in the open network's, by RFC 6761, 6762 and 8375, by ICANN, or by common use.
  private static let privateDomains: Set<String> = [
    "internal", "local", "localdomain", "lan", "home", "corp", "intranet", "private", "arpa", "consul",
    "cluster", "svc", "docker", "onion",
  ]

  /// The addresses that stand in a name, their numbers between dots or hyphens.
  private static func addresses(within name: some StringProtocol) -> [UInt32] {
    let numbers = name.split { $0 == "." || $0 == "-" }.map { part in
      part.utf8.count <= 3 && part.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        ? UInt8(part) : nil
    }
    return numbers.indices.dropLast(3).compactMap { start in
      let bytes = numbers[start...].prefix(4).compactMap(\.self)
      return bytes.count == 4 ? number(bytes[...]) : nil
    }
  }

  /// The kind of an address by its bytes in the network's order, 4 or 16 of them. One that only carries another address
  /// within it is what that is: whoever is on the way may send there what is for it.
  init(address bytes: [UInt8]) {
    switch bytes.count {
    case 4: self.init(version4: Self.number(bytes[...]))
    case 16: self.init(version6: bytes)
    default: self = .reserved
    }
  }

  /// Whether an address is the one of the local link at which most clouds' metadata services are, in any form.
  static func isMetadataService(_ address: [UInt8]) -> Bool {
    let carried =
      address.count == 4 ? [number(address[...])] : address.count == 16 ? carried(by: address) : []
    return carried.contains(0xa9fe_a9fe)
  }

  /// Whether a server at an address of the kind `sender` may lead to this one: into a network that the server is in
  /// itself, and to no place where there is never a registry's anything.
  func mayBeLedTo(by sender: AddressClass) -> Bool {
    switch self {
    case .ordinary: true
    case .local: sender == .local || sender == .loopback
    case .loopback: sender == .loopback
    case .reserved, .linkLocal, .metadata: false
    }
  }

  /// Of Google, Amazon, Equinix, Tencent, IBM and Rancher.
  private static let metadataNames: Set<String> = [
    "metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal",
    "metadata.platformequinix.com", "metadata.packet.net", "metadata.tencentyun.com",
    "api.metadata.cloud.ibm.com", "rancher-metadata", "rancher-metadata.rancher.internal",
  ]

  private init(version4 address: UInt32) {
    switch address {
    case 0x7f00_0000...0x7fff_ffff: self = .loopback
    case 0xa9fe_0000...0xa9fe_ffff: self = .linkLocal
    // Alibaba's 100.100.100.200, Azure's 168.63.129.16 and Oracle's 192.0.0.192.
    case 0x6464_64c8, 0xa83f_8110, 0xc000_00c0: self = .metadata
    // 0.0.0.0/8, the protocols' 192.0.0.0/24, 224.0.0.0/4 and the broadcast.
    case 0...0x00ff_ffff, 0xc000_0000...0xc000_00ff, 0xe000_0000...0xefff_ffff, .max: self = .reserved
    // RFC 1918, what providers share (RFC 6598), and what is not routed, so that some take it for their own networks:
    // 198.18.0.0/15 (RFC 2544) and 240.0.0.0/4.
    case 0x0a00_0000...0x0aff_ffff, 0xac10_0000...0xac1f_ffff, 0xc0a8_0000...0xc0a8_ffff,
      0x6440_0000...0x647f_ffff, 0xc612_0000...0xc613_ffff, 0xf000_0000...0xffff_fffe:
      self = .local
    default: self = .ordinary
    }
  }

  private init(version6 bytes: [UInt8]) {
    let kind = Self(unread: bytes)
    // Within whatever network an address is that is carried, there it may be sent on to.
    let carried = kind == .ordinary || kind == .local ? Self.carried(by: bytes) : []
    self =
      carried.map { Self(version4: $0) }.max { $0.rawValue < $1.rawValue }
      .map { $0.rawValue < kind.rawValue ? kind : $0 } ?? kind
  }

  /// What an address of version 6 is but for one that it may carry.
  private init(unread bytes: [UInt8]) {
    if bytes == Self.loopback6 {
      self = .loopback
    } else if Self.metadata6.contains(bytes) || bytes.starts(with: Self.amazonServices) {
      self = .metadata
    } else if bytes[0] == 0xfe, bytes[1] & 0xc0 == 0x80 {
      self = .linkLocal
    } else if bytes[0] == 0xff || bytes.starts(with: Self.discarded) {
      self = .reserved
    } else if bytes[0] & 0xfe == 0xfc || bytes[0] == 0xfe && bytes[1] & 0xc0 == 0xc0
      || bytes.starts(with: Self.benchmarks)
    {
      // fc00::/7, and the older fec0::/10.
      self = .local
    } else {
      self = .ordinary
    }
  }

  /// The addresses of version 4 that one of version 6 may stand for.
  private static func carried(by bytes: [UInt8]) -> [UInt32] {
    let low = number(bytes[12...])
    // ::a.b.c.d and ::ffff:a.b.c.d; ::ffff:0:a.b.c.d (RFC 2765); 64:ff9b::/96, which NAT64 takes (RFC 6052).
    if [compatible, mapped, translated, wellKnown].contains(bytes[..<12]) { return [low] }
    // 64:ff9b:1::/48 (RFC 8215), in which a network may choose how long its prefix is: RFC 6052 (2.2) skips byte 8.
    if bytes[..<6] == localUse[...] {
      let places = [[6, 7, 9, 10], [7, 9, 10, 11], [9, 10, 11, 12], [12, 13, 14, 15]]
      let numbers = places.map { place in number(ArraySlice(place.map { bytes[$0] })) }
      // Where none is, there are zeros.
      let likely = numbers.filter { $0 > 0x00ff_ffff }
      return likely.isEmpty ? numbers : likely
    }
    // 6to4 (RFC 3056).
    if bytes[0] == 0x20, bytes[1] == 0x02 { return [number(bytes[2..<6])] }
    // Teredo (RFC 4380): its server, and the client behind its own address turned over.
    if bytes[..<4] == [0x20, 0x01, 0, 0] { return [number(bytes[4..<8]), ~low] }
    // ISATAP (RFC 5214).
    if bytes[8] & 0xfd == 0, bytes[9..<12] == [0, 0x5e, 0xfe] { return [low] }
    return []
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
  }

  private static let compatible = ArraySlice([UInt8](repeating: 0, count: 12))
  private static let mapped: ArraySlice<UInt8> = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
  private static let translated: ArraySlice<UInt8> = [0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0]
  private static let wellKnown: ArraySlice<UInt8> = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]
  private static let localUse: [UInt8] = [0, 0x64, 0xff, 0x9b, 0, 1]
  /// 100::/64 (RFC 6666).
  private static let discarded: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 0]
  /// 2001:2::/48 (RFC 5180), what 198.18.0.0/15 is of the older addresses.
  private static let benchmarks: [UInt8] = [0x20, 1, 0, 2, 0, 0]
  private static let loopback6 = [UInt8](repeating: 0, count: 15) + [1]
  /// fd00:ec2::254, and beside it what else gives credentials to whoever asks, as fd00:ec2::23 does.
  private static let amazonServices: [UInt8] = [0xfd, 0, 0x0e, 0xc2]
  /// Google's fd20:ce::254, Oracle's fd00:c1::a9fe:a9fe and Scaleway's fd00:42::42.
  private static let metadata6: [[UInt8]] = [
    [0xfd, 0x20, 0, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x54],
    [0xfd, 0, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0, 0, 0xa9, 0xfe, 0xa9, 0xfe],
    [0xfd, 0, 0, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x42],
  ]

  /// The bytes of an address, without brackets; nil for a name.
  static func addressBytes(_ text: String) -> [UInt8]? {
    var address = in_addr()
    if unsafe inet_aton(text, &address) == 1 {
      let number = UInt32(bigEndian: address.s_addr)
      return stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }
    var bytes = [UInt8](repeating: 0, count: 16)
    return unsafe inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
  }

  /// An address as it is written.
  static func text(of address: [UInt8]) -> String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN) + 1)
    let family = address.count == 4 ? AF_INET : AF_INET6
    guard unsafe inet_ntop(family, address, &text, socklen_t(text.count)) != nil else { return "" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
