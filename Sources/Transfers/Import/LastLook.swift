import Digests
import Images
import Registry

/// The last step of an import: whether every tag still points at what this run read or pushed there. Between the
/// first image of a fleet and the last lie hours in which somebody else may have moved one.
struct LastLook: Sendable {
  private let destination: Destination

  init(at destination: Destination) {
    self.destination = destination
  }

  /// The images of which the tag is another now (``TransferError/readBackDiffers(_:expected:actual:)``), or of which that
  /// cannot be told. Everything is done by now and nothing can be stopped, so it throws only when it is cancelled.
  func moved(of images: [ImportImage], on executor: BlockingExecutor) async throws -> [ImageFailure] {
    // What the registry is given to settle is given to all of them together.
    let start = ContinuousClock.now
    let confirmed = images.filter { $0.confirmedAt != nil && $0.target.tag != nil }
    return try await executor.mapConcurrently(confirmed) { image -> ImageFailure? in
      do {
        try expect(image, since: start)
        return nil
      } catch {
        guard !Task.isCancelled else { throw error }
        return ImageFailure(image: image.source, error: error)
      }
    }.compactMap(\.self)
  }

  /// Asks by GET: a HEAD may come out of a memory that is older than the move.
  private func expect(_ image: ImportImage, since start: ContinuousClock.Instant) throws {
    let target = image.target
    let expected = image.list?.digest ?? image.digest
    let isRight = { (now: Destination.Tagged?) in
      // What a HEAD alone tells of is what somebody remembers.
      if case .unreadable = now { return false }
      guard let now, now.digest != expected else { return now != nil }
      // Another list of referrers may have taken the image's in.
      guard image.list != nil, case .manifest(let manifest) = now else { return false }
      if case .included = image.compared(with: manifest)?.state { return true }
      return false
    }
    let now = try destination.client(for: target.repository).settled(
      .manifest(repository: target.repository, identifier: target.identifier), since: start
    ) {
      try destination.tagged(target, by: expected.algorithm)
    } isRight: {
      isRight($0)
    }
    if case .unreadable(expected, let error) = now { throw error }
    guard isRight(now) else {
      throw TransferError.readBackDiffers(target, expected: expected, actual: now?.digest)
    }
  }
}
