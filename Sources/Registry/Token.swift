/// A bearer token in use: what it says to the registry, and until when.
struct Token: Sendable {
  let value: String
  let source: TokenSource
  /// What it allows, by its own claims; nil when it is opaque.
  let grants: [Scope]?
  /// When another is fetched in its place.
  let renewal: ContinuousClock.Instant
  let expiry: ContinuousClock.Instant

  init(_ reply: TokenReply, from source: TokenSource, at now: ContinuousClock.Instant) {
    value = reply.token
    self.source = source
    grants = reply.grants
    renewal = now.advanced(by: reply.renewal)
    expiry = now.advanced(by: reply.lifetime)
  }
}
