/// The methods of HTTP that registries use.
public enum HTTPMethod: String, Hashable, Sendable {
  case get = "GET"
  case head = "HEAD"
  case post = "POST"
  case put = "PUT"
  case patch = "PATCH"
  case delete = "DELETE"

  /// Whether a request by this method always says how long its body is, be it empty.
  var carriesBody: Bool {
    switch self {
    case .post, .put, .patch: true
    case .get, .head, .delete: false
    }
  }

  /// Whether redirects are followed to wherever they lead: only where repeating the request elsewhere is harmless.
  var followsAnyRedirect: Bool { self == .get || self == .head }
}

/// One request, without its body.
public struct HTTPRequest: Sendable {
  public var method: HTTPMethod
  public var url: HTTPURL
  public var headers: HTTPHeaders
  /// Whether a redirect is followed or handed back as the answer. GET and HEAD follow any; the others, by their own
  /// method, what stays with the host that they are for.
  public var followsRedirects: Bool
  /// The longest body that ``HTTPClient/send(_:body:)`` collects, in bytes.
  public var bodyLimit: Int

  /// Whose word it is that the request goes where it goes: a server's, by which no host is reached that is none of its
  /// business (``AddressClass``); nil for the user's.
  public var sentBy: HTTPURL?

  /// How long the exchange may go on after its task was cancelled, to end what would be lost otherwise.
  public var grace = Duration.zero

  /// How long the answer to an upload may take once all of it is sent; nil for ``TransportOptions/answerTimeout``.
  public var answerTimeout: Duration?
  /// Whether the work can do without an answer: then ``HTTPClient/sendRetrying(_:body:)`` gives up after a minute.
  public var isOptional = false

  /// A manifest may have 4 MiB (distribution-spec `spec.md`, "Pushing manifests"), a page of tags less.
  public static let defaultBodyLimit = 5 << 20

  public init(
    _ method: HTTPMethod = .get, _ url: HTTPURL, headers: HTTPHeaders = [:], followsRedirects: Bool = true,
    bodyLimit: Int = Self.defaultBodyLimit
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.followsRedirects = followsRedirects
    self.bodyLimit = bodyLimit
  }
}

extension HTTPRequest {
  /// This request as an answer to it wants it sent once more, elsewhere; nil where that is no redirect, or none that is
  /// followed. Throws ``TransportError/redirectRefused(from:to:reason:)``.
  public func redirected(by answer: HTTPResponse) throws(TransportError) -> HTTPRequest? {
    guard let location = answer.redirect, follows(answer.status, to: location) else { return nil }
    return try redirected(to: location)
  }

  /// Whether an answer of `status` that points to `location` is followed. What changes something is repeated only on
  /// the host that it is for: where the answer says that the method stays, or that the place has moved for good; and
  /// where the same is wanted by TLS.
  func follows(_ status: Int, to location: String) -> Bool {
    guard followsRedirects else { return false }
    if method.followsAnyRedirect { return true }
    guard let target = try? url.resolving(location), !target.hasUserInfo, target.belongs(to: url) else {
      return false
    }
    switch status {
    case 307, 308: return true
    case 301 where target.hasSameOrigin(as: url): return true
    case 301, 302:
      return target.secures(url) && target.path == url.path && target.query == url.query
    default: return false
    }
  }

  /// The fields that speak for someone: they stay with the origin they were made for.
  private static let credentials = ["Authorization", "Cookie", "Proxy-Authorization"]

  /// This request as a redirect to `location` wants it. Throws
  /// ``TransportError/redirectRefused(from:to:reason:)`` for a target that is no http or https URL, that
  /// leaves https, or that brings credentials of its own.
  func redirected(to location: String) throws(TransportError) -> HTTPRequest {
    let target: HTTPURL
    do throws(TransportError) { target = try url.resolving(location) } catch {
      throw .redirectRefused(
        from: url.description, to: HTTPURL.redacting(location),
        reason: Self.hasForeignScheme(location) ? .scheme : .malformed)
    }
    let refuse: (RedirectRefusal) -> TransportError = {
      .redirectRefused(from: url.description, to: target.description, reason: $0)
    }
    guard !target.hasUserInfo else { throw refuse(.userInfo) }
    guard url.isPlain || !target.isPlain else { throw refuse(.downgrade) }
    var next = self
    next.url = target
    next.sentBy = sentBy ?? url
    if !target.belongs(to: url) {
      for name in Self.credentials { next.headers.remove(name) }
    }
    return next
  }

  private static func hasForeignScheme(_ location: String) -> Bool {
    guard let colon = location.firstIndex(of: ":") else { return false }
    let scheme = location[..<colon].lowercased()
    return !scheme.isEmpty && !["http", "https"].contains(scheme)
      && scheme.utf8.allSatisfy { ($0 | 0x20) >= 97 && ($0 | 0x20) <= 122 || (43...57).contains($0) }
  }
}
