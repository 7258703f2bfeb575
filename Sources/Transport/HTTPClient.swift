internal import Glibc
internal import Synchronization

/// Speaks HTTP/1.1 over libcurl. Calls block their thread and may come from many at once; each has a
/// connection of its own, kept alive for the next.
///
/// Every call honours the cancellation of the task that makes it, within a tenth of a second. A host that complains of
/// too many requests gets fewer at a time (``RequestWindow``): a call then waits for its turn first.
public final class HTTPClient: Sendable {
  public let options: TransportOptions
  private let limit: RateLimit?
  private let pool = HandlePool()
  private let routes: Routes
  /// What is known of each host, by its name and port.
  private let hosts = Mutex<[String: RemoteHost]>([:])

  /// Redirects followed in one exchange.
  private static let longestRedirection = 10

  /// Throws ``TransportError/unreadableCAFile(path:)``.
  public init(_ options: TransportOptions = TransportOptions()) throws(TransportError) {
    if let file = options.caFile {
      guard unsafe access(file, R_OK) == 0 else { throw .unreadableCAFile(path: file) }
    }
    self.options = options
    routes = Routes(options)
    limit = options.limitRate.map(RateLimit.init(bytesPerSecond:))
  }

  /// One attempt of a small exchange. Any status is an answer, not an error; its body is collected, at most
  /// ``HTTPRequest/bodyLimit`` bytes of it.
  public func send(_ request: HTTPRequest, body: [UInt8] = []) throws(TransportError) -> HTTPResponse {
    let exchange = try perform(
      request, body: body.isEmpty ? .none : .bytes(body), reception: .collect(limit: request.bodyLimit))
    return exchange.response
  }

  /// One attempt of a download. `accepts` sees the final answer's head, after redirects: true and the body
  /// goes to `sink` as it arrives, lent from libcurl's own buffer; false and its first 64 KiB are
  /// collected. What the closures throw ends the transfer and comes out unchanged; else throws
  /// ``TransportError``.
  public func receive(
    _ request: HTTPRequest, accepts: (HTTPResponse) throws -> Bool, sink: (RawSpan) throws -> Void
  ) throws -> HTTPResponse {
    try withoutActuallyEscaping(accepts) { accepts in
      try withoutActuallyEscaping(sink) { sink in
        try perform(request, body: .none, reception: .lend(accepts: accepts, sink: sink)).get()
      }
    }
  }

