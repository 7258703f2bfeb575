/// A bearer token in use: what it says to the registry, and until when.
struct Token: Sendable {
  let value: String
  let source: TokenSource
  /// What it allows, by its own claims; nil when it is opaque.
  let grants: [Scope]?
  /// When another is fetched in its place.
  private(set) var renewal: ContinuousClock.Instant
  let expiry: ContinuousClock.Instant

  init(_ reply: TokenReply, from source: TokenSource, at now: ContinuousClock.Instant) {
    value = reply.token
    self.source = source
    grants = reply.grants
    renewal = now.advanced(by: reply.renewal)
    expiry = now.advanced(by: reply.lifetime)
  }

  /// Keeps the token for a while longer, after its renewal failed.
  mutating func postponeRenewal() {
    renewal = min(expiry, .now.advanced(by: .seconds(15)))
  }
}
