import Digests
import Images
import Layouts
import Registry

/// `ferry import`: prove the archives' structure, settle every name, then push blobs, manifests and tags.
///
/// Each step is a type, and what it hands to the next does not change any more:
///
///     ArchiveOpening      → ImportedArchives      all open, their structure proved
///     ImageSelection      → SelectedImages        what is asked for
///     LayerCompression    → CompressedSelection   only where it is asked for
///     ImageNaming         → NamedImages           every target, every collision
///     DestinationSurvey   → SurveyedImages        what is there already, what may not be pushed
///     ContentSurvey       → SurveyedContent       which blobs move, and from where
///                         = PreparedImport        nothing has been pushed so far
///     TypeProbe             of what not every registry takes
///     VolumeProof           of volumes alone
///     BlobPusher          → PushedBlobs           every blob of every image
///     TagPusher           → PushedImages          manifests, tags, read back
///     ReferrersPublisher    what refers to what
///     LastLook            → ImportResult          every tag once more
public struct Import: Sendable {
  private let request: ImportRequest
  private let registries: Registries
  private let settings: TransferSettings
  private let executor: BlockingExecutor
  private let destination: Destination

  /// Throws ``TransferError/noThread(code:)``.
  public init(_ request: ImportRequest, registries: Registries, settings: TransferSettings) throws {
    self.request = request
    self.registries = registries
    self.settings = settings
    executor = try BlockingExecutor(width: settings.jobs)
    destination = Destination(host: request.mapping.destination.host, registries: registries)
  }

  /// Reads the archives and asks the destination what it has, of images whose tags are there down to the last blob;
  /// pushes nothing. A dry run also asks for every other blob and hashes the configs, which a real run does as it goes,
  /// and opens an upload in every repository, which it gives up. Throws for a damaged archive; what else stands in the way is
  /// collected.
  @concurrent
  public func prepare(isDryRun: Bool) async throws -> PreparedImport {
    let opening = ArchiveOpening(
      request, keepGoing: settings.keepGoing, readsPipes: isDryRun, observer: settings.observer,
      executor: executor)
    let archives = try await opening.open()
    let selection = try await select(from: archives)
    let named = selection.named
    let survey = DestinationSurvey(
      of: destination, for: request, keepGoing: settings.keepGoing, executor: executor)
    // What cannot be named is not pushed in any case.
    let surveyed = try await survey.survey(
      named.images, strangers: selection.strangers, opensUploads: isDryRun && named.blockers.isEmpty)
    let contentSurvey = ContentSurvey(
      of: destination, mapping: request.mapping, keepGoing: settings.keepGoing,
      observer: settings.observer, executor: executor)
    let content = try await contentSurvey.survey(
      surveyed, of: archives, compressed: selection.layers, made: selection.configs, isDryRun: isDryRun)
    return PreparedImport(
      destination: request.mapping.destination, images: content.images, failures: content.failures,
      incomplete: archives.failures + selection.incomplete, refusals: surveyed.refusals,
      blockers: named.blockers + surveyed.blockers + content.blockers, blobs: content.blobs,
      absent: content.absent, leftOut: content.leftOut, opened: archives, presentSize: content.presentSize)
  }

  /// The images that are asked for, with their names. What it takes to find them is let go: there may be tens of thousands.
  private struct NamedSelection {
    let named: NamedImages
    let strangers: [ImageFailure]
    let incomplete: [ImageFailure]
    let layers: [Digest: CompressedLayer]
    let configs: [Digest: MadeConfig]
  }

  private func select(from archives: ImportedArchives) async throws -> NamedSelection {
    let selection = ImageSelection(request, keepGoing: settings.keepGoing)
    let selected = try await executor.run { try selection.select(from: archives) }
    let compressed = try await change(selected.images, in: archives)
    let naming = ImageNaming(
      request.mapping, givenName: request.givenName, nvidiaHosts: registries.nvidiaHosts)
    let named = try naming.name(compressed)
    for layout in archives.layouts { settings.observer.named(layout.images.compactMap(\.reference)) }
    settings.observer.named(named.images.map(\.target))
    for note in selected.notes { settings.observer.note(note) }
    note(named.images, from: archives)
    return NamedSelection(
      named: named, strangers: selected.strangers, incomplete: selected.incomplete, layers: compressed.layers,
      configs: compressed.configs)
  }

  /// The images as they are pushed, where that is asked for not as they lie in the archives.
  private func change(
    _ selected: [SelectedImage], in archives: ImportedArchives
  ) async throws -> CompressedSelection {
    var changed = CompressedSelection(selected)
    if request.convertsSchema1 {
      let converter = Schema1Converter(
        executor: executor, observer: settings.observer, memoryLimit: request.memoryLimit)
      changed = try await converter.convert(selected, in: archives)
    }
    guard request.compressesLayers else { return changed }
    let compression = LayerCompression(executor: executor, observer: settings.observer)
    return try await compression.compress(changed.selected, in: archives).adding(changed)
  }

