public import Digests
public import Images
public import Transport

/// How one registry is spoken to.
public struct RegistryConfiguration: Sendable {
  /// Whether it is spoken to without TLS.
  public var plainHTTP: Bool
  /// nil asks anonymously.
  public var credential: Credential?
  /// The helper programs that were to give a credential and did not.
  public var missed: [MissedCredential] = []
  public var realmRules: RealmRules
  public var uploads = UploadSizes()
  /// The hosts beside its own where it may send uploads, which get the bytes and no credential; with a port where that is
  /// not the scheme's own.
  public var uploadHosts: Set<String> = []
  /// Hears what the registry and its token servers warn of, again with each answer; from many threads.
  public var warned: (@Sendable (RegistryWarning) -> Void)?
  /// Hears of the secrets that its token servers give, from many threads.
  public var confided: (@Sendable ([String]) -> Void)?
  /// For how long it may take to show what it was given.
  public var settling = Settling()

  public init(plainHTTP: Bool = false, credential: Credential? = nil, realmRules: RealmRules) {
    self.plainHTTP = plainHTTP
    self.credential = credential
    self.realmRules = realmRules
  }

  /// Whether there is a credential, and who was asked for one in vain.
  public var credentialInHand: CredentialInHand { credential == nil ? .no(missed: missed) : .yes }
}

/// Speaks the distribution API (distribution-spec `spec.md`) to one registry. All calls block the thread
/// they are made on; a client may be used on many at once.
///
/// It is the front of its parts, each of which has one thing to do over the ``RegistryConnection`` they share.
/// `isForPush` asks as one who is about to push there. Without typed throws, what is thrown is a ``RegistryError``, and
/// what a receiver or source throws as it is.
public final class RegistryClient: Sendable {
  /// As it stands in references, with its port where one was given.
  public let host: String
  public let configuration: RegistryConfiguration
  private let connection: RegistryConnection
  private let listing: NameListing
  private let manifests: Manifests
  private let referrersAPI: ReferrersAPI
  private let lookup: BlobLookup
  private let puller: BlobPuller
  private let uploader: BlobUploader

  /// A client for `host`. Docker Hub's name `docker.io` is spoken to where its registry is. A host that
  /// makes no URL is reported by the first call, as ``RegistryError/invalidHost(_:)``.
  public init(host: String, configuration: RegistryConfiguration, http: HTTPClient) {
    self.host = host
    self.configuration = configuration
    connection = RegistryConnection(host: host, configuration: configuration, http: http)
    listing = NameListing(connection)
    manifests = Manifests(connection)
    referrersAPI = ReferrersAPI(connection)
    lookup = BlobLookup(connection)
    puller = BlobPuller(connection)
    uploader = BlobUploader(connection)
  }

  /// The same client for a question that is not worth being repeated. Throws ``RegistryError/transport(_:)``.
  public func withoutRetries() throws(RegistryError) -> RegistryClient {
    var options = connection.http.options
    options.retries = 0
    do {
      return RegistryClient(host: host, configuration: configuration, http: try HTTPClient(options))
    } catch {
      throw .transport(error)
    }
  }
}

extension RegistryClient {
  /// All tags of a repository that can be asked for, in the registry's order, each once. Throws when a single one may be
  /// missing.
  public func tags(of repository: String) throws(RegistryError) -> [String] {
    try listing.tags(of: repository).all()
  }

  /// The tags of a repository, as far as they can be read.
  public func tagList(of repository: String) -> NameList { listing.tags(of: repository) }

  /// The repositories the registry shows, as far as they can be read. With `outlastsStalls` false a registry that keeps
  /// silent is not asked again.
  public func catalogList(outlastsStalls: Bool = true) -> NameList {
    listing.catalog(outlastsStalls: outlastsStalls)
  }

  /// Whether the registry lets in who asks, whatever it shows then.
  public func letsIn() -> Bool {
    guard let root = try? connection.root else { return false }
    return (try? connection.exchange(HTTPRequest(.get, root), for: .catalog))?.isSuccess == true
  }

