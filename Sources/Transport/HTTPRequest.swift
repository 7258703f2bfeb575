/// One request, without its body.
public struct HTTPRequest: Sendable {
  public var method: HTTPMethod
  public var url: HTTPURL
  public var headers: HTTPHeaders
  /// Whether a redirect is followed or handed back as the answer. Only GET and HEAD follow any.
  public var followsRedirects: Bool
  /// The longest body that ``HTTPClient/send(_:body:)`` collects, in bytes.
  public var bodyLimit: Int

  /// How long the exchange may go on after its task was cancelled, to end what would be lost otherwise.
  public var grace = Duration.zero

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
