private import Glibc

/// Which hosts are reached by way of which proxies: curl's variables as values, read as curl reads them. Beyond that, an
/// exception may name a port, and may begin with `*.`.
public struct ProxyRules: Hashable, Sendable {
  /// The proxy for http URLs, as libcurl takes it. It may hold a password.
  public var plain: Configured?
  /// The proxy for https URLs.
  public var secure: Configured?
  /// The hosts that are reached without, with commas or blanks between them.
  public var exceptions: Configured?

  public init(plain: Configured? = nil, secure: Configured? = nil, exceptions: Configured? = nil) {
    self.plain = plain
    self.secure = secure
    self.exceptions = exceptions
  }

  /// How a host is reached.
  enum Choice: Equatable {
    /// There is no proxy for it.
    case direct
    /// There is, and this exception to it.
    case exempt(rule: String, origin: String)
    case proxy(Configured)
  }

  func choice(for url: HTTPURL) -> Choice {
    guard let proxy = url.isPlain ? plain : secure, !proxy.value.isEmpty else { return .direct }
    guard let exceptions else { return .proxy(proxy) }
    let rules = exceptions.value.split { $0 == "," || $0.isWhitespace }
    guard let rule = rules.first(where: { Self.covers($0, url) }) else { return .proxy(proxy) }
    return .exempt(rule: String(rule), origin: exceptions.origin)
  }

  /// Whether an exception is for the URL's host and port.
  private static func covers(_ rule: Substring, _ url: HTTPURL) -> Bool {
    let rule = rule.lowercased()
    if rule == "*" { return true }
    let host = url.host.drop { $0 == "[" }.prefix { $0 != "]" }
    if let address = Address(host) { return covers(rule, address, port: url.port) }
    guard case (var name, let port)? = splitPort(rule) else { return false }
    guard port == nil || port == url.port else { return false }
    for beginning in ["*.", "."] where name.hasPrefix(beginning) { name = name.dropFirst(beginning.count) }
    if name.hasSuffix(".") { name = name.dropLast() }
    let known = host.hasSuffix(".") ? host.dropLast() : host
    return !name.isEmpty && (known == name || known.hasSuffix(".\(name)"))
  }

  private static func covers(_ rule: String, _ address: Address, port: Int) -> Bool {
    let parts = rule.split(separator: "/", omittingEmptySubsequences: false)
    if parts.count == 2 {
      let network = parts[0].drop { $0 == "[" }.prefix { $0 != "]" }
      guard let network = Address(network), let bits = Int(parts[1]) else { return false }
      return address.lies(in: network, bits: bits)
    }
    // An IPv6 address without brackets has colons of its own.
    if let whole = Address(rule[...]) { return whole == address }
    guard let (name, wanted) = splitPort(rule) else { return false }
    return Address(name) == address && (wanted == nil || wanted == port)
  }

  /// A host, without brackets, and the port behind it; nil when what is there is no port.
  private static func splitPort(_ rule: String) -> (host: Substring, port: Int?)? {
    let name: Substring
    let rest: Substring
    if rule.hasPrefix("[") {
      name = rule.dropFirst().prefix { $0 != "]" }
      rest = rule.dropFirst(name.count + 2)
    } else {
      name = rule.prefix { $0 != ":" }
      rest = rule.dropFirst(name.count)
    }
    guard !rest.isEmpty else { return (name, nil) }
    guard rest.hasPrefix(":"), let port = Int(rest.dropFirst()) else { return nil }
    return (name, port)
  }

  /// An address of IPv4 or IPv6, by its bytes.
  private struct Address: Equatable {
    private let bytes: [UInt8]

    init?(_ text: Substring) {
      for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard unsafe inet_pton(family, String(text), &bytes) == 1 else { continue }
        self.bytes = bytes
        return
      }
      return nil
    }

    func lies(in network: Address, bits: Int) -> Bool {
      guard bytes.count == network.bytes.count, (0...bytes.count * 8).contains(bits) else { return false }
      return bytes.indices.allSatisfy { index in
        let counted = min(max(bits - index * 8, 0), 8)
        return (bytes[index] ^ network.bytes[index]) >> (8 - counted) == 0
      }
    }
  }
}

extension Configured {
  /// The secrets in a proxy's address, as they stand there and as they are meant.
  public var loginSecrets: [String] {
    let start = value.firstRange(of: "://")?.upperBound ?? value.startIndex
    guard let at = value.lastIndex(of: "@"), start <= at else { return [] }
    let login = String(value[start..<at])
    let password = login.firstIndex(of: ":").map { String(login[login.index(after: $0)...]) }
    let written = [login] + [password].compactMap(\.self)
    return written + written.compactMap { HTTPURL.decoded($0) }
  }

  /// A proxy's address for people, without the login in it.
  var withoutLogin: String {
    let scheme = value.firstRange(of: "://").map { value[..<$0.upperBound] } ?? ""
    guard let at = value.lastIndex(of: "@") else { return value }
    return "\(scheme)…\(value[at...])"
  }
}
