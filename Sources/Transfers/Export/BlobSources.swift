import Files
import Digests
public import Images
import Layouts
public import Registry
import Synchronization

/// Which repositories hold each blob of an export, and what of the blobs is at hand.
struct BlobHolders: Sendable {
  fileprivate let registries: Registries
  fileprivate let configs: ConfigStore
  private let users: BlobUsers

  /// All that `images` hold.
  init(_ images: [ExportImage], registries: Registries) {
    self.registries = registries
    users = BlobUsers(images)
    configs = ConfigStore(images)
  }

  /// The sources of one archive's `images`, whose repositories are asked before the others.
  func sources(for images: [ExportImage]) -> BlobSources {
    // The only archive holds them all, until one becomes another: what is made on the way is of none of those.
    let areAll =
      images.count == users.images.count
      && zip(images, users.images).allSatisfy {
        $0.tree.root.digest == $1.tree.root.digest && $0.requested == $1.requested
      }
    return BlobSources(
      images, areAll ? users : BlobUsers(images), in: self, preferred: Set(images.map(\.repository)))
  }

  /// Each once, in the order of the images.
  fileprivate func holders(of digest: Digest) -> [RegistryLocation] {
    var known: Set<RegistryLocation> = []
    return users.numbers(of: digest).map { users.images[$0].repository }.filter { known.insert($0).inserted }
  }
}

/// From where the blobs of one archive's images can be had.
struct BlobSources: Sendable {
  /// Whose blobs are asked for.
  let images: [ExportImage]
  let users: BlobUsers
  /// What came with the images' manifests, or was made of them, and is no blob of any repository.
  private let documents: [Digest: [UInt8]]
  private let export: BlobHolders
  private let preferred: Set<RegistryLocation>

  /// How many holders of one blob at one host may fail to answer, each after all its retries, before that host's others
  /// are not asked.
  private static let mostSilent = 3

  fileprivate init(
    _ images: [ExportImage], _ users: BlobUsers, in export: BlobHolders, preferred: Set<RegistryLocation>
  ) {
    self.images = images
    self.users = users
    documents = Dictionary(images.flatMap(\.documents)) { first, _ in first }
    self.export = export
    self.preferred = preferred
  }

  /// The configs at hand.
  var configs: ConfigStore { export.configs }

  private func holders(of digest: Digest) -> [RegistryLocation] {
    let all = export.holders(of: digest)
    return all.filter(preferred.contains) + all.filter { !preferred.contains($0) }
  }

  /// `error` as the failure of the images that need the blob, where it is the blob's own. What the network or a server's
  /// mood does hurts any image.
  func failure(of digest: Digest, _ error: any Error, othersCanGo: Bool) -> any Error {
    let foremost: (any Error)? =
      if case TransferError.noHolder(_, let failures) = error { failures.foremost?.error } else { error }
    guard images.count > 1, let cause = foremost as? RegistryError else { return error }
    switch cause {
    case .wrongContent, .blobNotFound:
      let names = users.names(of: digest)
      return TransferError.blobFailed(
        images: names, total: images.count, othersCanGo: othersCanGo && names.count < images.count, error)
    default: return error
    }
  }

  /// Brings `blob` into the entry that `begin` hands out, and finishes it: for an archive that is written once from its
  /// first blob to its last, so that no image of it can be left out any more.
  func move(
    _ blob: PlannedBlob, observer: any TransferObserver,
    into begin: (Digest, @escaping (Int64) -> Void) throws -> BlobEntry
  ) throws {
    let meter = TransferMeter(blob.descriptor, observer: observer)
    var entry = try begin(blob.digest, meter.advance)
    do {
      try pull(blob.descriptor, into: &entry)
    } catch {
      throw failure(of: blob.digest, error, othersCanGo: false)
    }
    try entry.finish()
  }

