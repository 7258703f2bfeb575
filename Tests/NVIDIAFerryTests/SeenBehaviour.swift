import TestSupport
import Testing

/// A way NVIDIA's side was seen to behave, or may.
struct SeenBehaviour: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let change: @Sendable (inout StageBehaviour) -> Void
  /// How many threads may share a token.
  let jobs: Int

  init(
    _ description: String, jobs: Int = 4, _ change: @escaping @Sendable (inout StageBehaviour) -> Void
  ) {
    testDescription = description
    self.jobs = jobs
    self.change = change
  }

  /// Every form of challenge with both forms of token, and each of the other settings once.
  static let all: [SeenBehaviour] =
    StageBehaviour.Challenge.allCases.flatMap { challenge in
      [
        SeenBehaviour("\(challenge), JWT") { ($0.challenge, $0.tokenForm) = (challenge, .jwt) },
        SeenBehaviour("\(challenge), opaque") { ($0.challenge, $0.tokenForm) = (challenge, .opaque) },
      ]
    } + [
      SeenBehaviour("access_token without expires_in") {
        ($0.tokenKey, $0.saysExpiresIn) = ("access_token", false)
      },
      SeenBehaviour("each token good once", jobs: 1) { $0.tokenUses = 1 },
      SeenBehaviour("each opaque token good once, the flipped realm no help", jobs: 1) {
        ($0.tokenUses, $0.tokenForm, $0.authnServesRegistry) = (1, .opaque, false)
      },
      SeenBehaviour("tokens of a second") { $0.tokenLifetime = 1 },
      SeenBehaviour("denials by 403") { $0.denialStatus = 403 },
      SeenBehaviour("one realm for both keys") { $0.proxyAuthTakesDGXKeys = true },
      SeenBehaviour("blobs by 307, no mounts") { ($0.redirectStatus, $0.mounts) = (307, false) },
      SeenBehaviour("blobs from the registry itself") { $0.redirectsBlobs = false },
    ]
}
