import Digests
import Images
import Layouts

/// An archive's images told apart: those that are there for themselves, and those that refer to one of them.
struct ArchiveReferrals {
  /// In the archive's order.
  private(set) var images: [LayoutImage] = []
  /// Behind what they refer to.
  private(set) var referrers: [(image: LayoutImage, referral: Referral)] = []

  private struct Place: Hashable {
    let repository: String
    let manifest: Digest
  }

  /// Looks at `images` of the archive alone; all of them if nil. `tree` gives what an image consists of. Throws what
  /// it throws.
  init(_ chosen: [LayoutImage]? = nil, in layout: Layout, tree: (LayoutImage) throws -> ImageTree) throws {
    var candidates: [(image: LayoutImage, referral: Referral)] = []
    for image in chosen ?? layout.images {
      if let referral = try Referral(image, manifest: { try layout.manifest(image.root) }) {
        candidates.append((image, referral))
      } else {
        images.append(image)
      }
    }
    guard !candidates.isEmpty else { return }
    let bySubject = Dictionary(grouping: candidates.indices) { candidates[$0].referral.subject }
    var placed: Set<Int> = []
    var seen: Set<Place> = []
    var known: Set<Place> = []
    // Level by level: what refers to the images, what refers to that.
    var level = images.map { (image: $0, depth: 0) }
    while !level.isEmpty {
      var next: [(image: LayoutImage, depth: Int)] = []
      for (image, depth) in level {
        // Images without a name are given one together.
        let repository = image.reference?.repositoryName ?? ""
        for manifest in try tree(image).manifests {
          guard seen.insert(Place(repository: repository, manifest: manifest.digest)).inserted else {
            continue
          }
          for index in bySubject[manifest.digest] ?? [] {
            let candidate = candidates[index]
            // What another tool listed without a name belongs to every repository that has its subject.
            guard candidate.image.reference.map({ $0.repositoryName == repository }) ?? true else { continue }
            placed.insert(index)
            let home = Place(repository: repository, manifest: candidate.image.root.digest)
            guard candidate.referral.tag != nil || known.insert(home).inserted else { continue }
            var referral = candidate.referral
            referral.depth = depth + 1
            let referrer = candidate.image.named(in: repository)
            referrers.append((referrer, referral))
            next.append((referrer, depth + 1))
          }
        }
      }
      level = next
    }
    for (index, candidate) in candidates.enumerated() where !placed.contains(index) {
      var referral = candidate.referral
      referral.depth = 0
      // Its subject is elsewhere: a tag is a tag like any other then.
      if referral.tag == nil, candidate.image.reference != nil {
        referrers.append((candidate.image, referral))
      } else {
        images.append(candidate.image)
      }
    }
  }
}

extension LayoutImage {
  /// The image by its digest in `repository`, where it has no name of its own.
  fileprivate func named(in repository: String) -> LayoutImage {
    guard reference == nil, let named = try? Reference("\(repository)@\(root.digest)") else { return self }
    return LayoutImage(reference: named, name: named.description, root: root, isReferrer: true)
  }
}
