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

  /// Whether redirects are followed: only where repeating the request elsewhere is harmless.
  var followsRedirects: Bool { self == .get || self == .head }
}
