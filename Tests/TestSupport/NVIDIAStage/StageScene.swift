import Foundation
import Synchronization

/// What the stage's servers share: they answer by it, on many threads.
final class StageScene: Sendable {
  let state: Mutex<StageState>
  private let hosts = Mutex<[NVIDIAStage.Site: String]>([:])

  init(_ state: sending StageState) { self.state = Mutex(state) }

  func open(_ hosts: [NVIDIAStage.Site: String]) { self.hosts.withLock { $0 = hosts } }

  func url(_ site: NVIDIAStage.Site, _ path: String) -> String {
    "http://" + (hosts.withLock { $0[site] } ?? "") + path
  }

  func answer(_ request: ScriptedRequest, at site: NVIDIAStage.Site) -> ScriptedResponse {
    state.withLock { state in
      var limit: Int?
      if let fault = state.takeFault(for: request, at: site) {
        if fault.expiresTokens { state.expireTokens() }
        switch fault.action {
        case .answer(let response): return response
        case .cut(let count): limit = count
        case .pass: break
        }
      }
      return reply(to: request, at: site, &state).response(to: request, cutAfter: limit)
    }
  }

  private func reply(
    to request: ScriptedRequest, at site: NVIDIAStage.Site, _ state: inout StageState
  ) -> StageReply {
    switch site {
    case .registry:
      request.path == "/proxy_auth" ? proxyAuth(request, &state) : registry(request, &state)
    case .legacyRealm: legacyAuth(request, &state)
    case .authn: authn(request, &state)
    case .dgxAPI: dgxAPI(request, state)
    case .ngcAPI: ngcAPI(request, &state)
    case .cdn: cdn(request, &state)
    }
  }
}

/// All that changes on the stage.
struct StageState: Sendable {
  struct Upload {
    let repository: String
    var bytes: [UInt8] = []
  }

  struct SignedBlob {
    let bytes: [UInt8]
    var uses = 0
  }

  var behaviour: StageBehaviour
  var accounts: [StageAccount]
  var content: [NVIDIAStage.BackEnd: [String: StageRepository]] = [:]
  var tokens: [String: StageToken] = [:]
  var uploads: [String: Upload] = [:]
  var signed: [String: SignedBlob] = [:]
  var faults: [StageFault] = []
  private var names = 0

  init(behaviour: StageBehaviour, accounts: [StageAccount]) {
    self.behaviour = behaviour
    self.accounts = accounts
  }

  func account(key: String) -> StageAccount? { accounts.first { $0.key == key } }

  /// A name that was not there before.
  mutating func fresh(_ kind: String) -> String {
    names += 1
    return "\(kind)\(names)"
  }

  mutating func expireTokens() {
    for token in tokens.keys { tokens[token]?.isExpired = true }
  }

  mutating func takeFault(for request: ScriptedRequest, at site: NVIDIAStage.Site) -> StageFault? {
    guard let index = faults.firstIndex(where: { $0.matches(request, at: site) }) else { return nil }
    faults[index].times -= 1
    return faults[index]
  }
}