  /// The manifest under a tag or digest. Its bytes are hashed: they must be what a digest asked for, and what
  /// the registry says they are. Wrong bytes are fetched once more before they are an error. `type` is what it is known to
  /// be, and is asked for by name where Ferry knows nothing else of it. What a tag names gets its digest by `algorithm`, or
  /// else by the one that the registry names it by.
  public func manifest(
    _ identifier: String, of repository: String, as type: MediaType? = nil, isForPush: Bool = false,
    by algorithm: Digest.Algorithm? = nil
  ) throws(RegistryError) -> Manifest {
    try manifests.fetch(identifier, of: repository, as: type, isForPush: isForPush, by: algorithm)
  }

  /// The manifest under a tag or digest, as ``manifest(_:of:as:isForPush:by:)`` gives it; nil when there is nothing. Asked
  /// by GET alone: HEAD may know less.
  public func manifestIfPresent(
    _ identifier: String, of repository: String, as type: MediaType? = nil, isForPush: Bool = false,
    by algorithm: Digest.Algorithm? = nil
  ) throws(RegistryError) -> Manifest? {
    try manifests.fetchIfPresent(identifier, of: repository, as: type, isForPush: isForPush, by: algorithm)
  }

  /// What a tag or digest names, without its bytes; nil when there is nothing. Asked by HEAD, and by GET
  /// where a registry's HEAD does not say enough.
  public func resolve(
    _ identifier: String, of repository: String, isForPush: Bool = false,
    by algorithm: Digest.Algorithm? = nil
  ) throws(RegistryError) -> Descriptor? {
    try manifests.resolve(identifier, of: repository, isForPush: isForPush, by: algorithm)
  }

  /// Stores a manifest under a tag or its digest; where not `persistently`, it is tried once. Throws
  /// ``RegistryError/destinationDigestDiffers(repository:identifier:expected:actual:)`` when the registry
  /// reports another digest for it, and ``RegistryError/typeRefused(host:repository:type:messages:)``.
  public func putManifest(
    _ manifest: Manifest, to repository: String, as identifier: String, persistently: Bool = true
  ) throws(RegistryError) {
    try manifests.put(manifest, to: repository, as: identifier, persistently: persistently)
  }

  /// What `ask` brings of something that was just written, asked again while it is not `isRight`, or not there, and the
  /// registry's patience lasts (``Settling``), counted from `start`. The last answer, or error, stands.
  public func settled<Value>(
    _ item: Settling.Item, since start: ContinuousClock.Instant = .now, _ ask: () throws -> Value,
    isRight: (Value) -> Bool = { _ in true }
  ) throws -> Value {
    try connection.settled(item, since: start, ask, isRight: isRight)
  }

  /// Waits before what failed for want of something that the registry should have is tried again: the longer, the more often
  /// it was. Throws ``RegistryError/transport(_:)`` when the task is cancelled meanwhile.
  public func wait(beforeRepetition number: Int) throws(RegistryError) {
    try connection.wait(connection.http.options.backoff * (1 << min(max(number, 0), 4)))
  }

  /// What a registry's referrers API lists for a manifest; nil where there is no such API, which is asked for until
  /// that is certain.
  public func referrers(
    of subject: Digest, in repository: String, isForPush: Bool = false
  ) throws(RegistryError) -> ListedReferrers? {
    try referrersAPI.referrers(of: subject, in: repository, isForPush: isForPush)
  }
}

extension RegistryClient {
  /// Whether a repository has a blob; one of another size than `size` does not count. `confirmsAbsence` asks for its
  /// first byte where HEAD does not know it.
  public func hasBlob(
    _ digest: Digest, size: Int64?, in repository: String, isForPush: Bool = false,
    confirmsAbsence: Bool = false
  ) throws(RegistryError) -> Bool {
    try lookup.isHeld(
      digest, size: size, in: repository, isForPush: isForPush, confirmsAbsence: confirmsAbsence)
  }

