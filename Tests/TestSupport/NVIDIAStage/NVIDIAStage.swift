import Foundation
import Synchronization

/// NVIDIA's registries in miniature: two back ends behind one host, told apart by the credential, with
/// their token servers, REST services and a host for blobs. Hosts are ports of 127.0.0.1.
///
///     let stage = NVIDIAStage(accounts: [.dgx(key: "…"), .ngc(key: "…", organizations: ["acme"])])
///     stage.add(StagedImage(layers: [StagedImage.noise(1 << 20)]), to: "olddept/trainer", tag: "1.0", on: .dgx)
///     … speak to stage.host …
///     #expect(stage.sites(thatSaw: "the key") == [.registry, .legacyRealm])
public final class NVIDIAStage: Sendable {
  /// A host of NVIDIA's, or the one its blobs are fetched from.
  public enum Site: String, Sendable, CaseIterable {
    /// nvcr.io: the distribution API of both back ends, and `/proxy_auth`.
    case registry
    /// registry.nvidia.com: `/v2/auth`, the legacy token server.
    case legacyRealm
    /// authn.nvidia.com: tokens for the NGC API, and for the registry after a token's end.
    case authn
    /// compute.nvidia.com: the DGX REST API.
    case dgxAPI
    /// api.ngc.nvidia.com: the NGC REST API.
    case ngcAPI
    /// Where blobs come from. It answers 400 to any Authorization header.
    case cdn
  }

  /// What the credential decides.
  public enum BackEnd: Sendable { case dgx, ngc }

  let scene: StageScene
  private let servers: [Site: ScriptedServer]

  public init(_ behaviour: StageBehaviour = StageBehaviour(), accounts: [StageAccount] = []) {
    let scene = StageScene(StageState(behaviour: behaviour, accounts: accounts))
    self.scene = scene
    servers = Dictionary(
      uniqueKeysWithValues: Site.allCases.map { site in
        (site, ScriptedServer { scene.answer($0, at: site) })
      })
    scene.open(servers.mapValues(\.host))
  }

  public func server(_ site: Site) -> ScriptedServer {
    guard let server = servers[site] else { fatalError("every site has a server") }
    return server
  }

  /// The registry's host, as it stands in references.
  public var host: String { server(.registry).host }

  /// The hosts that are right to see a credential for ``host``: registry and token servers.
  public var realmHosts: Set<String> {
    [host, server(.legacyRealm).host, server(.authn).host]
  }

  /// The base address of a service, for `FERRY_DGX_API` and its siblings.
  public func address(_ site: Site) -> String { "http://\(server(site).host)" }

  /// Changes how the stage behaves from the next request on.
  public func change(_ change: (inout StageBehaviour) -> Void) {
    scene.state.withLock { change(&$0.behaviour) }
  }

  /// Scripts a fault. The first that matches and is not used up is taken, before anything else is done.
  public func add(_ fault: StageFault) {
    scene.state.withLock { $0.faults.append(fault) }
  }

  /// Ends every token there is.
  public func expireTokens() {
    scene.state.withLock { $0.expireTokens() }
  }

  /// Puts an image, with all that is below it, in a repository.
  public func add(_ image: StagedImage, to repository: String, tag: String? = nil, on backEnd: BackEnd) {
    scene.state.withLock {
      $0.content[backEnd, default: [:]][repository, default: .init()].add(image, tag: tag)
    }
  }

  /// Changes a repository's description and flags, making it if it is not there.
  public func edit(_ repository: String, on backEnd: BackEnd, _ edit: (inout StageRepository) -> Void) {
    scene.state.withLock { edit(&$0.content[backEnd, default: [:]][repository, default: .init()]) }
  }

  /// What a back end holds, by repository.
  public func content(on backEnd: BackEnd) -> [String: StageRepository] {
    scene.state.withLock { $0.content[backEnd] ?? [:] }
  }
}
