extension HTTPClient {
  /// One attempt of a small exchange. Any status is an answer, not an error; its body is collected, at most
  /// ``HTTPRequest/bodyLimit`` bytes of it.
  public func send(_ request: HTTPRequest, body: [UInt8] = []) throws(TransportError) -> HTTPResponse {
    let exchange = try perform(
      request, body: body.isEmpty ? .none : .bytes(body), reception: .collect(limit: request.bodyLimit))
    return exchange.response
  }
}
