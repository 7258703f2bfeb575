import Digests
import FoundationEssentials
import Images
import Registry

/// What an import did when all blobs were there.
struct PushedImages: Sendable {
  /// In the order in which they were pushed, read back with their digests.
  let images: [ImportImage]
  /// Whose tags came to hold other images since they were looked at, and what refers to those.
  let skipped: [ImportImage]
  let failures: [ImageFailure]
}

/// The seventh step of an import: image by image its manifests, its index, its tag, and the tag is read back.
struct TagPusher: Sendable {
  /// How far an image came.
  private enum Arrival {
    /// The list that was there before, as it is now, when the image is a list of referrers that was added to it.
    case pushed(list: Descriptor?)
    /// Its tag holds something else, and stays (``ExistingTags/skip``).
    case taken(Digest)
    /// It was left away with what it refers to.
    case left
  }

  /// What became of one image.
  private enum Outcome {
    case pushed(ImportImage)
    case skipped(ImportImage)
    case failed(ImageFailure)
  }

  private let destination: Destination
  private let request: ImportRequest
  private let lists: ReferrersPublisher
  private let blobs: BlobPusher
  private let settings: TransferSettings

  init(
    to destination: Destination, for request: ImportRequest, lists: ReferrersPublisher, blobs: BlobPusher,
    settings: TransferSettings
  ) {
    self.destination = destination
    self.request = request
    self.lists = lists
    self.blobs = blobs
    self.settings = settings
  }

  /// Pushes what of `prepared` is to be pushed. An image of which a blob is among `blobs`' failed ones fails; `damaged`
  /// are those of them that stop no other image where some may be missing.
  func push(
    _ prepared: PreparedImport, after blobs: PushedBlobs, damaged: Set<Digest>,
    on executor: BlockingExecutor
  ) async throws -> PushedImages {
    var pushed: [ImportImage] = []
    var skipped: [ImportImage] = []
    var failures: [ImageFailure] = []
    var failed = Set(prepared.failures.map(\.image))
    // What is left away for one tag and fails under another arrives under neither.
    var left = Set(prepared.images.filter(\.isSkipped).map(\.source))
    // What refers to something goes behind it: an image, its signatures, what attests those.
    let subjects = SubjectIndex(prepared.images)
    let levels = Dictionary(grouping: prepared.images.filter(\.isToPush)) { $0.referral?.depth ?? 0 }
    for (_, images) in levels.sorted(by: { $0.key < $1.key }) {
      let lostSubjects = subjects.lostSubjects(of: images, failed: failed, skipped: left)
      let outcomes = try await executor.mapConcurrently(Self.pushes(of: images)) { images -> [Outcome] in
        let image = images[0]
        do {
          let repository = image.target.repository
          let lost = image.tree.blobs.lazy.compactMap { blobs.failure(of: $0.digest, in: repository) }
          if let error = lost.first { throw error }
          let arrival: Arrival
          switch lostSubjects[image] {
          case .failed(let subject): throw TransferError.subjectFailed(subject)
          case .skipped: arrival = .left
          case nil: arrival = try push(image)
          }
          return images.map { outcome(of: $0, arrival) }
        } catch {
          guard isSpared(image, by: error, damaged), !Task.isCancelled else { throw error }
          return images.map { image in
            let failure = ImageFailure(image: image.source, error: error)
            settings.observer.note(.imageFailed(failure))
            return .failed(failure)
          }
        }
      }.flatMap(\.self)
      for outcome in outcomes {
        switch outcome {
        case .pushed(let image): pushed.append(image)
        case .skipped(let image):
          skipped.append(image)
          left.insert(image.source)
        case .failed(let failure):
          failures.append(failure)
          failed.insert(failure.image)
        }
      }
    }
    return PushedImages(images: pushed, skipped: skipped, failures: failures)
  }

