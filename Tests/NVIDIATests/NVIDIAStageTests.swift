import Digests
import Images
import NVIDIA
import Registry
import TestSupport
import Testing

@Suite(.waiting) struct `Behind the one host` {
  private let image = StagedImage(layers: [StagedImage.noise(200_000)])

  private func stage(_ behaviour: StageBehaviour = StageBehaviour()) -> NVIDIAStage {
    let stage = NVIDIAStage(
      behaviour, accounts: [.dgx(key: Keys.dgx), .ngc(key: Keys.ngc, organizations: ["acme"])])
    stage.add(image, to: "olddept/trainer", tag: "1.0", on: .dgx)
    stage.add(image, to: "acme/base", tag: "2.0", on: .ngc)
    return stage
  }

  private func registry(_ stage: NVIDIAStage, _ key: String) throws -> RegistryClient {
    RegistryClient(
      host: stage.host,
      configuration: RegistryConfiguration(
        plainHTTP: true, credential: .basic(username: "$oauthtoken", password: key),
        realmRules: RealmRules(.nvidia(NVIDIAHosts(names: [stage.host]), realmHosts: stage.realmHosts))),
      http: try client())
  }

  private func layer() throws -> Descriptor {
    let manifest = try Manifest(bytes: image.manifest, mediaType: nil)
    return try #require(manifest.blobs.last)
  }

  @Test func `a DGX key is led to the legacy realm and its images`() throws {
    let stage = stage()
    let registry = try registry(stage, Keys.dgx)
    #expect(try registry.tags(of: "olddept/trainer") == ["1.0"])
    #expect(
      stage.lines(at: .legacyRealm) == [
        "GET /v2/auth?service=registry.nvidia.com&scope=repository%3Aolddept%2Ftrainer%3Apull"
      ])
    #expect(throws: RegistryError.self) { try registry.tags(of: "acme/base") }
    #expect(stage.sites(thatSaw: Keys.dgx) == [.registry, .legacyRealm])
  }

  @Test(arguments: StageBehaviour.Challenge.allCases)
  func `an NGC key gets in by each challenge that was seen`(_ challenge: StageBehaviour.Challenge) throws {
    let stage = stage()
    stage.change { $0.challenge = challenge }
    #expect(try registry(stage, Keys.ngc).tags(of: "acme/base") == ["2.0"])
    #expect(stage.sites(thatSaw: Keys.ngc) == [.registry])
    #expect(stage.requests(at: .legacyRealm).isEmpty)
  }

  @Test func `a layer continues where it was cut, with a new token, and shows the CDN no credential`() throws
  {
    let stage = stage()
    stage.add(StageFault(.cut(after: 50_000), at: .cdn, expiringTokens: true))
    let bytes = try registry(stage, Keys.ngc).smallBlob(try layer(), of: "acme/base")
    #expect(bytes == StagedImage.noise(200_000))
    let fetches = stage.requests(at: .cdn)
    #expect(fetches.count == 2)
    #expect(fetches.last?.header("Range") == "bytes=50000-")
    #expect(fetches.allSatisfy { $0.header("Authorization") == nil })
  }

  @Test func `a flipped realm after a token's end is no dead end`() throws {
    let stage = stage()
    stage.change { $0.authnServesRegistry = false }
    let registry = try registry(stage, Keys.ngc)
    _ = try registry.tags(of: "acme/base")
    stage.expireTokens()
    #expect(try registry.tags(of: "acme/base") == ["2.0"])
  }

  @Test func `images are pushed where that is allowed, and nowhere else`() throws {
    let stage = stage()
    stage.change { $0.mounts = true }
    let registry = try registry(stage, Keys.ngc)
    let manifest = try Manifest(bytes: image.manifest, mediaType: nil)
    for blob in manifest.blobs {
      _ = try registry.pushBlob(
        blob, to: "acme/copy", mountingFrom: "acme/base",
        from: Bytes(image.blobs[blob.digest.description] ?? []))
    }
    try registry.putManifest(manifest, to: "acme/copy", as: "3.0")
    #expect(stage.content(on: .ngc)["acme/copy"]?.tags == ["3.0": image.digest])
    #expect(throws: RegistryError.self) {
      _ = try registry.pushBlob(
        try layer(), to: "elsewhere/copy", mountingFrom: nil, from: Bytes(StagedImage.noise(200_000)))
    }
    #expect(stage.content(on: .ngc)["elsewhere/copy"] == nil)
  }

  private struct Bytes: BlobSource {
    let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int {
      let part = bytes.dropFirst(Int(offset)).prefix(buffer.count)
      buffer.copyBytes(from: part)
      return part.count
    }
  }

  @Test func `tags come page by page`() throws {
    let stage = stage()
    stage.change { $0.pageSize = 2 }
    for tag in ["a", "b", "c", "d"] { stage.add(image, to: "acme/base", tag: tag, on: .ngc) }
    #expect(try registry(stage, Keys.ngc).tags(of: "acme/base") == ["2.0", "a", "b", "c", "d"])
  }

  private static let variations: [@Sendable (inout StageBehaviour) -> Void] = [
    { $0.tokenForm = .opaque },
    {
      $0.tokenKey = "access_token"
      $0.saysExpiresIn = false
    },
    { $0.tokenUses = 1 },
    { $0.denialStatus = 403 },
    { $0.proxyAuthTakesDGXKeys = true },
    { $0.redirectStatus = 307 },
    { $0.redirectsBlobs = false },
  ]

  @Test(arguments: variations.indices)
  func `both keys pull their own and not the other's, however the stage is set`(_ index: Int) throws {
    let stage = stage()
    stage.change(Self.variations[index])
    for (key, own, other) in [
      (Keys.dgx, "olddept/trainer", "acme/base"), (Keys.ngc, "acme/base", "olddept/trainer"),
    ] {
      let registry = try registry(stage, key)
      #expect(try registry.smallBlob(try layer(), of: own).count == 200_000)
      #expect(try registry.resolve("1.0", of: own)?.size == (key == Keys.dgx ? manifestSize : nil))
      #expect(throws: RegistryError.self) { try registry.smallBlob(try layer(), of: other) }
    }
    #expect(stage.requests(at: .cdn).allSatisfy { $0.header("Authorization") == nil })
  }

  private var manifestSize: Int64 { Int64(image.manifest.count) }
}
