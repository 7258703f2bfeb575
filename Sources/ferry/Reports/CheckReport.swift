import Digests
import Images
import Transfers

/// What `ferry check` reports.
struct CheckReport: Codable {
  struct File: Codable {
    let path: String
    /// The archive digest; nil for a receipt.
    let digest: String?
  }

  struct Image: Codable {
    /// Its name in the archive.
    let source: String
    /// Its name at the destination; nil in a check of the source.
    let target: String?
    let digest: String
    /// What it was known by as one of Docker's schema 1, before it was converted; nil where it was not.
    let schema1Digest: String?
    let bytes: Int64
    /// Of a check of the source `same`, `moved`, `gone` or `unknown`; of one of the destination `there`, `included`,
    /// `differs`, `missing`, `incomplete`, `damaged` or `unknown`.
    let state: String
    /// What its name stands for now, where that is another digest.
    let presentDigest: String?
    /// How many of its parts are missing, or have wrong bytes; nil when none have.
    let faultyParts: Int?
    /// Of a signature, SBOM or attestation: the digest of the manifest it refers to.
    let subject: String?
  }

  /// Something that a repository of the destination does not have as it should.
  struct Fault: Codable {
    let repository: String
    let digest: String
    let mediaType: String
    let bytes: Int64
    /// `missing`, `otherSize` or `wrongBytes`.
    let fault: String
    /// What its bytes hash to, where that was seen.
    let actualDigest: String?
    let images: DocumentList<String>

    init(_ part: FaultyPart) {
      repository = part.repository
      digest = part.descriptor.digest.description
      mediaType = part.descriptor.mediaType.rawValue
      bytes = part.descriptor.size
      fault =
        switch part.fault {
        case .missing: "missing"
        case .otherSize: "otherSize"
        case .wrongBytes: "wrongBytes"
        }
      actualDigest =
        if case .wrongBytes(.mismatch(_, let actual)) = part.fault { actual.description } else { nil }
      images = DocumentList(part.images)
    }
  }

  /// A referrer that is not listed for what it refers to.
  struct Unlisted: Codable {
    let repository: String
    let digest: String
    let subject: String
    let images: DocumentList<String>
  }

  struct ReadBack: Codable {
    /// `100%`, `5%`, a number of bytes, or `1/7`.
    let scope: String
    /// What is there, each blob once for every repository.
    let blobs: Int
    let totalBytes: Int64
    /// What of it was read and hashed, right or wrong; of that, what a run had read that was broken off.
    let readBlobs: Int
    let readBytes: Int64
    let earlierBytes: Int64

    init(_ result: ReadBackResult) {
      scope = result.scope.text
      blobs = result.blobs
      totalBytes = result.totalBytes
      readBlobs = result.readBlobs
      readBytes = result.readBytes
      earlierBytes = result.earlierBytes
    }
  }

  private(set) var schema = ReportSchema.check
  private(set) var ferry = Ferry.version
  /// `source` or `destination`.
  let against: String
  let files: DocumentList<File>
  /// Of a check of the destination: what stood in `--to`.
  let destination: String?
  let images: DocumentList<Image>
  /// Of a check of the source, unless nobody looked: tags that the files do not have, the repositories of which they have
  /// nothing, and the places that were looked into.
  let new: DocumentList<String>?
  let newRepositories: DocumentList<String>?
  /// The same of what no tag names; nil unless the files have such images. And the registries that do not list it.
  let newUntagged: DocumentList<String>?
  let untaggedUnlisted: DocumentList<String>?
  let places: DocumentList<String>?
  /// Where it could not be told what is new.
  let newUnknown: DocumentList<FailureEntry>?
  /// Of a check of the destination.
  let faults: DocumentList<Fault>?
  let unlistedReferrers: DocumentList<Unlisted>?
  let leftOut: DocumentList<ImportReport.LeftOut>?
  /// What refers to images that are there converted, and is not asked for; nil: nothing.
  let notCarried: DocumentList<UncarriedEntry>?
  let readBack: ReadBack?
  /// With `-f`: what the files hold of the list.
  let list: ListEntry?
  /// Images that failed when an archive was made.
  let lacking: DocumentList<String>
  /// Images of which nothing could be told.
  let failures: DocumentList<FailureEntry>