  /// `images` by what is pushed: one image whose names become one is pushed once. They stand in the order of their targets.
  private static func pushes(of images: [ImportImage]) -> [[ImportImage]] {
    images.reduce(into: []) { pushes, image in
      let other = pushes.last?.first
      // Of two archives the one may have left out what the other has.
      if let other, other.target == image.target, other.tree.manifests == image.tree.manifests,
        other.tree.blobs == image.tree.blobs
      {
        pushes[pushes.count - 1].append(image)
      } else {
        pushes.append([image])
      }
    }
  }

  /// What became of `image`, and that it is said.
  private func outcome(of image: ImportImage, _ arrival: Arrival) -> Outcome {
    var image = image
    switch arrival {
    case .pushed(let list): image.list = list
    case .taken(let present): image.state = .skipped(present)
    case .left: image.state = .skippedWithSubject
    }
    guard !image.isSkipped else {
      settings.observer.note(.skipped(image))
      return .skipped(image)
    }
    image.confirmedAt = Date()
    settings.observer.note(.imported(source: image.source, target: image.target, digest: image.digest))
    return .pushed(image)
  }

  /// Whether the other images are pushed in spite of one that failed.
  private func isSpared(_ image: ImportImage, by error: any Error, _ damaged: Set<Digest>) -> Bool {
    guard !settings.keepGoing else { return true }
    guard request.allowsMissing else { return false }
    if case TransferError.subjectFailed = error { return true }
    return image.tree.blobs.contains { damaged.contains($0.digest) }
  }

  /// Pushes the image's manifests, children first and each read back, then its tag, and reads that back.
  private func push(_ image: ImportImage) throws -> Arrival {
    let target = image.target
    let client = try destination.client(for: target.repository)
    for descriptor in image.tree.manifests {
      let isRoot = descriptor.digest == image.digest
      let manifest = try image.manifests.manifest(descriptor)
      if isRoot, case .extends = image.state {
        return .pushed(list: try lists.extend(with: image, manifest))
      }
      if isRoot, let present = try occupant(of: image) { return .taken(present) }
      guard isRoot else {
        do {
          try put(manifest, of: image) { try destination.store(manifest, in: target.repository) }
        } catch let error as RegistryError {
          throw error.refusing(manifest, of: image)
        }
        continue
      }
      do {
        try put(manifest, of: image) {
          try client.putManifest(manifest, to: target.repository, as: target.identifier)
        }
      } catch let error as RegistryError {
        // A tag that cannot be written again is there already; what it needs has been brought.
        if case .partsMissing = image.state, error.mayBeOfWrittenTag, error.complaintsOfMissingContent == nil
        {
          continue
        }
        if case .schema1 = manifest.content, error.mayBeOfType {
          throw TransferError.schema1Refused(target, error)
        }
        let missing = manifest.mediaType.isIndex ? image.tree.omitted.count { $0.mediaType.isManifest } : 0
        guard case .refused(_, 400...404, _) = error, missing > 0 else {
          throw error.refusing(manifest, of: image)
        }
        throw TransferError.sparseIndexRefused(target, missing: missing)
      }
    }
    let readBack = try client.settled(
      .manifest(repository: target.repository, identifier: target.identifier)
    ) {
      try client.manifest(
        target.identifier, of: target.repository, as: image.tree.root.mediaType, by: image.digest.algorithm
      ).digest
    } isRight: {
      $0 == image.digest
    }
    guard readBack == image.digest else {
      throw TransferError.readBackDiffers(target, expected: image.digest, actual: readBack)
    }
    // A tag that holds the same bytes does not show that the registry knows them by this digest.
    if image.digest.algorithm != .sha256, target.tag != nil, try !isNamed(image, client) {
      throw RegistryError.algorithmRefused(
        host: client.host, repository: target.repository, digest: image.digest, status: 404, messages: [])
    }
    return .pushed(list: nil)
  }

  /// Whether the registry has the image's manifest under its digest.
  private func isNamed(_ image: ImportImage, _ client: RegistryClient) throws -> Bool {
    let (repository, name) = (image.target.repository, image.digest.description)
    return try client.settled(.manifest(repository: repository, identifier: name)) {
      try client.manifestIfPresent(name, of: repository, as: image.tree.root.mediaType, isForPush: true)
        != nil
    } isRight: {
      $0
    }
  }

