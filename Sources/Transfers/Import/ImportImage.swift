public import Digests
public import FoundationEssentials
public import Images
import Layouts

/// What few of many have: it takes a word of those that have none.
@propertyWrapper struct Seldom<Value: Sendable>: Sendable {
  private indirect enum Box: Sendable { case value(Value) }

  private var box: Box?

  init(wrappedValue: Value?) { box = wrappedValue.map { .value($0) } }

  var wrappedValue: Value? {
    get { if case .value(let value) = box { value } else { nil } }
    set { box = newValue.map { .value($0) } }
  }
}

/// One image of an import: where it comes from, where it goes, and what is there.
public struct ImportImage: Sendable {
  ///
  /// A digest in it is kept apart: archives have tens of thousands of images, and most are new.
  public indirect enum State: Hashable, Sendable {
    case new
    /// The tag is there with this very digest.
    case identical
    /// The tag is there with this very digest, and the repository does not have all that lies below it: it is pushed
    /// again.
    case partsMissing
    /// The tag is there with this very digest or, of a list of referrers, with one that has all of this one's. What
    /// lies below it was not asked for (``ImportRequest/trustsTags``).
    case trusted
    /// The tag is there with another digest and will be moved (``ExistingTags/overwrite``).
    case replaces(Digest)
    /// The tag is there, or may be, and the destination does not show with what; it will be moved
    /// (``ExistingTags/overwrite``).
    case replacesUnseen
    /// The tag is there with another digest, which stands in the way.
    case taken(Digest)
    /// The tag is there with another digest, and stays what it is (``ExistingTags/skip``).
    case skipped(Digest)
    /// It refers to an image that is skipped, and to none that is pushed or there.
    case skippedWithSubject
    /// The destination would not say; the failure says why.
    case unknown
    /// The tag is there with a list of referrers that has all of this one's, and others.
    case included(Digest)
    /// The tag is there with another list of referrers, to which this one's will be added.
    case extends(Digest)
    /// Some of its content is left out of the archive and was not found at the destination either.
    case incomplete
    /// Its new name cannot be had: the repository may not be pushed to, no registry has such names, or another
    /// image would get it too. A blocker or the failure says which.
    case refused

    /// The state of an image that is there without some of its parts.
    var withoutParts: Self {
      if case .included(let list) = self { .extends(list) } else { .partsMissing }
    }
  }

  /// What tells it from the others of its import: several names of one image may become one.
  public struct Name: Hashable, Sendable {
    public let source: String
    public let target: Reference
  }

  /// What does not change of it: in memory once, in however many lists the image stands.
  private final class Content: Sendable {
    let source: String
    let target: Reference
    let tree: ImageTree
    let manifests: ImportManifests
    let archive: String
    let referral: Seldom<Referral>

    init(
      _ source: String, _ target: Reference, _ tree: ImageTree, _ manifests: ImportManifests,
      _ archive: String, _ referral: Referral?
    ) {
      self.source = source
      self.target = target
      self.tree = tree
      self.manifests = manifests
      self.archive = archive
      self.referral = Seldom(wrappedValue: referral)
    }
  }

  /// What is said of few images alone.
  private struct Details: Sendable {
    var referrersLeft: [UncarriedReferrer] = []
    var convertedFrom: Digest?
    var givenDigest: Digest?
    var indexDigest: Digest?
    var compression: CompressedImage?
    var list: Descriptor?
    var superseded: SupersededName?
    var listedIn: String?

    var isEmpty: Bool {
      referrersLeft.isEmpty && convertedFrom == nil && givenDigest == nil && indexDigest == nil
        && compression == nil && list == nil && superseded == nil && listedIn == nil
    }
  }

  private final class DetailsBox: Sendable {
    let details: Details

    init(_ details: Details) { self.details = details }
  }

  private let content: Content
  private var box: DetailsBox?

