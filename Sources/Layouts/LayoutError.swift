public import Digests
public import Files
public import Images
public import Tar

/// Why an archive cannot be planned, written or opened. `path` is the archive's.
public enum LayoutError: Error, Hashable, Sendable {
  // A file or a disk.
  case archive(FileError)
  // A tar's headers, or compressed content.
  case tar(TarError)
  /// The output's name is taken.
  case exists(path: String)
  /// Another process writes the same output; its id, where the system tells.
  case locked(path: String, pid: Int32?)

  // Reading.
  /// No tar.
  case notAnArchive(path: String)
  /// A tar without one of the files that make an OCI image layout.
  case notALayout(path: String, missing: String)
  /// What `docker save` wrote before docker 1.10: layers, and no configs and no `manifest.json` from which a layout could be made.
  case savedBeforeManifests(path: String)
  /// A tar with layouts, or other archives of images, in its folders or files, in which none are looked for: the first place, how
  /// many, and whether there are images in one of them, or may be.
  case holdsLayouts(path: String, first: String, count: Int, isCertain: Bool)
  /// What is no archive and may hold some of images, which nobody looks for there.
  case mayHoldImages(path: String)
  /// A symbolic link in a directory to another that is not below it, in which nothing is looked for.
  case linkOutside(path: String, target: String)
  /// What lies in directories beside archives, and may hold images, and was not looked into.
  case unread([UnreadArchive])
  /// The tar ends before its images are even named.
  case truncated(path: String, at: Int64)
  /// The tar is damaged before its images are even named.
  case damagedHeader(path: String, at: Int64)
  /// The archive's description lies in bytes that are not there.
  case unreachable(path: String, at: Int64)
  /// Without this volume it cannot be told what the archive holds.
  case volumeNeeded(path: String, archive: String)
  /// The first volume does not begin an archive.
  case wrongFirstVolume(path: String)
  /// The volumes are those of a compressed file; where the first lies.
  case compressedVolumes(path: String, first: String, Compression)
  /// A piece of a file that was cut, as a shell names all of them, what they may be called together, and how each of them is
  /// compressed by itself.
  case cutFile(path: String, pieces: String, whole: String, Compression)
  /// Two files for one volume, of different sizes.
  case volumeTwice(String, String)
  /// A directory without an archive in it that is read, and those that are not.
  case noArchive(directory: String, unread: [UnreadArchive] = [])
  /// What an export that was broken off left; the images that it is to hold, where its journal tells.
  case unfinished(path: String, images: [String])
  /// One of the files that an archive cannot do without is a link, and what it leads to is not in the archive.
  case strayLink(path: String, entry: String, target: String)
  /// A sound archive without an image in it; what its list names instead.
  case noImage(path: String, others: [MediaType])
  case malformed(path: String, entry: String, why: FileFault)
  case oversized(path: String, entry: String, size: Int64, limit: Int64)
  /// An archive whose images list more manifests, configs and layers than are kept account of.
  case tooManyBlobs(path: String, limit: Int)
  /// Its manifests have more fields and values than are read of any archive, and than so many bytes usually have.
  case tooManyValues(path: String, limit: Int64)
  /// An archive whose links, lists or images lead to the same things over and over: to look through all of it takes more
  /// than so many steps.
  case tangled(path: String, limit: Int)
  /// A layout or ferry.json of a version that this Ferry does not know.
  case unsupportedVersion(path: String, entry: String, found: String, supported: String)
  /// A file whose content does not lie in the tar from end to end.
  case sparse(path: String, entry: String)
  /// A layer in docker's own form is compressed in a way that no registry has a type for.
  case layerCompression(path: String, entry: String, Compression)
  case missing(Digest)
  case missingFile(path: String, entry: String)
  /// An image of docker's own form without one of its layers, counted from 1, which who saved it left out.
  case layerLeftOut(path: String, image: String, layer: Int)
  /// A name that docker's `repositories` alone has, and for no image of `manifest.json`.
  case unlistedName(path: String, name: String)
  case wrongContent(Digest, DigestError)
  case notAManifest(Digest, ManifestError)

  // Reading a stream.
  /// The archive is not in the order in which it could be read in one pass.
  case notStreamable(path: String, StreamObstacle)
  /// What comes is not, or no longer, the archive that its front describes; what is missing is listed.
  case brokenStream(path: String, [LayoutProblem])
  /// Bytes of a blob were asked for again that cannot be had again.
  case passed(Digest, offset: Int64)

  // Planning.
  /// One digest with two sizes, in bytes.
  case conflictingSizes(Digest, Int64, Int64)
  /// One name for two images.
  case conflictingReferences(Reference, Digest, Digest)
  /// A reference that would not be read back as itself.
  case unwritableReference(String)
  /// A path that no file beside the images may have, or has twice, or a file that is too large.
  case unwritableFile(String)
  /// Given, and listed by no image.
  case unreferenced([Digest])
  case tooLarge
  /// One of the archive's own files would become larger than any that is read again.
  case listTooLarge(path: String, size: Int64, limit: Int64)
  /// More entries than a reader of archives keeps account of.
  case tooManyEntries(limit: Int)

  // Writing.
  /// Blobs without proof.
  case incomplete([Digest])
  /// No blob of this archive.
  case notPlanned(Digest)
  /// A blob is written by one at a time, and a stream's blobs come in archive order.
  case outOfOrder(Digest)
  /// The archive was finished before.
  case finished(path: String)
  /// The task that made the call was cancelled.
  case cancelled

  /// Whether it is of one image of docker's list alone.
  var isOfOneImage: Bool {
    switch self {
    case .malformed(_, _, .tooManyNames), .malformed(_, _, .namesTooLong): false
    case .malformed, .missingFile, .layerLeftOut, .wrongContent, .notAManifest: true
    default: false
    }
  }

  init(_ error: FileError) {
    switch error {
    case .exists(let path): self = .exists(path: path)
    case .locked(let path, let pid): self = .locked(path: path, pid: pid)
    case .cancelled: self = .cancelled
    default: self = .archive(error)
    }
  }

  /// What went wrong with an archive that is streamed: damage in its compression is damage of the archive.
  init(_ error: TarError, in path: String) {
    guard case .corruptStream(let compression, let reason) = error else {
      self.init(error)
      return
    }
    self = .malformed(path: path, entry: compression.rawValue, why: .compression(reason))
  }

  /// Ends a long loop over what an archive lists when the task was cancelled. Throws ``cancelled``.
  static func checkCancellation() throws(LayoutError) {
    guard !Task.isCancelled else { throw .cancelled }
  }

  init(_ error: TarError) {
    switch error {
    case .file(let error): self.init(error)
    case .notATar(let path): self = .notAnArchive(path: path)
    default: self = .tar(error)
    }
  }

  /// Does a file's work and says what went wrong in this module's terms.
  static func wrapping<Value: ~Copyable>(
    _ work: () throws(FileError) -> Value
  ) throws(LayoutError) -> Value {
    do { return try work() } catch { throw LayoutError(error) }
  }

  static func wrapping<Value: ~Copyable>(
    _ work: () throws(TarError) -> Value
  ) throws(LayoutError) -> Value {
    do { return try work() } catch { throw LayoutError(error) }
  }
}

/// Why an archive cannot be read as it comes.
public enum StreamObstacle: Hashable, Sendable {
  /// This entry comes before the ones that say what it is.
  case order(entry: String)
  /// This entry is a link: what it leads to may have passed by.
  case link(entry: String)
  /// Another tool wrote it: nothing promises that all that describes it comes first.
  case foreign
  /// Its layers are to be compressed on their way, which takes two readings.
  case twoReadings
}
