extension HTTPClient {
  /// One attempt of an upload: sends `size` bytes asked from `source` piece by piece. It fills the buffer it
  /// is given and returns how many bytes it put there, at least one. What it throws ends the transfer and
  /// comes out unchanged; else throws ``TransportError``.
  ///
  /// A server that refuses before the body is complete ends the upload: its answer is returned. At most
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
}
