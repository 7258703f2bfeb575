private import CCurl

/// An http or https URL, parsed by the parser that will also open it, so that what was checked is what is
/// used. User names and passwords in it are noted and dropped, fragments dropped.
public struct HTTPURL: Hashable, Sendable {
  /// `http` or `https`.
  public let scheme: String
  /// In lower case, numeric forms of IPv4 in dotted form, IPv6 in brackets.
  public let host: String
  /// The port that is spoken to, whether it was written or not.
  public let port: Int
  /// From the first slash, percent-encoded as it was given.
  public let path: String
  /// Without the question mark, percent-encoded as it was given.
  public let query: String?
  /// Whether a user name or password stood in it.
  public let hasUserInfo: Bool

  /// The longest URL that is read, in bytes: signed ones have a few thousand.
  static let longest = 32 << 10

  /// Parses an absolute URL. Throws ``TransportError/invalidURL(_:_:)``.
  public init(_ text: String) throws(TransportError) {
    self = try Self.parse(text, relativeTo: nil)
  }

  /// The URL that `location` means when it stands in an answer from this one (RFC 3986, 5). Throws
  /// ``TransportError/invalidURL(_:_:)``.
  public func resolving(_ location: String) throws(TransportError) -> HTTPURL {
    try Self.parse(location, relativeTo: self)
  }

  /// The URL with `items` percent-encoded and added to its query, which otherwise stays as it is.
  public func appendingQuery(_ items: [(name: String, value: String)]) -> HTTPURL {
    let added = items.map { "\(Self.encode($0.name))=\(Self.encode($0.value))" }
    let existing = query.map { $0.isEmpty ? [] : [$0] } ?? []
    let query = (existing + added).joined(separator: "&")
    return HTTPURL(
      scheme: scheme, host: host, port: port, path: path, query: query.isEmpty ? nil : query,
      hasUserInfo: hasUserInfo)
  }

  /// Whether scheme, host and port are the same (RFC 6454): credentials for one are for the other.
  public func hasSameOrigin(as other: HTTPURL) -> Bool {
    scheme == other.scheme && host == other.host && port == other.port
  }

  /// Whether what is for `other` is for this as well: it has the same origin, or is the same host spoken to by TLS where
  /// `other` is not. A host that leads from the one to the other has seen already what would come.
  public func belongs(to other: HTTPURL) -> Bool { hasSameOrigin(as: other) || secures(other) }

  /// Whether it is the host of `other` spoken to by TLS, which `other` is not.
  func secures(_ other: HTTPURL) -> Bool { other.isPlain && !isPlain && host == other.host }

  /// The same path and query where `other` is.
  public func at(originOf other: HTTPURL) -> HTTPURL {
    HTTPURL(
      scheme: other.scheme, host: other.host, port: other.port, path: path, query: query, hasUserInfo: false)
  }

  /// Whether it is spoken to without TLS.
  public var isPlain: Bool { scheme == "http" }

  /// The host, with the port unless it is the scheme's own.
  public var authority: String { port == (isPlain ? 80 : 443) ? host : "\(host):\(port)" }

  /// The whole URL. Its query may be a credential: it is for the wire and for private files, never for
  /// people, logs or errors.
  public var full: String { "\(scheme)://\(authority)\(path)\(query.map { "?" + $0 } ?? "")" }

  private init(scheme: String, host: String, port: Int, path: String, query: String?, hasUserInfo: Bool) {
    self.scheme = scheme
    self.host = host
    self.port = port
    self.path = path
    self.query = query
    self.hasUserInfo = hasUserInfo
  }