  private func note(_ named: [ImportImage], from archives: ImportedArchives) {
    for image in named {
      image.superseded.map { settings.observer.note(.superseded(image, by: $0)) }
      image.compression.map { settings.observer.note(.imageCompressed(image, $0)) }
      image.convertedFrom.map {
        settings.observer.note(.schema1Converted(image: image.source, from: $0, to: image.digest))
      }
      image.givenDigest.map {
        settings.observer.note(.digestDiffers(image: image.source, given: $0, is: image.digest))
      }
      for referrer in image.referrersLeft {
        settings.observer.note(.referrerNotCarried(image: image.source, referrer))
      }
    }
    for rule in request.mapping.unused(for: archives.layouts.flatMap { $0.images.compactMap(\.reference) }) {
      settings.observer.note(.ruleUnused(rule.text))
    }
    settings.observer.note(.resolving(images: named.count))
  }

  /// Pushes: first every blob of every image, then image by image its manifests, its index, its tag, and
  /// the tag is read back. So no tag moves before all that any image needs was proved. Throws all
  /// that stands in the way, and unless `keepGoing` the first failure.
  @concurrent
  public func run(_ prepared: PreparedImport) async throws -> ImportResult {
    let obstacle = TransferError.obstacle(
      prepared.blockers, prepared.failures, total: prepared.images.count, keepsGoing: settings.keepGoing)
    if let obstacle { throw obstacle }
    let types = TypeProbe(of: destination, keepGoing: settings.keepGoing, executor: executor)
    let prepared = try await types.probe(prepared)
    for failure in prepared.failures + prepared.incomplete { settings.observer.note(.imageFailed(failure)) }
    for image in prepared.images where image.isThere || image.isSkipped || image.missing > 0 {
      settings.observer.note(Self.note(of: image))
    }
    let proof = VolumeProof(
      besides: destination, stopsAtDamage: !settings.keepGoing && !request.allowsMissing, executor: executor,
      observer: settings.observer)
    let (blobs, damaged) = try await proof.prove(prepared.blobs, of: prepared.opened)
    settings.observer.expect(bytes: blobs.map(\.descriptor.size).saturatingSum())
    let (inPlace, streamed) = prepared.opened.divided(blobs)
    let journal = try await executor.run {
      try request.journal.open(
        for: inPlace.flatMap(\.self), of: request.archives, shard: request.shard, observer: settings.observer)
    }
    // Held until the tags are pushed, so that no second Ferry pushes the same.
    defer { journal?.finish() }
    let blobPusher = BlobPusher(
      to: destination, for: prepared, damaged: damaged, journal: journal, settings: settings)
    let pushedBlobs = try await blobPusher.push(inPlace, then: streamed, on: executor)
    let lists = ReferrersPublisher(to: destination, keepGoing: settings.keepGoing)
    let tagPusher = TagPusher(
      to: destination, for: request, lists: lists, blobs: blobPusher, settings: settings)
    let pushed = try await tagPusher.push(
      prepared, after: pushedBlobs, damaged: Set(damaged.keys), on: executor)
    let late = try await finish(prepared, pushed.images, lists)
    for failure in late where settings.keepGoing { settings.observer.note(.imageFailed(failure)) }
    let failed = Set(late.map(\.image))
    return ImportResult(
      prepared: prepared, pushed: pushed.images.filter { !failed.contains($0.source) },
      skipped: prepared.images.filter(\.isSkipped) + pushed.skipped,
      failures: prepared.incomplete + prepared.failures + pushedBlobs.broken + pushed.failures + late,
      late: late,
      uploadedSize: pushedBlobs.uploaded, mountedSize: pushedBlobs.mounted, presentSize: pushedBlobs.present)
  }

  /// What is done when all tags are there: referrers are listed, and every tag is looked at once more. What failed of it.
  private func finish(
    _ prepared: PreparedImport, _ pushed: [ImportImage], _ lists: ReferrersPublisher
  ) async throws -> [ImageFailure] {
    let there = prepared.images.filter(\.isThere) + pushed
    let referred = ReferredManifests.list(of: there)
    let unlisted = request.takesReferrers ? try await lists.publish(referred, on: executor) : []
    let names = Set(unlisted.map(\.image))
    // Nothing comes behind the read-back of what alone was looked at, and refers to nothing.
    guard there.count > 1 || pushed.isEmpty || prepared.images.count > 1 || !referred.isEmpty else {
      return unlisted
    }
    let look = LastLook(at: destination)
    return unlisted + (try await look.moved(of: there.filter { !names.contains($0.source) }, on: executor))
  }

  private static func note(of image: ImportImage) -> TransferNote {
    if image.isSkipped { return .skipped(image) }
    if image.missing > 0 { return .partsMissing(target: image.target, count: image.missing) }
    if case .trusted = image.state { return .trusted(target: image.target, digest: image.digest) }
    return .alreadyThere(source: image.source, target: image.target, digest: image.digest)
  }
}
