/// What becomes of an answer's body.
enum Reception {
  typealias Accept = (HTTPResponse) throws -> Bool
  typealias Sink = (RawSpan) throws -> Void

  /// Kept whole; more than `limit` bytes are an error.
  case collect(limit: Int)
  /// Kept up to `limit` bytes, the rest not waited for: texts that explain a failure.
  case excerpt(limit: Int)
  /// Lent to `sink` when `accepts` says so of its head, else kept as an excerpt.
  case lend(accepts: Accept, sink: Sink)

  /// How much of an error's text is kept, in bytes.
  static let excerptLimit = 64 << 10
}
