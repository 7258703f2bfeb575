public import Digests
public import Images
public import Layouts
public import Registry
import Synchronization

/// Hears what a transfer does while it runs. Called from many threads.
public protocol TransferObserver: Sendable {
  /// So many more bytes will move, or be found in place.
  func expect(bytes: Int64)
  /// A blob's transfer or reading begins; `id` stands for it until it ends.
  func began(_ id: Int, _ blob: Descriptor)
  /// The first `position` bytes of the blob have moved. It goes back when a transfer starts again.
  func advanced(_ id: Int, to position: Int64)
  func ended(_ id: Int)
  /// So many of the expected bytes need not move.
  func skipped(bytes: Int64)
  func note(_ note: TransferNote)
  /// The images have these names, and get these: whatever is said of them is said by these.
  func named(_ references: [Reference])
}

/// Something worth a line while a transfer runs.
public enum TransferNote: Sendable {
  /// The credential used for a registry, by its source and never its secret.
  case credential(host: String, source: CredentialSource)
  case resolving(images: Int)
  /// So many images that no tag names were found, and are looked up.
  case untaggedFound(Int)
  /// These registries do not list what has no tag, which was asked for.
  case untaggedUnlisted(hosts: [String])
  case imageFailed(ImageFailure)
  /// A layer that lives elsewhere (`urls`) and that the registry does not hold.
  case layerNotCarried(image: Reference, layer: Descriptor)
  /// One platform was taken out of an index: the image's digest is that platform's manifest's.
  case platformTaken(image: Reference, platform: Platform, digest: Digest)
  /// An index without `count` of the manifests that the image's lists, which are not wanted, stands in its place.
  case platformsTaken(image: Reference, count: Int, from: Digest, digest: Digest)
  /// An index has nothing for some of the platforms asked for.
  case platformsMissing(image: Reference, [Platform])
  /// So many tags of signatures and other referrers were selected, and are not exported for docker.
  case referrerTagsLeft(Int)
  /// An image without an index is for another platform than those asked for, and is carried all the same.
  case platformDiffers(image: Reference, platform: Platform)
  /// An image is one of Docker's schema 1, and became one of schema 2 in its archive, by its name there.
  case schema1Converted(image: String, from: Digest, to: Digest)
  /// Docker's list names an image by a digest that its manifest does not have.
  case digestDiffers(image: String, given: Digest, is: Digest)
  /// An image is one of Docker's schema 1, and is carried as it is.
  case schema1Carried(image: Reference, digest: Digest)
  /// A reference had neither tag nor digest.
  case latestAssumed(Reference)
  /// An earlier run's archive is resumed: what is claimed to be there, what of it changes its place, and
  /// what all blobs come to, in bytes.
  case continuing(path: String, have: Int64, moved: Int64, of: Int64)
  /// A tag points elsewhere than when an earlier run began.
  case tagMoved(image: String, from: Digest, to: Digest)
  /// Of what an earlier run left of a blob only the first `kept` of `claimed` bytes are right.
  case damagedOnDisk(blob: Digest, kept: Int64, claimed: Int64)
  /// `path` is nil for a stream.
  case archiveWritten(path: String, digest: Digest, size: Int64)
  case archiveUpToDate(path: String, digest: Digest)
  /// Another tool packed again what Ferry had written.
  case repacked(path: String)
  /// Something is wrong with an archive that images are taken out of, which spares them perhaps.
  case takenFromDamaged(path: String, problems: Int)
  /// An image cannot be taken out of an archive, and another one has what is wrong there.
  case imageElsewhere(image: String, error: any Error, taken: String)
  /// A blob is damaged in an archive, and read from another one.
  case blobElsewhere(blob: Digest, error: any Error, taken: String)
  /// An archive that comes once broke off, and so many blobs that did not come are read from other ones.
  case restElsewhere(archive: String, blobs: Int)
  /// So many signatures lie in a directory of skopeo's that are not carried.
  case signaturesLeft(path: String, count: Int)
  /// What lies beside archives in directories that were named, and is none.
  case passedOver(PassedOver)
  /// An archive comes through a pipe in a way that it cannot be pushed as it comes: it is copied into a file of `directory`
  /// first, where so many bytes are left.
  case spooling(path: String, StreamObstacle, directory: String, available: Int64)
  /// So many bytes of volumes are read before anything is pushed out of them.
  case provingVolumes(size: Int64)
  /// A checksum file, a signature, or a file that goes beside the archives lies there now.
  case proofWritten(path: String)
  /// Checksums, or a signed digest, lie beside a new archive that are of the one before it.
  case proofOutdated(path: String)
  /// An earlier run's upload is resumed behind what the registry has of it.
  case uploadContinues(repository: String, blob: Descriptor, from: Int64)
  /// No place for the import's journal could be written: a next run will not find open uploads.
  case noJournal(error: any Error)
  /// So many bytes of blobs are read back from a registry, of so many that are there.
  case readingBack(bytes: Int64, of: Int64)
  /// So many bytes of these an earlier run, which was broken off, has read back.
  case readBackContinues(bytes: Int64)
  /// No place for the journal of what was read back could be written.
  case noReadBackJournal(error: any Error)
  /// Compressing made another layer of one, and another image of the image that has it.
  case layerCompressed(from: Descriptor, to: Descriptor)
  case imageCompressed(ImportImage, CompressedImage)
  case imported(source: String, target: Reference, digest: Digest)
  case alreadyThere(source: String, target: Reference, digest: Digest)
  /// The name of an image is another's, of a later archive or of one that cannot be taken.
  case superseded(ImportImage, by: SupersededName)
  /// An image is taken for the platform that is asked for, and neither an index nor its config says what it is for.
  case platformUntold(image: String, archive: String)
  /// Of an index what it lists for a platform is taken, and the config of that says another one.
  case platformContradicted(image: String, digest: Digest, listed: Platform, stated: Platform)
  /// An index lists several images for the platform that is asked for. One is taken, as readers take it; nil: all are.
  case platformTwice(image: String, Platform, taken: Digest?, others: [Digest])
  /// What these archives hold of images for other platforms than the one that is asked for is not read.
  case othersNotRead(archives: [String])
  /// An archive has nothing of an image for the platforms that are asked for, and the one at `taken` has.
  case platformElsewhere(image: String, archive: String, taken: String)
  /// An image is left away for what its tag holds, or what refers to it with it.
  case skipped(ImportImage)
  /// A tag is there with the right digest, and what lies below it was not asked for.
  case trusted(target: Reference, digest: Digest)
  /// A tag is there, and so many of the manifests and blobs of its image are not: they are pushed again.
  case partsMissing(target: Reference, count: Int)
  /// A registry does not show yet what it has taken, and is asked again for so long.
  case settling(host: String, Settling.Item, patience: Duration)
  /// A rule for names that decides for no image.
  case ruleUnused(String)
  /// Part of a listing could not be read.
  case unreadable(ImageFailure)
  /// The descriptions of a registry's repositories could not be had; the images travel without.
  case descriptionsMissing(host: String, error: any Error)
  /// A registry refuses to say what refers to a repository's images: only what tags tell of is carried.
  case referrersNotShown(repository: String, error: any Error)
  /// So many bytes of an archive that should tell what the other side has are read, before it is believed to hold them.
  case provingKnown(KnownSource, size: Int64)
  /// An archive that should tell what the other side has does not hold a blob as it should: that is exported.
  case knownDamaged(KnownSource, blob: Descriptor)
  /// Something that refers to an image, or to a part of it that is left out, does not travel.
  case referrerNotCarried(image: String, UncarriedReferrer)
  /// An index lists what may be a manifest of a type that Ferry does not know: its bytes travel, what it lists does not.
  case manifestUnknown(image: Reference, UnknownManifest)
  /// A registry, or a host that it sends to, warns of something.
  case registryWarns(RegistryWarning)
  /// A registry shows no catalog: a location was taken for a repository, and what lies below it not looked for.
  case catalogHidden(RegistryLocation, error: any Error)
  /// A repository that the registry lists has no tag: what it holds can only be named by digest. Or the registry does
  /// not know it by its name after all (`isUnknownByName`), which some say of what they do not show.
  case noTags(repository: String, isUnknownByName: Bool)
}

/// How a transfer works, whatever it transfers.
public struct TransferSettings: Sendable {
  /// How many transfers run at once.
  public var jobs: Int
  /// One image's failure does not stop the others.
  public var keepGoing: Bool
  public var observer: any TransferObserver

  public init(jobs: Int = 4, keepGoing: Bool = false, observer: any TransferObserver) {
    self.jobs = jobs
    self.keepGoing = keepGoing
    self.observer = observer
  }
}

/// One blob's progress, told to the observer. Ends when it goes out of scope, however that comes about.
struct TransferMeter: ~Copyable, Sendable {
  private static let lastID = Atomic<Int>(0)

  private let id: Int
  private let observer: any TransferObserver

  init(_ blob: Descriptor, observer: any TransferObserver) {
    id = Self.lastID.wrappingAdd(1, ordering: .relaxed).newValue
    self.observer = observer
    observer.began(id, blob)
  }

  deinit { observer.ended(id) }

  /// A plain function to hand to whatever moves the bytes.
  var advance: @Sendable (Int64) -> Void {
    let (id, observer) = (id, observer)
    return { observer.advanced(id, to: $0) }
  }
}
