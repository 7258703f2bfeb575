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

  /// What `referrers`, all of one depth, refer to and of which no image is left beside the `lost` ones. Each manifest is
  /// looked at once, however many refer to it.
  func lostSubjects(of referrers: [ImportImage], lost: Set<String>) -> LostSubjects {
    guard !lost.isEmpty else { return LostSubjects(names: [:]) }
    var names: [RepositoryContent: String?] = [:]
    for image in referrers {
      guard let referral = image.referral else { continue }
      let key = RepositoryContent(repository: image.target.repository, digest: referral.subject)
      guard names[key] == nil else { continue }
      let subjects = (holders[key] ?? []).lazy.map { images[$0] }
        .filter { ($0.referral?.depth ?? 0) < referral.depth }
      names[key] = .some(subjects.allSatisfy { lost.contains($0.source) } ? subjects.first?.source : nil)
    }
    return LostSubjects(names: names.compactMapValues(\.self))
  }

  /// Takes out of what is to be pushed what refers to skipped images, or to what does, and to nothing else: it would speak
  /// of what is not there.
  func skip(_ images: inout [ImportImage]) {
    var skipped = Set(images.filter(\.isSkipped).map(\.source))
    guard !skipped.isEmpty else { return }
    let referrers = images.indices.filter { images[$0].referral != nil && images[$0].isToPush }
    let levels = Dictionary(grouping: referrers) { images[$0].referral?.depth ?? 0 }
    for (_, level) in levels.sorted(by: { $0.key < $1.key }) {
      let lost = lostSubjects(of: level.map { images[$0] }, lost: skipped)
      for index in level where lost[images[index]] != nil {
        images[index].state = .skippedWithSubject
        skipped.insert(images[index].source)
      }
    }
  }
}

/// Manifests that something refers to and that did not arrive.
struct LostSubjects: Sendable {
  /// The images that should have brought them, by their names in the archives.
  let names: [RepositoryContent: String]

  /// What of these `image` refers to.
  subscript(image: ImportImage) -> String? {
    guard let subject = image.referral?.subject else { return nil }
    return names[RepositoryContent(repository: image.target.repository, digest: subject)]
  }
}