  /// How large a blob is that nothing else tells the size of, in bytes; nil when the repository does not have it.
  public func blobSize(_ digest: Digest, in repository: String) throws(RegistryError) -> Int64? {
    try lookup.size(of: digest, in: repository)
  }

  /// What a repository has of `blob`, of which it must send a byte: a registry may answer for a blob out of its memory
  /// whose bytes are gone (distribution with its cache of descriptors).
  public func presenceOfBytes(
    of blob: Descriptor, in repository: String, isForPush: Bool = true
  ) throws(RegistryError) -> BlobPresence {
    try lookup.presenceOfBytes(of: blob, in: repository, isForPush: isForPush)
  }

  /// Sees that the repository has a blob that was just given to it, and sends a byte of it: a registry may need a
  /// moment to know what it has taken. Throws ``RegistryError/blobNotKept(host:repository:digest:isOther:)``.
  public func expectBlob(_ blob: Descriptor, in repository: String) throws(RegistryError) {
    try lookup.expect(blob, in: repository)
  }

  /// Streams what `receiver` is missing of a blob into it; afterwards it has all bytes, and they are the right ones.
  ///
  /// After a cut line it continues inside the blob by `Range`. Where the registry sends all again, or another part than
  /// was asked for, and once where the bytes are wrong, the receiver is restarted. Progress refills the retries. When it
  /// throws, the receiver has what came. Throws ``RegistryError``, `wrongContent` among those, and what the receiver
  /// throws as it is.
  public func pullBlob(
    _ descriptor: Descriptor, from repository: String, into receiver: inout some BlobReceiver & ~Copyable
  ) throws {
    try puller.pull(descriptor, from: repository, into: &receiver)
  }

  /// All bytes of a blob that the caller knows to be small. Throws ``RegistryError``.
  public func smallBlob(_ descriptor: Descriptor, of repository: String) throws -> [UInt8] {
    try puller.small(descriptor, of: repository)
  }

  /// Stores a blob: mounted from `mountingFrom` where the registry does that, else uploaded from `source`,
  /// hashed on the way. The last bytes are held back until the digest agrees, so wrong content never
  /// commits: its upload is cancelled, and it is ``RegistryError/wrongContent(host:repository:what:_:)``.
  ///
  /// Small blobs go in one PUT, large ones in chunks; a registry that refuses the one gets the other, from
  /// then on. It counts as stored when the registry's own origin says so in answer to all of its bytes, else when it
  /// is asked for the blob and has it, with its size; mounted, and sent over a line that failed, when a byte of it comes.
  /// After a cut line an upload in chunks is resumed from what the registry has of it, as is one that `log` holds of an
  /// earlier run; progress refills the retries. A failed upload stays open, and in the log. Throws ``RegistryError``, and
  /// what `source` throws as it is.
  public func pushBlob(
    _ descriptor: Descriptor, to repository: String, mountingFrom: String?, from source: some BlobSource,
    log: (any UploadLog)? = nil
  ) throws -> BlobPush {
    try uploader.push(
      descriptor, to: repository, mountingFrom: mountingFrom, from: source, log: log ?? NoUploadLog())
  }

  /// Makes a blob of one repository one of another's, without its bytes. False when the registry does not do
  /// that, and wants them.
  public func mountBlob(
    _ descriptor: Descriptor, to repository: String, from holder: String
  ) throws(RegistryError) -> Bool {
    try uploader.mount(descriptor, to: repository, from: holder)
  }

  /// Finds out whether the credential may push to `repository`, before anything is pushed: from what its
  /// token says it allows or, where it does not say so clearly or there is none, by opening an upload and giving it up.
  /// With `opensUpload` that is done in any case: then it shows, too, whether the registry takes anything at all.
  /// Throws ``RegistryError/denied(host:repository:action:messages:)``, `unauthorized` and others.
  public func checkPush(to repository: String, opensUpload: Bool = false) throws(RegistryError) {
    try PushCheck(connection).check(repository, opensUpload: opensUpload)
  }
}
