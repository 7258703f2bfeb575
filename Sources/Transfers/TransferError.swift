public import Digests
public import Images
public import Layouts
public import NVIDIA

/// Why a transfer did not happen, or not whole.
public enum TransferError: Error, Sendable {
  /// The list of images is empty.
  case nothingSelected
  /// `--all-tags` or `--tags` was given for a reference that names a tag or digest itself.
  case selectorOnTag(String)
  /// No tag of the repository is selected; `total` tags are there.
  case noTagSelected(repository: String, total: Int)
  /// The repository has no such tag; `near` are names like it.
  case tagNotFound(Reference, near: [String], tags: Int)
  case platformNotFound(Reference, wanted: [Platform], available: [Platform])
  /// Images that failed; the others were not touched, or are done with `--keep-going`.
  case imagesFailed([ImageFailure], total: Int)
  case notEnoughSpace(path: String, needed: Int64, available: Int64)
  /// An output exists and holds something else.
  case outputExists(path: String)
  /// Images whose archives would have one name.
  case fileNameCollision(name: String, images: [Reference])
  /// Sources that would land on one name.
  case targetCollision(target: Reference, sources: [String])
  /// A name that `--map` or the default rule made and no registry takes.
  case invalidTarget(source: String, target: String)
  /// An image of the archive carries no name to derive a target from.
  case unnamedImage(archive: String, digest: Digest)
  /// Tags at the destination that hold other content.
  case tagsTaken([TakenTag])
  case damaged(archive: String, problems: [LayoutProblem])
  /// `--expect`: the archive is another one.
  case wrongArchive(path: String, expected: Digest, actual: Digest)
  /// `--image`: the archives hold no such image.
  case notInArchive(name: String, near: [String])
  /// What was read back from the destination is not what was pushed.
  case readBackDiffers(Reference, expected: Digest, actual: Digest?)
  /// The registry would not take an index some of whose manifests were left out of the archive.
  case sparseIndexRefused(Reference, missing: Int)
  case malformedRule(String)
  /// A name that NGC has no room for.
  case refusedByNGC(source: String, target: Reference, NGCNameProblem)
  /// Repositories at the destination that may not be pushed to.
  case pushRefused([RepositoryRefusal])
  /// NVIDIA's listing left entries or pages out.
  case incompleteListing(skipped: Int, missingPages: Int)
  /// A planned blob that no image lists; planning makes none.
  case blobOfNoImage(Digest)
  case cannotMakeDirectory(path: String)
  case cannotWriteFile(path: String)
}

/// A tag at the destination whose content differs from what would be pushed.
public struct TakenTag: Hashable, Sendable {
  public let target: Reference
  public let source: String
  public let present: Digest
  public let wanted: Digest
}