  init(_ result: SourceCheckResult) {
    against = "source"
    files = DocumentList(result.subject.files, File.init)
    destination = nil
    images = DocumentList(result.images, Image.init)
    new = result.new.map { DocumentList($0.tags) { $0.description } }
    newRepositories = result.new.map { DocumentList($0.repositories.sorted()) }
    let untagged = result.new.flatMap(\.untagged)
    newUntagged = untagged.map { DocumentList($0) { $0.description } }
    untaggedUnlisted = untagged == nil ? nil : result.new.map { DocumentList($0.untaggedUnlisted) }
    places = result.new.map { DocumentList($0.places) { $0.description } }
    newUnknown = result.new.map { DocumentList($0.failures, FailureEntry.init) }
    faults = nil
    unlistedReferrers = nil
    leftOut = nil
    notCarried = nil
    readBack = nil
    list = ListEntry(result.subject)
    lacking = DocumentList(result.subject.lacking)
    failures = DocumentList(
      Array(result.failures.dropLast(result.new?.failures.count ?? 0)), FailureEntry.init)
  }

  init(_ result: DestinationCheckResult) {
    against = "destination"
    files = DocumentList(result.subject.files, File.init)
    destination = result.destination.description
    images = DocumentList(result.images, Image.init)
    (new, newRepositories, places, newUnknown, newUntagged, untaggedUnlisted) = (nil, nil, nil, nil, nil, nil)
    faults = DocumentList(result.faults, Fault.init)
    unlistedReferrers = DocumentList(result.unlisted) {
      Unlisted(
        repository: $0.repository, digest: $0.digest.description, subject: $0.subject.description,
        images: DocumentList($0.images))
    }
    leftOut = DocumentList(result.leftOut, ImportReport.LeftOut.init)
    notCarried =
      result.uncarried.isEmpty
      ? nil : DocumentList(result.uncarried) { UncarriedEntry($0.referrer, of: $0.image) }
    readBack = result.readBack.map(ReadBack.init)
    list = ListEntry(result.subject)
    lacking = DocumentList(result.subject.lacking)
    failures = DocumentList(result.failures, FailureEntry.init)
  }
}

extension CheckReport.File {
  fileprivate init(_ file: CheckSubject.File) {
    self.init(path: file.path, digest: file.digest?.description)
  }
}

extension CheckReport.Image {
  fileprivate init(_ image: SourceImage) {
    let present: Digest? =
      switch image.state {
      case .moved(let digest), .listed(let digest): digest
      case .same, .gone, .unknown: nil
      }
    self.init(
      source: image.name, target: nil, digest: image.digest.description,
      schema1Digest: image.convertedFrom?.description, bytes: image.size,
      state: image.state.name, presentDigest: present?.description, faultyParts: nil,
      subject: image.subject?.description)
  }

  fileprivate init(_ image: DestinationImage) {
    var present: Digest?
    var faulty: Int?
    switch image.state {
    case .included(let list): present = list.digest
    case .differs(let digest): present = digest
    case .incomplete(let count), .damaged(let count): faulty = count
    case .there, .missing, .unknown: break
    }
    self.init(
      source: image.name, target: image.target.description, digest: image.digest.description,
      schema1Digest: image.schema1Digest?.description, bytes: image.size, state: image.state.name,
      presentDigest: present?.description, faultyParts: faulty,
      subject: image.subject?.description)
  }
}

/// What of a list is in archives, in a report.
struct ListEntry: Codable {
  /// How many images it has.
  let images: Int
  /// Those that are in none of them.
  let missing: DocumentList<String>

  init(_ list: ListedReferences, missing: [Reference]) {
    images = list.references.count
    self.missing = DocumentList(missing) { $0.description }
  }

  fileprivate init?(_ subject: CheckSubject) {
    guard let list = subject.list else { return nil }
    self.init(list, missing: subject.unlisted ?? [])
  }
}

extension SourceImage.State {
  /// The state's name in reports and tables.
  var name: String {
    switch self {
    case .same, .listed: "same"
    case .moved: "moved"
    case .gone: "gone"
    case .unknown: "unknown"
    }
  }
}

extension DestinationImage.State {
  /// The state's name in reports and tables.
  var name: String {
    switch self {
    case .there: "there"
    case .included: "included"
    case .differs: "differs"
    case .missing: "missing"
    case .incomplete: "incomplete"
    case .damaged: "damaged"
    case .unknown: "unknown"
    }
  }
}

extension ReadBackScope {
  /// As `--read-back` takes it.
  var text: String {
    switch self {
    case .everything: "100%"
    case .percent(let percent): percent == percent.rounded() ? "\(Int(percent))%" : "\(percent)%"
    case .bytes(let bytes): "\(bytes)B"
    case .part(let shard): "\(shard.index)/\(shard.count)"
    }
  }
}
