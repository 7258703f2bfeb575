public import Digests
public import FoundationEssentials
public import Images

/// One image of a check, and what a destination has of it.
public struct DestinationImage: Sendable {
  public enum State: Sendable {
    /// It is there under its name, with everything below it.
    case there
    /// Of a list of referrers: another one is there, which has all that this one lists.
    case included(Descriptor)
    /// Its name is another image's there.
    case differs(Digest)
    /// Nothing has its name.
    case missing
    /// It is there under its name, and so many of its parts are not.
    case incomplete(Int)
    /// So many of its parts have wrong bytes there.
    case damaged(Int)
    /// The destination would not say.
    case unknown(any Error)

    /// Whether all is as it should be.
    public var isRight: Bool {
      switch self {
      case .there, .included: true
      case .differs, .missing, .incomplete, .damaged, .unknown: false
      }
    }
  }

  public internal(set) var state: State
  /// Of an image whose name is another's: whether that may be what converting or compressing on the way made of it, which
  /// cannot be told from the archive: only a receipt of the import tells.
  public internal(set) var mayBeChanged = false
  /// When the destination was last asked for its name.
  var askedAt: Date
  private let expected: ExpectedImage

  init(_ image: ExpectedImage, state: State) {
    expected = image
    self.state = state
    askedAt = Date()
  }

  /// Its name in the archive.
  public var name: String { expected.name }
  /// The same, where it says which image that is.
  public var reference: Reference? { expected.reference }
  public var target: Reference { expected.target }
  public var digest: Digest { expected.digest }
  /// Its digest in the archive.
  public var archiveDigest: Digest { expected.archiveDigest ?? expected.digest }
  /// What registries knew it by as one of Docker's schema 1, before it was converted.
  public var schema1Digest: Digest? { expected.schema1Digest }
  var indexDigest: Digest? { expected.indexDigest }
  var givenDigest: Digest? { expected.givenDigest }
  /// What of it was looked at, each part once.
  public var parts: [Descriptor] { expected.parts }
  /// What it refers to, when it is there for that: a signature, an SBOM, an attestation.
  public var subject: Digest? { expected.subject }

  /// All its parts added up, in bytes.
  public var size: Int64 { parts.map(\.size).saturatingSum() }
}

/// Something that images consist of and that a repository of the destination does not have as it should.
public struct FaultyPart: Sendable {
  public enum Fault: Sendable {
    case missing
    /// Something of another size is in its place.
    case otherSize
    /// Its bytes hash to something else, or their number is another.
    case wrongBytes(DigestError)
  }

  /// With its host.
  public let repository: String
  public let descriptor: Descriptor
  public let fault: Fault
  /// The images that need it, by their names in the archive.
  public let images: [String]

  public var isMissing: Bool { if case .missing = fault { true } else { false } }
}

/// Something that refers to a manifest and that the destination does not list for it.
public struct UnlistedReferrer: Sendable {
  /// With its host.
  public let repository: String
  public let digest: Digest
  public let subject: Digest
  /// The images that have it, by their names in the archive.
  public let images: [String]
}

/// How much of what a destination holds was fetched and hashed.
public struct ReadBackResult: Sendable {
  /// What was asked for.
  public let scope: ReadBackScope
  /// Blobs, each once for every repository that should have it.
  public let blobs: Int
  public let totalBytes: Int64
  /// Those of them that were read and hashed, right or wrong.
  public internal(set) var readBlobs: Int
  public internal(set) var readBytes: Int64
  /// What of that an earlier run had read, which was broken off.
  public internal(set) var earlierBytes: Int64
}

/// What a check of a destination found.
public struct DestinationCheckResult: Sendable {
  public let subject: CheckSubject
  public let destination: RegistryLocation
  /// In the order of their names there.
  public let images: [DestinationImage]
  /// In the order of their repositories.
  public let faults: [FaultyPart]
  public let unlisted: [UnlistedReferrer]
  /// Content that archives leave out on purpose, and whether the destination has it.
  public let leftOut: [OmittedContent]
  /// What the archives have that refers to images which are there converted, and is not asked for: each with such an image,
  /// by its name in the archive.
  public let uncarried: [(image: String, referrer: UncarriedReferrer)]
  /// nil when nothing was to be read back.
  public let readBack: ReadBackResult?
  /// Whether only some platforms were looked at.
  public let isForPlatforms: Bool

  /// Whether bytes at the destination are not what their digests say.
  public var isDamaged: Bool {
    faults.contains { !$0.isMissing }
  }

  /// Whether something is not there as it should be, apart from damage.
  public var hasDifferences: Bool {
    let isChanged = images.contains { image in
      switch image.state {
      case .differs, .missing, .incomplete: true
      case .there, .included, .damaged, .unknown: false
      }
    }
    return isChanged || !faults.isEmpty || !unlisted.isEmpty || subject.isShort
  }

  /// What could not be told.
  public var failures: [ImageFailure] {
    images.compactMap { image in
      if case .unknown(let error) = image.state { ImageFailure(image: image.name, error: error) } else { nil }
    } + subject.strangers
  }

  /// Whether all that was asked for is there, was looked at, and is right.
  public var isRight: Bool { !hasDifferences && failures.isEmpty }

  /// The receipt of an import that would have confirmed what was found; nil unless everything is right.
  public func receipt(ferry: String, started: Date) -> Receipt? {
    guard isRight else { return nil }
    return Receipt(
      ferry: ferry, destination: destination.description, archives: subject.receiptArchives,
      started: started, finished: Date(), images: images.map(ReceivedImage.init))
  }
}

extension ReceivedImage {
  /// An image that is there as it should be.
  fileprivate init(_ image: DestinationImage) {
    var digest = image.digest
    var parts = image.parts
    // A list of referrers that became part of another is not there as such; what it lists is.
    if case .included(let list) = image.state {
      digest = list.digest
      parts = [list] + parts.filter { $0.digest != image.digest && $0.digest != list.digest }
    }
    let original = image.archiveDigest
    self.init(
      source: image.name, target: image.target, digest: digest,
      archiveDigest: original == digest ? nil : original, schema1Digest: image.schema1Digest,
      indexDigest: image.indexDigest, givenDigest: image.givenDigest,
      size: parts.map(\.size).saturatingSum(), confirmedAt: image.askedAt, blobs: parts)
  }
}