  /// Does `send`, which stores a manifest of `image`. Where the registry says that it does not have all that the manifest
  /// lists, though it has taken it, that is looked at again and what is missing sent again, a few times.
  private func put(_ manifest: Manifest, of image: ImportImage, _ send: () throws -> Void) throws {
    let repository = image.target.repository
    for repetition in 0... {
      do {
        return try send()
      } catch let error as RegistryError {
        // What an index leaves out is missing for good.
        let isComplete = !manifest.children.contains { child in
          image.tree.omitted.contains { $0.digest == child.digest }
        }
        guard repetition < Self.mostRepetitions, isComplete,
          let complaints = error.complaintsOfMissingContent
        else { throw error }
        // It may know only a little later what it has.
        if repetition > 0 {
          try destination.client(for: repository).wait(beforeRepetition: repetition - 1)
        }
        let carried = Set(image.tree.blobs.map(\.digest))
        let listed = manifest.blobs.filter { carried.contains($0.digest) }
        let named = listed.map(\.digest).filter { digest in complaints.contains { $0.names(digest) } }
        try blobs.restore(listed, to: repository, doubted: repetition == 1 ? Set(named) : [])
        let children = Set(manifest.children.map(\.digest))
        for child in image.tree.manifests where children.contains(child.digest) {
          try destination.restore(image.manifests.manifest(child), in: repository)
        }
      }
    }
  }

  /// How often a manifest is put again whose content the registry does not find.
  private static let mostRepetitions = 3

  /// What the image's tag has come to hold since it was looked at, hours ago perhaps, where that is another image and not to
  /// be moved; nil where nothing is in the way. Throws ``TransferError/tagsTaken(_:)`` where it stops the import.
  private func occupant(of image: ImportImage) throws -> Digest? {
    guard request.existing != .overwrite, image.target.tag != nil else { return nil }
    guard let present = try destination.tagged(image.target, by: image.digest.algorithm)?.digest,
      present != image.digest
    else {
      return nil
    }
    guard request.existing == .stop else { return present }
    throw TransferError.tagsTaken([
      TakenTag(target: image.target, source: image.source, present: present, wanted: image.digest)
    ])
  }
}

extension RegistryMessage {
  /// Whether it is about what has this digest.
  fileprivate func names(_ digest: Digest) -> Bool {
    message.contains("\(digest)") || detail?.contains("\(digest)") == true
  }
}

extension RegistryError {
  /// Whether it may be what a registry says to a tag that is there and is not written again.
  fileprivate var mayBeOfWrittenTag: Bool {
    switch self {
    case .refused, .immutable: true
    default: false
    }
  }
}

extension RegistryError {
  /// What it says where `manifest`, which was to be stored, is of a type that nobody may know there either, or lists layers that
  /// need not be there: that it is refused for that.
  fileprivate func refusing(_ manifest: Manifest, of image: ImportImage) -> any Error {
    guard mayBeOfType else { return self }
    let omitted = Set(image.tree.omitted.map(\.digest))
    let foreign = manifest.blobs.filter { omitted.contains($0.digest) }
    let names = { (message: RegistryMessage) in foreign.contains { message.names($0.digest) } }
    if !foreign.isEmpty, complaintsOfMissingContent != nil || messages.contains(where: names) {
      return TransferError.foreignLayersRefused(image.target, layers: foreign.count, self)
    }
    guard case .opaque = manifest.content, complaintsOfMissingContent == nil else { return self }
    if case .typeRefused = self { return self }
    return TransferError.unknownTypeRefused(image.target, type: manifest.mediaType, self)
  }

  /// What a registry said with its refusal.
  private var messages: [RegistryMessage] {
    switch self {
    case .refused(_, _, let messages), .overwhelmed(_, _, let messages): messages
    default: []
    }
  }

  /// Whether a manifest may have been refused for its type: some registries answer 500 to one that they do not know.
  fileprivate var mayBeOfType: Bool {
    switch self {
    case .refused(_, 400..<500, _), .overwhelmed(_, 500, _), .typeRefused: true
    default: false
    }
  }
}