  private static func parse(_ text: String, relativeTo base: HTTPURL?) throws(TransportError) -> HTTPURL {
    let refuse: (URLFault) -> TransportError = { .invalidURL(redacting(text), $0) }
    guard !text.isEmpty, text.utf8.count <= longest else { throw refuse(.length) }
    guard !text.utf8.contains(0) else { throw refuse(.zeroByte) }
    guard let parser = unsafe curl_url() else { throw refuse(.memory) }
    defer { unsafe curl_url_cleanup(parser) }
    if let base { _ = unsafe curl_url_set(parser, CURLUPART_URL, base.full, 0) }
    // Servers put raw blanks into Location; people who type one have mistyped.
    let result = unsafe curl_url_set(
      parser, CURLUPART_URL, text, base == nil ? 0 : UInt32(CURLU_URLENCODE))
    guard result == CURLUE_OK else {
      throw refuse(.unparsed(reason: unsafe String(cString: curl_url_strerror(result))))
    }
    guard let scheme = unsafe part(CURLUPART_SCHEME, of: parser), scheme == "http" || scheme == "https"
    else { throw refuse(.scheme) }
    guard let host = unsafe part(CURLUPART_HOST, of: parser)?.lowercased(), isHost(host),
      unsafe part(CURLUPART_ZONEID, of: parser) == nil
    else { throw refuse(.host) }
    guard let port = unsafe part(CURLUPART_PORT, of: parser, UInt32(CURLU_DEFAULT_PORT)).flatMap(UInt16.init),
      port > 0
    else { throw refuse(.port) }
    return HTTPURL(
      scheme: scheme, host: host, port: Int(port),
      path: unsafe part(CURLUPART_PATH, of: parser) ?? "/",
      query: unsafe part(CURLUPART_QUERY, of: parser),
      hasUserInfo: unsafe part(CURLUPART_USER, of: parser) != nil
        || part(CURLUPART_PASSWORD, of: parser) != nil)
  }

  private static func part(_ part: CURLUPart, of parser: OpaquePointer, _ flags: UInt32 = 0) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard unsafe curl_url_get(parser, part, &text, flags) == CURLUE_OK, let found = unsafe text else {
      return nil
    }
    defer { unsafe curl_free(found) }
    return unsafe String(cString: found)
  }

  /// Names and addresses only: what is no ASCII would be translated on its way to the resolver.
  private static func isHost(_ host: String) -> Bool {
    !host.isEmpty
      && host.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
          UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "["),
          UInt8(ascii: "]"):
          true
        default: false
        }
      }
  }

  /// Percent-encodes everything but RFC 3986's unreserved characters. libcurl's `curl_url_set` would make `+` of a
  /// blank, which is one in forms alone.
  private static func encode(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var encoded: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        encoded.append(byte)
      default:
        encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }
}

extension HTTPURL {
  /// What stands in its query and is likely to prove who asks, as it is there and as it is meant.
  var secrets: [String] {
    guard let query else { return [] }
    return query.utf8.split(separator: UInt8(ascii: "&")).flatMap { item -> [String] in
      guard let equals = item.firstIndex(of: UInt8(ascii: "=")), equals > item.startIndex,
        case let value = item[item.index(after: equals)...], value.count >= Secrets.shortest,
        Self.isSecret(item[..<equals])
      else { return [] }
      let text = String(decoding: value, as: UTF8.self)
      return [text] + (Self.decoded(text).map { [$0] } ?? [])
    }
  }

  private static func isSecret(_ name: some Sequence<UInt8>) -> Bool {
    let name = name.map { byte in
      UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }
    return name.indices.contains { start in secretNames.contains { name[start...].starts(with: $0.utf8) } }
  }

  /// Parts of names: `X-Amz-Signature`, `X-Amz-Security-Token`, `X-Amz-Credential`, `sig`, `Key-Pair-Id`, `Policy`, `_state`.
  private static let secretNames = [
    "sig", "token", "credential", "key", "policy", "state", "secret", "password", "auth", "hmac", "jwt",
    "sas",
  ]

  /// A text whose `%41` are characters; nil where it has none, or is then no text.
  static func decoded(_ text: String) -> String? {
    guard text.contains("%") else { return nil }
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

extension HTTPURL: CustomStringConvertible, CustomDebugStringConvertible {
  /// The URL for people: every value of its query stands as `…`, for a signed query is a credential.
  public var description: String {
    let shown = query.map { query in
      "?"
        + query.split(separator: "&").map { item in
          item.firstIndex(of: "=").map { "\(item[..<$0])=…" } ?? "…"
        }.joined(separator: "&")
    }
    return "\(scheme)://\(authority)\(path)\(shown ?? "")"
  }

  public var debugDescription: String { description }

  /// A text that is no URL, without what might be secret in it: query, fragment, user name and password.
  static func redacting(_ text: String) -> String {
    var shown = text.prefix { $0 != "?" && $0 != "#" }
    if let at = shown.lastIndex(of: "@") { shown = "…" + shown[at...] }
    let kept = shown.unicodeScalars.prefix(200)
    return String(String.UnicodeScalarView(kept)) + (kept.endIndex < text.endIndex ? "…" : "")
  }
}
