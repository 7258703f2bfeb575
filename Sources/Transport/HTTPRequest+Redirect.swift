extension HTTPRequest {
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
    if !target.hasSameOrigin(as: url) {
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
