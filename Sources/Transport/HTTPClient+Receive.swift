extension HTTPClient {
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
}
