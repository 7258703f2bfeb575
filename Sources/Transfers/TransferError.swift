public import Digests
public import Files
public import Images
public import Layouts
public import NVIDIA
public import Registry

/// Why a transfer did not happen, or not whole.
public enum TransferError: Error, Sendable {
  /// The list of images is empty.
  case nothingSelected
  /// Of what lies below a location nothing is selected; so many repositories are there.
  case nothingSelectedBelow(RegistryLocation, repositories: Int)
  /// Tags were to be selected for a reference that names a tag or digest itself.
  case selectorOnTag(String)
  /// No tag of the repository is selected; `total` tags are there.
  case noTagSelected(repository: String, total: Int)
  /// The repository has no such tag; `near` are names like it.
  case tagNotFound(Reference, near: [String], tags: Int)
  /// A tag that is none by the specification's rules was asked for all the same, and is not to be had.
  indirect case oddTagNotHad(Reference, any Error)
  /// An index that cannot be written without the platforms that are not wanted.
  case indexFixed(Reference, ManifestError)
  /// An image that docker cannot load, of an archive that is made for docker.
  case notForDocker(Reference, DockerObstacle)
  case platformNotFound(Reference, wanted: [Platform], available: [Platform])
  /// Images that failed; the others were not touched, or are done where one image's failure does not stop them.
  case imagesFailed([ImageFailure], total: Int)
  /// An image's config says different things to different readers.
  case unclearConfig(images: [String], digest: Digest, ManifestError)
  /// A blob that cannot be had, of some of so many images; whether there is a way to carry the others
  /// (`othersCanGo`).
  indirect case blobFailed(images: [String], total: Int, othersCanGo: Bool, any Error)
  case notEnoughSpace(path: String, needed: Int64, available: Int64)
  /// An image that gives a blob another size, in bytes, than the blob has, or than other images give it.
  case wrongSizeListed(Digest, listed: Int64, actual: Int64)
  /// An image whose config speaks of other layers than its manifest lists.
  case configDisagrees(Digest)
  /// An output that an earlier run finished holds wrong bytes now.
  case damagedOutput(path: String, problems: [LayoutProblem])
  /// An output exists and holds something else.
  case outputExists(path: String)
  /// Somebody has made the output meanwhile, another run of Ferry perhaps (`isFerrys`), and it holds something else; the file
  /// in which this run's archive is whole, if there is one.
  case outputMade(path: String, partial: String?, isFerrys: Bool)
  /// An archive that tells what the other side has would be replaced.
  case outputIsKnown(path: String)
  /// The output is there without these images, which a run that kept going could not get.
  case outputMissingImages(path: String, images: [String])
  /// An earlier run left an unfinished archive of other images where the output would be written.
  case unfinishedOther(partial: String, images: [String])
  /// Images whose archives would have one name.
  case fileNameCollision(name: String, images: [Reference])
  /// Sources that would land on one name.
  case targetCollision(target: Reference, sources: [String])
  /// Several archives have another image each under one name.
  case nameCollision(name: String, target: Reference, [NamedTwice])
  /// An image of an archive that is put aside; `others` lose the name to it, for they may be older.
  case imageLeftOut(archive: String, others: [NamedTwice])
  /// An image of which several archives have parts, each of them some that another lacks.
  case dividedImage(name: String, archives: [String])
  /// A name that a rule made and no registry takes.
  case invalidTarget(source: String, target: String)
  /// Images of the archive that carry no name to derive a target from.
  case unnamedImages(archive: String, [UnnamedImage])
  /// A name given to images is no repository with or without a tag.
  case malformedName(String)
  /// A name was given, and all the images have names.
  case nothingToName(GivenName, images: Int)
  /// Compressing layers would change the digest that a signature or an SBOM speaks of.
  case compressionParts(referrer: String, subject: Digest)
  /// Tags at the destination that hold other content.
  case tagsTaken([TakenTag])
  /// Whether a tag is there, or what it holds where the registry lists it (`isListed`), cannot be told; what the registry
  /// said instead.
  case tagUntold(Reference, isListed: Bool, RegistryError)
  /// What is wrong with an archive, with the images that it hurts. `way` is how to take what is whole of it, where there
  /// is a way that was not gone.
  case damaged(archive: String, FindingList, way: WayAround?)
  /// A blob whose bytes in the archive are not the ones it should hold; found while it was pushed.
  case damagedBlob(archive: String, digest: Digest, DigestError)
  /// A blob of an archive that passes by whose bytes, or so many of them, are needed a second time.
  case cannotRepeat(archive: String, digest: Digest, size: Int64)
  /// The archive is another one than was expected.
  case wrongArchive(path: String, expected: Digest, actual: Digest)
  /// There is no signature where the archive's, or the receipt's, should be.
  case unsigned(path: String, signature: String)
  /// The signature of an archive or a receipt is not the one demanded.
  case signatureRefused(path: String, signature: String, SignatureError)
  /// The signature is right, and another archive's.
  case signedOther(path: String, signature: String, signed: Digest, actual: Digest)
  /// The archives hold no image of a name that was selected.
  case notInArchive(name: String, near: [String])
  /// Nothing of the archives is left to import: they hold nothing but what refers to images, say, and that is not
  /// wanted.
  case nothingToImport(archives: [String])
  /// An archive's list names something beside images that no registry takes under a name.
  case notAnImage(archive: String, Descriptor)
  /// What was read back from the destination is not what was pushed.
  case readBackDiffers(Reference, expected: Digest, actual: Digest?)
  /// An image has nothing for a platform in the archive, but for these.
  case platformNotHere(archive: String, image: String, wanted: Platform, here: [Platform])
  /// An index of which several platforms are in the archive and others, or attestations, so many, are not.
  case platformsAbsent(archive: String, image: String, here: [Platform], absent: Int)
  /// The registry would not take an index some of whose manifests were left out of the archive.
  case sparseIndexRefused(Reference, missing: Int)
  /// The registry would not take a manifest so many of whose layers its own registry need not have, and the archive has not.
  case foreignLayersRefused(Reference, layers: Int, any Error)
  /// The registry would not take an image of Docker's schema 1.
  case schema1Refused(Reference, any Error)
  /// The registry did not take a manifest of a type that Ferry does not know, for an image with this name.
  case unknownTypeRefused(Reference, type: MediaType, any Error)
  /// A layer that is to be decompressed is not compressed in any way that Ferry knows; nil: at its registry.
  case layerUnreadable(archive: String?, Digest)
  case malformedRule(String)
  /// A rule whose replacement names a `$n` that no star of its pattern stands for.
  case ruleWithoutStar(String)
  /// Names that NGC has no room for.
  case refusedByNGC([MisfitName])
  /// A repository that may not be pulled from.
  case pullRefused(RepositoryRefusal)
  /// Repositories at the destination that may not be pushed to.
  case pushRefused([RepositoryRefusal])
  /// NVIDIA's services show nothing at or below a place.
  case nothingListed(RegistryLocation)
  /// NVIDIA's listing left entries or pages out.
  case incompleteListing(skipped: Int, missingPages: Int)
  /// The registry shows no catalog, so that what lies below a place cannot be found; what it said.
  case catalogHidden(RegistryLocation, any Error)
  /// None of several repositories that should have a blob gave it.
  case noHolder(Digest, [HolderFailure])
  /// A planned blob that no image lists; planning makes none.
  case blobOfNoImage(Digest)
  /// Another process imports with this journal; its id, where the system tells.
  case importRunning(journal: String, pid: Int32?)
  /// Another process reads back with this journal; its id, where the system tells.
  case checkRunning(journal: String, pid: Int32?)
  /// An image of which its archive does not say where it came from.
  case sourceUnknown(archive: String, Digest)
  /// The system starts no thread; its errno.
  case noThread(code: Int32)
  /// The directory an archive is to be written to is not there.
  case noDirectory(path: String)
  /// A disk that has no room for a copy of what is read only once.
  case noRoomForCopy(FileError)
  /// A part of the path to write to is something else than a directory.
  case notADirectory(path: String)
  /// What refers to an image could not be asked for or fetched.
  case referrersNotHad(Reference, any Error)
  /// An image with more referrers, or longer chains of them, than is sensible.
  case tooManyReferrers(most: Int, deepest: Int)
  /// What should tell what the other side has cannot be read, or is damaged.
  case knownUnusable(path: String, problems: [LayoutProblem])
  /// Content that the archives leave out is not at the destination either.
  case contentMissing([MissingContent])
  /// A signature, SBOM or attestation whose subject did not arrive.
  case subjectFailed(String)
  /// The same of which nothing tells what image it belongs to; the archive's name for that, where it has one.
  case subjectUntold(archive: String, Digest, of: String?)
  /// The tag of a list of referrers holds something else.
  case notAReferrersList(Reference, ManifestError)
  /// The tag of a list of referrers names the manifest itself whose referrers it should list.
  case subjectUnderListTag(Reference)
  /// Others write the list of referrers time and again.
  case listContended(Reference)
  /// Several things, each of which stands in the way.
  case blocked([any Error])
  /// Volumes of the size asked for would be more than have names.
  case tooManyVolumes(path: String, count: Int, limit: Int)
  /// The archive has no volume of a number that was asked for.
  case noSuchVolume(path: String, number: Int, count: Int)
  /// An unfinished archive that is cut otherwise, into volumes of `begun` bytes or not at all.
  case cutOtherwise(path: String, begun: Int64?, wanted: Int64?)
  /// Single volumes were asked for where a set is not finished yet.
  case unfinishedSet(path: String)
  /// Single volumes were asked for, and one that is there has another size than that set's would have.
  case otherVolumes(path: String, expected: Int64, actual: Int64)
  /// Single volumes were asked for, and volume 1 is of another archive than would be written now.
  case otherArchive(path: String, expected: Digest, actual: Digest)
  /// Of a finished set only some volumes are there.
  case incompleteOutput(path: String, missing: [String])
  /// An archive of which something is not there, or not what it should be, with the images that hurts.
  /// `way` is how to take what is whole of it, where there is a way that was not gone.
  case incompleteArchive(archive: String, FindingList, way: WayAround?)
  /// An image of an archive of which not all is there; in which volumes the rest should be.
  case imageNotWhole(archive: String, problems: [LayoutProblem], volumes: [String])
  /// One digest is expected of several archives.
  case expectsOneArchive(count: Int)
  case cannotMakeDirectory(path: String)
  case cannotWriteFile(path: String)
  /// No receipt, or one that contradicts itself.
  case malformedReceipt(path: String, ReceiptFault)
  /// A receipt of another version of the format.
  case unsupportedReceipt(path: String, version: String)
}

extension TransferError {
  /// All that keeps a prepared transfer from running, as one error; nil when nothing does.
  static func obstacle(
    _ blockers: [any Error], _ failures: [ImageFailure], total: Int, keepsGoing: Bool
  ) -> (any Error)? {
    let isStopped = !failures.isEmpty && !keepsGoing
    let errors = blockers + (isStopped ? [TransferError.imagesFailed(failures, total: total)] : [])
    return errors.count > 1 ? TransferError.blocked(errors) : errors.first
  }
}

/// How an import takes the images of an archive that are whole, when others are not.
public enum WayAround: Hashable, Sendable {
  case allowMissing, keepGoing
  /// By asking for this platform of every index: of that all is there.
  case platform(Platform)
}

/// A tag at the destination whose content differs from what would be pushed.
public struct TakenTag: Hashable, Sendable {
  public let target: Reference
  public let source: String
  public let present: Digest
  public let wanted: Digest
}

/// An image whose name at the destination NGC cannot have.
public struct MisfitName: Hashable, Sendable {
  public let source: String
  public let target: Reference
  public let problem: NGCNameProblem
}
