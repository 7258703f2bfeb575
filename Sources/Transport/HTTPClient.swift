internal import Glibc
internal import Synchronization

/// Speaks HTTP/1.1 over libcurl. Calls block their thread and may come from many at once; each has a
/// connection of its own, kept alive for the next.
///
/// Every call honours the cancellation of the task that makes it, within a tenth of a second.
public final class HTTPClient: Sendable {
  public let options: TransportOptions
  let limit: RateLimit?
  private let pool = HandlePool()
  /// The hosts that have ever answered.
  private let known = Mutex<Set<String>>([])

  /// Redirects followed in one exchange.
  static let longestRedirection = 10

  /// Throws ``TransportError/unreadableCAFile(path:)``.
  public init(_ options: TransportOptions = TransportOptions()) throws(TransportError) {
    if let file = options.caFile {
      guard unsafe access(file, R_OK) == 0 else { throw .unreadableCAFile(path: file) }
    }
    self.options = options
    limit = options.limitRate.map(RateLimit.init(bytesPerSecond:))
  }

  /// Whether `host` has answered anything since the client was made.
  func knows(_ host: String) -> Bool {
    known.withLock { $0.contains(host) }
  }

  /// One exchange with its redirects. What the caller's code threw is left in the returned exchange.
  func perform(
    _ request: HTTPRequest, body: OutgoingBody, reception: Reception
  ) throws(TransportError) -> Exchange {
    let handle = try pool.take()
    defer { pool.give(handle) }
    var hop = request
    for _ in 0...Self.longestRedirection {
      let exchange = try perform(hop, body: body, reception: reception, on: handle)
      guard let location = exchange.redirect, exchange.isAnswered else { return exchange }
      hop = try hop.redirected(to: location)
      options.log?("redirected to \(hop.url)")
    }
    throw .tooManyRedirects(url: request.url.description)
  }

  private func perform(
    _ request: HTTPRequest, body: OutgoingBody, reception: Reception, on handle: TransferHandle
  ) throws(TransportError) -> Exchange {
    guard !Task.isCancelled else { throw .cancelled }
    let exchange = Exchange(request, body: body, reception: reception, options: options, limit: limit)
    let outcome = try handle.perform(exchange, options: options, limit: limit)
    if exchange.head.status > 0 { known.withLock { _ = $0.insert(request.url.host) } }
    var failure: TransportError?
    switch exchange.interruption {
    case .thrown, .enough: break
    case .failed(let error): failure = error
    case nil:
      failure = outcome.error(
        for: request.url, received: exchange.received, headIsComplete: exchange.head.isComplete,
        caFile: options.caFile)
      // The registry of distribution declares the whole blob's length for the text of a 416.
      if case .cut = failure, exchange.head.isComplete, exchange.isExcerpt { failure = nil }
      // libcurl takes a head that ends with its connection for a whole one.
      if failure == nil, !exchange.head.isComplete {
        failure = .reset(url: request.url.description, reason: "the head of the answer is incomplete")
      }
    }
    if let failure {
      options.log?("\(request.method.rawValue) \(request.url) failed: \(failure)")
      throw failure
    }
    options.log?("\(request.method.rawValue) \(request.url) → \(exchange.head.status)")
    return exchange
  }
}
