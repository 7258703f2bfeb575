import Glibc

/// What kind of place a URL's host is, as far as its spelling tells.
enum AddressClass: Hashable, Sendable {
  case ordinary
  /// This machine.
  case loopback
  /// Reached without a router, where cloud machines find their metadata and its credentials.
  case linkLocal
  /// A cloud's metadata service under another address.
  case metadata

  /// Reads a host name or address, with or without brackets. Addresses are understood in every spelling
  /// the C library takes: `127.1`, `0x7f000001`, `2130706433`, `::ffff:127.0.0.1`.
  init(host: String) {
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
    } else if let address = Self.version4(text) {
      self.init(version4: address)
    } else if let address = Self.version6(text) {
      self.init(version6: address)
    } else {
      self = .ordinary
    }
  }

  private static let metadataNames: Set<String> = [
    "metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal",
  ]

  private init(version4 address: UInt32) {
    switch address {
    case 0x7f00_0000...0x7fff_ffff, 0...0x00ff_ffff: self = .loopback
    case 0xa9fe_0000...0xa9fe_ffff: self = .linkLocal
    // Alibaba's 100.100.100.200 and Azure's 168.63.129.16.
    case 0x6464_64c8, 0xa83f_8110: self = .metadata
    default: self = .ordinary
    }
  }

  private init(version6 bytes: [UInt8]) {
    let low = bytes[12...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    if bytes[..<12].allSatisfy({ $0 == 0 }) || bytes[..<12] == Self.mappedPrefix[...] {
      // ::, ::1 and the old ::a.b.c.d; ::ffff:a.b.c.d. The first two lie in 0.0.0.0/8.
      self.init(version4: low)
    } else if bytes[..<12] == Self.translatedPrefix[...] {
      self.init(version4: low)
    } else if bytes[0] == 0xfe, bytes[1] & 0xc0 == 0x80 {
      self = .linkLocal
    } else if bytes == Self.amazonMetadata {
      self = .metadata
    } else {
      self = .ordinary
    }
  }

  private static let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
  /// 64:ff9b::/96, which NAT64 turns into an address of version 4 (RFC 6052).
  private static let translatedPrefix: [UInt8] = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]
  /// fd00:ec2::254
  private static let amazonMetadata: [UInt8] = [0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x54]

  private static func version4(_ text: String) -> UInt32? {
    var address = in_addr()
    return unsafe inet_aton(text, &address) == 1 ? UInt32(bigEndian: address.s_addr) : nil
  }

  private static func version6(_ text: String) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 16)
    return unsafe inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
  }
}
