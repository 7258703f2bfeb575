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
    var waiting: [(image: LayoutImage, referral: Referral)] = []
    for image in chosen ?? layout.images {
      if let referral = try Referral(image, manifest: { try layout.manifest(image.root) }) {
        waiting.append((image, referral))
      } else {
        images.append(image)
      }
    }
    guard !waiting.isEmpty else { return }
    var depths: [Place: Int] = [:]
    var repositories: [Digest: Set<String>] = [:]
    func note(_ image: LayoutImage, depth: Int) throws {
      guard let repository = image.reference?.repositoryName else { return }
      for manifest in try tree(image).manifests {
        repositories[manifest.digest, default: []].insert(repository)
        let place = Place(repository: repository, manifest: manifest.digest)
        depths[place] = min(depths[place] ?? depth, depth)
      }
    }
    for image in images { try note(image, depth: 0) }
    while true {
      var left: [(image: LayoutImage, referral: Referral)] = []
      var found: [(image: LayoutImage, referral: Referral)] = []
      for (image, referral) in waiting {
        // What another tool listed without a name belongs to every repository that has its subject.
        let homes =
          image.reference.map { [$0.repositoryName] } ?? repositories[referral.subject]?.sorted() ?? []
        let placed = homes.compactMap { home -> (LayoutImage, Referral)? in
          guard let depth = depths[Place(repository: home, manifest: referral.subject)] else { return nil }
          var referral = referral
          referral.depth = depth + 1
          return (image.named(in: home), referral)
        }
        if placed.isEmpty { left.append((image, referral)) } else { found += placed }
      }
      for (image, referral) in found { try note(image, depth: referral.depth) }
      referrers += found
      waiting = left
      if found.isEmpty { break }
    }
    for (image, referral) in waiting {
      var referral = referral
      referral.depth = 0
      // Its subject is elsewhere: a tag is a tag like any other then.
      if referral.tag == nil, image.reference != nil {
        referrers.append((image, referral))
      } else {
        images.append(image)
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