  /// One attempt of an upload: sends `size` bytes asked from `source` piece by piece. It fills the buffer it
  /// is given and returns how many bytes it put there, at least one. What it throws ends the transfer and
  /// comes out unchanged; else throws ``TransportError``.
  ///
  /// A server that refuses before the body is complete ends the upload: its answer is returned, a redirect among them,
  /// for which the caller begins the source again (``HTTPRequest/redirected(by:)``). At most
  /// 64 KiB of an answer's body are collected. The size is always declared, and no `Expect` header is sent
  /// unless the request has one.
  public func transmit(
    _ request: HTTPRequest, size: Int64, source: (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws -> HTTPResponse {
    try unsafe withoutActuallyEscaping(source) { source in
      unsafe try perform(
        request, body: .source(size: max(size, 0), fill: source),
        reception: .excerpt(limit: Reception.excerptLimit)
      ).get()
    }
  }

  /// What is known of the host and port that a URL's authority names.
  func host(_ authority: String) -> RemoteHost {
    hosts.withLock { hosts in
      if let host = hosts[authority] { return host }
      let host = RemoteHost()
      hosts[authority] = host
      return host
    }
  }

  /// One exchange with its redirects. What the caller's code threw is left in the returned exchange.
  private func perform(
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

  /// One exchange without its redirects. Of several client certificates for the host, the next is tried where the server
  /// does not take one.
  private func perform(
    _ request: HTTPRequest, body: OutgoingBody, reception: Reception, on handle: TransferHandle
  ) throws(TransportError) -> Exchange {
    while true {
      let route = try routes.route(to: request.url)
      do {
        return try perform(request, body: body, reception: reception, by: route, on: handle)
      } catch {
        guard case .clientCertificateWanted = error, body.canBeRepeated,
          routes.turn(from: route.certificate, for: request.url)
        else { throw error }
      }
    }
  }

  private func perform(
    _ request: HTTPRequest, body: OutgoingBody, reception: Reception, by route: Route,
    on handle: TransferHandle
  ) throws(TransportError) -> Exchange {
    guard !Task.isCancelled else { throw .cancelled }
    let host = host(request.url.authority)
    let pass = try host.enter()
    var answer = RequestWindow.Answer.unknown
    defer { host.leave(pass, answer) }
    let secrets = request.url.secrets
    if !secrets.isEmpty { options.confided?(secrets) }
    let reach = reach(of: request, by: route)
    try reach.checkSpelling()
    let exchange = Exchange(
      request, body: body, reception: reception, options: options, limit: limit, reach: reach)
    let outcome = try handle.perform(exchange, by: route, options: options, limit: limit)
    if exchange.head.status > 0 {
      routes.noteAnswer(from: request.url)
      host.noteAnswer()
      if let place = exchange.place { host.note(place) }
      answer = exchange.response.verdict
    }
    var failure: TransportError?
    switch exchange.interruption {
    case .thrown, .enough: break
    case .failed(let error): failure = error
    case nil:
      failure = outcome.error(
        for: request.url, received: exchange.received, headIsComplete: exchange.head.isComplete,
        caFile: route.authorities.path, shown: route.certificate)
      // Where one address of a host is none to go to, nothing is wrong with the line to the others.
      if let refused = exchange.refusedAddress, failure?.isAboutReaching == true { failure = refused }
      // The registry of distribution declares the whole blob's length for the text of a 416.
      if case .cut = failure, exchange.head.isComplete, exchange.isExcerpt { failure = nil }
      // libcurl takes a head that ends with its connection for a whole one.
      if failure == nil, !exchange.head.isComplete {
        failure = .reset(url: request.url.description, reason: .incompleteHead)
      }
    }
    if let error = failure, error.mayBeRefusal, routes.isUnanswered(request.url) {
      failure = try refusal(of: request, by: route, on: handle) ?? error
    }
    if failure == nil { failure = route.refusal(in: exchange.response) }
    if let failure {
      options.log?("\(request.method.rawValue) \(request.url) failed: \(failure)")
      throw failure
    }
    options.log?("\(request.method.rawValue) \(request.url) → \(exchange.head.status)")
    return exchange
  }
}

/// Being turned away.
extension HTTPClient {
  /// Where a request may go. Who leads to it has been asked before, and it is known then where that one is.
  private func reach(of request: HTTPRequest, by route: Route) -> Reach {
    let sender = request.sentBy.flatMap { sender -> Reach.Sender? in
      let known = host(sender.authority).place
      // The user named it, so it may lead to itself where it was found: elsewhere its name is made to lead.
      if sender.host == request.url.host {
        return known.map { Reach.Sender(authority: sender.authority, place: $0, isItself: true) }
      }
      return Reach.Sender(
        authority: sender.authority, place: known ?? AddressClass(hostBehindProxy: sender.host))
    }
    let (name, port) = (request.url.host, request.url.port)
    let isKnownPrivate =
      options.privateHosts.contains(name) || options.privateHosts.contains("\(name):\(port)")
    return Reach(
      to: request.url, by: sender, isKnownPrivate: isKnownPrivate, isByProxy: route.proxy != nil)
  }

  /// The error by which a server that has never answered ends TLS with whoever has not even asked; nil when it does not.
  /// What it says to the end of a handshake of TLS 1.3 comes while the client sends, and is lost where that fails.
  private func refusal(
    of request: HTTPRequest, by route: Route, on handle: TransferHandle
  ) throws(TransportError) -> TransportError? {
    let exchange = Exchange(
      request, body: .none, reception: .excerpt(limit: 0), options: options, limit: limit,
      reach: reach(of: request, by: route))
    let talk = try handle.listen(exchange, by: route, options: options, limit: limit)
    // Whoever no longer listens has heard nothing.
    guard !Task.isCancelled else { throw .cancelled }
    return talk.refusal(by: request.url, shown: route.certificate)
  }
}
