import Digests
import Images

/// The images of an import by what they hold: what an image refers to is found without a look at all others.
struct SubjectIndex {
  private let images: [ImportImage]
  /// Into ``images``.
  private var holders: [RepositoryContent: [Int]] = [:]

  init(_ images: [ImportImage]) {
    self.images = images
    for (index, image) in images.enumerated() {
      for manifest in image.tree.manifests {
        holders[
          RepositoryContent(repository: image.target.repository, digest: manifest.digest), default: []
        ].append(index)
      }
    }
  }

  /// What `referrers`, all of one depth, refer to and of which no image is left beside those that `failed` and those that
  /// were `skipped`. Each manifest is looked at once, however many refer to it.
  func lostSubjects(
    of referrers: [ImportImage], failed: Set<String>, skipped: Set<String>
  ) -> LostSubjects {
    guard !failed.isEmpty || !skipped.isEmpty else { return LostSubjects(losses: [:]) }
    var losses: [RepositoryContent: LostSubjects.Loss?] = [:]
    for image in referrers {
      guard let referral = image.referral else { continue }
      let key = RepositoryContent(repository: image.target.repository, digest: referral.subject)
      guard losses[key] == nil else { continue }
      let subjects = (holders[key] ?? []).map { images[$0] }
        .filter { ($0.referral?.depth ?? 0) < referral.depth }.map(\.source)
      losses[key] = .some(Self.loss(of: subjects, failed: failed, skipped: skipped))
    }
    return LostSubjects(losses: losses.compactMapValues(\.self))
  }

  /// How all of `subjects` were lost; nil where one is left. What failed may come with the next run, and counts for more.
  private static func loss(
    of subjects: [String], failed: Set<String>, skipped: Set<String>
  ) -> LostSubjects.Loss? {
    guard !subjects.isEmpty, subjects.allSatisfy({ failed.contains($0) || skipped.contains($0) }) else {
      return nil
    }
    return subjects.first { failed.contains($0) }.map { .failed($0) } ?? .skipped
  }

  /// Takes out of what is to be pushed what refers to skipped images, or to what does, and to nothing else: it would speak
  /// of what is not there.
  func skip(_ images: inout [ImportImage]) {
    var skipped = Set(images.filter(\.isSkipped).map(\.source))
    guard !skipped.isEmpty else { return }
    let referrers = images.indices.filter { images[$0].referral != nil && images[$0].isToPush }
    let levels = Dictionary(grouping: referrers) { images[$0].referral?.depth ?? 0 }
    for (_, level) in levels.sorted(by: { $0.key < $1.key }) {
      let lost = lostSubjects(of: level.map { images[$0] }, failed: [], skipped: skipped)
      for index in level where lost[images[index]] != nil {
        images[index].state = .skippedWithSubject
        skipped.insert(images[index].source)
      }
    }
  }
}

/// Manifests that something refers to and that did not arrive.
struct LostSubjects: Sendable {
  /// Why the images that should have brought one did not.
  enum Loss: Sendable {
    /// One of them failed: its name in the archives.
    case failed(String)
    /// All of them were left away for what their tags hold.
    case skipped
  }

  let losses: [RepositoryContent: Loss]

  /// What became of the one that `image` refers to; nil where it arrived, or `image` refers to none.
  subscript(image: ImportImage) -> Loss? {
    guard let subject = image.referral?.subject else { return nil }
    return losses[RepositoryContent(repository: image.target.repository, digest: subject)]
  }
}