  /// The image's name in the archive, or the one by its digest.
  public var source: String { content.source }
  public var target: Reference { content.target }
  public var tree: ImageTree { content.tree }
  /// The manifests of ``tree``.
  var manifests: ImportManifests { content.manifests }
  /// The archive's path.
  public var archive: String { content.archive }
  /// What it refers to, when it is there for that.
  public var referral: Referral? { content.referral.wrappedValue }
  public internal(set) var state: State = .new
  /// How many of its manifests and blobs its repository did not have although its tag was there.
  public internal(set) var missing = 0
  /// When the destination said that it holds the image under ``target`` with ``digest``, or has taken its list in, and
  /// everything below it; nil before, and where nobody asked.
  public internal(set) var confirmedAt: Date?

  init(
    source: String, target: Reference, tree: ImageTree, manifests: ImportManifests, archive: String,
    referral: Referral? = nil
  ) {
    content = Content(source, target, tree, manifests, archive, referral)
  }

  private var details: Details { box?.details ?? Details() }

  private mutating func change(_ body: (inout Details) -> Void) {
    var details = details
    body(&details)
    box = details.isEmpty ? nil : DetailsBox(details)
  }

  /// What the archive has that refers to it, and that is not pushed, for it is converted.
  public internal(set) var referrersLeft: [UncarriedReferrer] {
    get { details.referrersLeft }
    set { change { $0.referrersLeft = newValue } }
  }
  /// What registries knew it by before it was made one of schema 2 for its archive.
  var convertedFrom: Digest? {
    get { details.convertedFrom }
    set { change { $0.convertedFrom = newValue } }
  }
  /// The digest in the name that docker's list gives it in its archive, where its manifest has another.
  public internal(set) var givenDigest: Digest? {
    get { details.givenDigest }
    set { change { $0.givenDigest = newValue } }
  }
  /// The index that it is some platforms of since its export.
  public internal(set) var indexDigest: Digest? {
    get { details.indexDigest }
    set { change { $0.indexDigest = newValue } }
  }
  /// Set when it is not pushed as it lies in the archive.
  public internal(set) var compression: CompressedImage? {
    get { details.compression }
    set { change { $0.compression = newValue } }
  }
  /// Where its name in the archive is another image's, which goes by it: this one goes by its digest.
  public internal(set) var superseded: SupersededName? {
    get { details.superseded }
    set { change { $0.superseded = newValue } }
  }
  /// The archive in whose list it stands by its name, where that is not the one that it is taken out of.
  var listedIn: String? {
    get { details.listedIn }
    set { change { $0.listedIn = newValue } }
  }
  /// Of a list of referrers: the one at the destination that has taken it in, where another was there before.
  public internal(set) var list: Descriptor? {
    get { details.list }
    set { change { $0.list = newValue } }
  }

  public var name: Name { Name(source: source, target: target) }
  public var digest: Digest { tree.root.digest }
  /// What registries knew it by as one of Docker's schema 1, before it was converted, at export or on the way.
  public var schema1Digest: Digest? {
    convertedFrom ?? compression.flatMap { $0.isConverted ? $0.original : nil }
  }
}

extension ImportImage {
  /// What else the index that it was taken out of lists for its platform.
  public var othersForPlatform: [Digest] { compression?.origin?.others ?? [] }

  /// Whether it has to be pushed.
  public var isToPush: Bool {
    switch state {
    case .new, .replaces, .replacesUnseen, .extends, .partsMissing: true
    case .identical, .included, .trusted, .taken, .skipped, .skippedWithSubject, .unknown, .incomplete,
      .refused:
      false
    }
  }

  /// Whether it is left away for what is there.
  public var isSkipped: Bool {
    switch state {
    case .skipped, .skippedWithSubject: true
    default: false
    }
  }

  /// Whether the destination has it.
  public var isThere: Bool {
    switch state {
    case .identical, .included, .trusted: true
    default: false
    }
  }
}
