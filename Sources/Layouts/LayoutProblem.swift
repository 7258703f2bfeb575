public import Digests
public import Images
public import Tar

/// Something in an archive that is not as it should be. A damaged archive may have hundreds of thousands: each is in memory
/// once, whoever speaks of it.
public indirect enum LayoutProblem: Hashable, Sendable {
  // Content.
  /// Listed by an image, not in the archive, and not left out on purpose.
  case missing(Descriptor)
  case wrongSize(Digest, expected: Int64, actual: Int64)
  /// The content hashes to something else.
  case damaged(Digest, actual: Digest)
  case notAManifest(Digest, ManifestError)
  /// An image's config that says different things to different readers, or nothing.
  case notAConfig(Digest, ManifestError)
  /// Left out on purpose, it says, for a reason that cannot be.
  case unfitOmission(Omission, OmissionFault)
  /// `index.json` lists something that is neither a manifest nor an index.
  case notAnImage(Digest, MediaType)
  /// A blob that no image lists.
  case unreferenced(Digest, size: Int64)
  /// A layer that decompresses to other content than its image's config says (`diff_ids`).
  case contentDiffers(layer: Digest, expected: Digest, actual: Digest)
  case cannotUnpack(layer: Digest)
  /// A config whose `diff_ids` are not as many as its manifest's layers.
  case configDisagrees(Digest)

  /// An image that a list of another tool's archive names, and of which that list, or a file that it names, says nothing
  /// that can be read.
  case unreadableImage(String, LayoutError)

  // The layout's own files.
  case missingFile(path: String)
  case damagedFile(path: String, expected: Digest, actual: Digest)
  case malformedFile(path: String, why: FileFault)
  /// A file that says other than `index.json` does, or `index.json` other than it.
  case disagreement(path: String)
  /// A name that stands for two images, which other tools tell apart in different ways.
  case ambiguousName(String)
  /// `ferry.json` is there and `index.json` does not know of it.
  case unannounced(path: String)
  /// A file that nothing speaks of.
  case surplus(path: String)

  // The volumes of an archive that was cut.
  case volumeMissing(path: String)
  case volumeOfWrongSize(path: String, expected: Int64, actual: Int64)
  /// A volume that holds something else: another volume's bytes, where that can be told.
  case foreignVolume(path: String, holds: Int?)
  /// The archive ends before this volume.
  case surplusVolume(path: String)

  // The tar.
  case duplicate(path: String)
  /// An entry below one that is no directory, or where that would be.
  case beneath(path: String, parent: String)
  /// An entry that other readers of tars take for another one.
  case contradiction(path: String, TarContradiction)
  /// A device, a pipe, a directory where a file belongs.
  case notAFile(path: String)
  /// A link where a file belongs, to what is not in the archive.
  case strayLink(path: String, target: String)
  /// With `..`, or with control characters.
  case unsafePath(String)
  /// Bytes between the contents that are not the ones this archive must have.
  case notCanonical(path: String, part: ArchivePart)
  /// The first entry that stands where another one belongs.
  case rearranged(path: String, at: Int64)
  /// The file ends inside this entry or before it, at an offset in bytes.
  case truncated(path: String, at: Int64)
  /// From here on the tar cannot be read.
  case damagedHeader(at: Int64)
  case noEndMarker
  /// There is more after the tar's end.
  case trailingBytes(at: Int64)

  /// Whether something is merely not there: what is there may be whole images.
  public var isAbsence: Bool {
    switch self {
    case .missing, .truncated, .volumeMissing, .volumeOfWrongSize, .foreignVolume, .surplusVolume: true
    default: false
    }
  }

  /// The one manifest, config or layer that it is about, where that says which images it hurts.
  public var subject: Digest? {
    switch self {
    case .notAManifest(let digest, _), .notAConfig(let digest, _), .contentDiffers(let digest, _, _),
      .cannotUnpack(let digest):
      digest
    case .unfitOmission(let omission, _): omission.descriptor.digest
    case .duplicate(let path), .notAFile(let path), .contradiction(let path, _): BlobPath.digest(of: path)
    default: nil
    }
  }

  /// Whether it is of one blob, manifest or name, and so of the images alone that need or have it.
  public var isOfContent: Bool {
    switch self {
    case .missing, .wrongSize, .damaged, .notAManifest, .notAConfig, .configDisagrees, .contentDiffers,
      .cannotUnpack, .unreadableImage, .ambiguousName, .disagreement(DockerManifestFile.path):
      true
    // Of an entry with a blob's name.
    case .duplicate, .notAFile, .contradiction: subject != nil
    default: false
    }
  }

  /// Whether it is something that was put into an archive, or behind it, after it was written.
  var isAddition: Bool {
    switch self {
    case .surplus, .unreferenced, .trailingBytes: true
    default: false
    }
  }

  /// What other tools' sound archives may have too.
  var isUsualElsewhere: Bool {
    switch self {
    case .surplus, .unreferenced, .notAnImage, .noEndMarker: true
    default: false
    }
  }
}

/// A part of a tar entry, or of the whole.
public enum ArchivePart: String, Hashable, Sendable {
  case header, content, padding
  /// The two empty blocks at the end of the tar.
  case endMarker
}