  /// Fetches what `receiver` needs of `blob` from the first repository that has it. What one gave before it failed for
  /// good stays, and the next one continues behind it; of a host whose repositories give no answer, all retries spent, no
  /// others are asked. Throws the failure when one repository was asked, ``TransferError/noHolder(_:_:)`` when several
  /// were, and what the receiver throws.
  func pull(_ blob: Descriptor, into receiver: inout some BlobReceiver & ~Copyable) throws {
    if let document = documents[blob.digest] {
      try receiver.restart()
      return try unsafe receiver.write(document.span.bytes)
    }
    if receiver.position == 0, let bytes = configs.take(blob.digest) {
      return try unsafe receiver.write(bytes.span.bytes)
    }
    var failures: [HolderFailure] = []
    var silent: [String: Int] = [:]
    for repository in holders(of: blob.digest) where silent[repository.host, default: 0] < Self.mostSilent {
      let client = try export.registries.client(host: repository.host, repository: repository.path)
      do {
        return try client.pullBlob(blob, from: repository.path, into: &receiver)
      } catch let error as RegistryError {
        try Task.checkCancellation()
        failures.append(HolderFailure(repository: repository, error: error))
        if error.isSilence { silent[repository.host, default: 0] += 1 }
      }
    }
    guard let first = failures.first else { throw TransferError.blobOfNoImage(blob.digest) }
    if failures.count == 1 { throw first.error }
    throw TransferError.noHolder(blob.digest, failures)
  }
}

/// Which of an archive's images need each blob.
struct BlobUsers: Sendable {
  fileprivate let images: [ExportImage]
  private let users: PartUsers

  init(_ images: [ExportImage]) {
    self.images = images
    var users = PartUsers()
    for (number, image) in images.enumerated() {
      for blob in image.blobs { users.add(Int32(number), to: blob) }
    }
    self.users = users
  }

  /// The numbers of the images that need a blob, in ascending order.
  func numbers(of digest: Digest) -> [Int] { users[digest].reversed().map(Int.init) }

  /// Their names.
  func names(of digest: Digest) -> [String] { numbers(of: digest).map(name) }

  func name(at number: Int) -> String { images[number].requested.description }
}

extension ExportImage {
  fileprivate var repository: RegistryLocation {
    RegistryLocation(host: reference.host, path: reference.repository)
  }
}

/// Why a repository that should have a blob did not give it.
public struct HolderFailure: Sendable {
  public let repository: RegistryLocation
  public let error: RegistryError
}

extension Sequence<HolderFailure> {
  /// The first that says more than that the blob is not there, else the first.
  public var foremost: HolderFailure? {
    let all = Array(self)
    return all.first { !$0.error.saysOnlyThatBlobIsAbsent } ?? all.first
  }
}

extension RegistryError {
  fileprivate var saysOnlyThatBlobIsAbsent: Bool {
    if case .blobNotFound = self { true } else { false }
  }

  /// Whether the registry was asked again and again and gave no answer that says anything.
  fileprivate var isSilence: Bool {
    switch self {
    case .transport, .overwhelmed: true
    default: false
    }
  }
}

/// Where the blobs of archives that this run has finished lie: one that several archives hold is fetched
/// once and copied, with proof, from there.
final class HeldBlobs: Sendable {
  private struct State {
    var archives: [ArchiveInput] = []
    /// Which archive a blob lies in, and where.
    var places: [Digest: (archive: Int32, offset: Int64)] = [:]
  }

  private let state = Mutex(State())

  /// Hears of an archive that is finished, when others come behind it.
  func add(_ archive: PreparedExport.Archive) {
    guard archive.onlyVolumes.isEmpty, let place = archive.place,
      let input = try? ArchiveInput.written(to: place)
    else { return }
    state.withLock { state in
      let number = Int32(state.archives.count)
      state.archives.append(input)
      for blob in archive.plan.blobs { state.places[blob.digest] = (number, blob.offset) }
    }
  }

  private func place(of digest: Digest) -> (archive: ArchiveInput, offset: Int64)? {
    state.withLock { state in
      state.places[digest].map { (state.archives[Int($0.archive)], $0.offset) }
    }
  }

  /// Copies what is missing of the blob into `entry`; false when the blob is not held or no longer what it was. Throws only what
  /// writing throws.
  func copy(into entry: inout BlobEntry) throws -> Bool {
    guard let place = place(of: entry.blob.digest), let file = try? place.archive.content()
    else { return false }
    let start = place.offset
    try unsafe ContentPieces.read(
      start + entry.position..<start + entry.blob.size,
      // What cannot be read there is had from its registry.
      from: { buffer, offset in (try? unsafe file.read(into: buffer, at: offset)) ?? 0 },
      into: { try entry.write($0) })
    if (try? entry.check()) != nil { return true }
    // What was copied may be the wrong part of it.
    entry.restart()
    return false
  }
}
