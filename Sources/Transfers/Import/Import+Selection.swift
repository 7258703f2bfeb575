import Digests
import Images
import Layouts

/// An image of an archive that is to be imported.
struct SelectedImage: Sendable {
  let layout: Layout
  let image: LayoutImage
  /// With what the archive leaves out because the destination has it.
  var tree: ImageTree
  let referral: Referral?
}

extension Import {
  /// The images asked for and what refers to them; every blob that their archives must hold is there. Those of
  /// which something is not are apart, where the request allows that.
  func select(
    from layouts: [Layout]
  ) throws -> (images: [SelectedImage], notWhole: [ImageFailure]) {
    let wanted = try request.images.map { text in
      guard let glob = Glob(text) else { throw MalformedGlob(pattern: text) }
      return glob
    }
    var unmatched = Set(wanted)
    var selected: [SelectedImage] = []
    var notWhole: [ImageFailure] = []
    for layout in layouts {
      selected += try select(from: layout, wanted, unmatched: &unmatched, notWhole: &notWhole)
    }
    if let missing = unmatched.first {
      let names = Set(layouts.flatMap { $0.images.flatMap(\.names) })
      throw TransferError.notInArchive(
        name: missing.pattern, near: nearNames(to: missing.pattern, among: names))
    }
    if selected.isEmpty, notWhole.isEmpty, request.shard == nil {
      throw TransferError.nothingToImport(archives: layouts.map(\.path))
    }
    return (withoutSuperseded(selected, among: layouts), notWhole)
  }

  /// What the archives list beside images, and no registry takes under a name: unless some images are chosen, it
  /// was to be carried too.
  func strangers(in layouts: [Layout]) -> [ImageFailure] {
    guard request.images.isEmpty, request.shard?.index ?? 1 == 1 else { return [] }
    return layouts.flatMap { layout in
      layout.others.map {
        ImageFailure(
          image: $0.digest.description, error: TransferError.notAnImage(archive: layout.path, $0))
      }
    }
  }

  private func select(
    from layout: Layout, _ wanted: [Glob], unmatched: inout Set<Glob>, notWhole: inout [ImageFailure]
  ) throws -> [SelectedImage] {
    var trees: [Digest: ImageTree] = [:]
    // An image may have thousands of names; it is walked once.
    func tree(_ image: LayoutImage) throws -> ImageTree {
      if let tree = trees[image.root.digest] { return tree }
      let tree = try layout.tree(of: image, withKnown: true)
      trees[image.root.digest] = tree
      return tree
    }
    let absences = request.allowsMissing || settings.keepGoing ? absences(in: layout) : [:]
    let whole = layout.images.filter { absences[$0.root.digest] == nil }
    let referrals = try ArchiveReferrals(whole, in: layout, tree: tree)
    var selected: [SelectedImage] = []
    /// What may be referred to, by repository.
    var chosen: [String: Set<Digest>] = [:]
    /// The same of another shard.
    var others: [String: Set<Digest>] = [:]
    func take(_ image: LayoutImage, _ referral: Referral?) throws {
      let tree = try tree(image)
      try expectHeld(tree, in: layout)
      chosen[image.reference?.repositoryName ?? "", default: []].formUnion(tree.manifests.map(\.digest))
      selected.append(SelectedImage(layout: layout, image: image, tree: tree, referral: referral))
    }
    func isNamed(_ image: LayoutImage) -> Bool {
      let matching = wanted.filter { image.isNamed(by: $0) }
      unmatched.subtract(matching)
      return !matching.isEmpty
    }
    for image in layout.images {
      guard let error = absences[image.root.digest], isNamed(image) || wanted.isEmpty, isShards(image) else {
        continue
      }
      notWhole.append(ImageFailure(image: image.label, error: error))
    }
    for image in referrals.images {
      guard isNamed(image) || wanted.isEmpty else { continue }
      guard isShards(image) else {
        others[image.reference?.repositoryName ?? "", default: []].formUnion(
          try tree(image).manifests.map(\.digest))
        continue
      }
      try take(image, nil)
    }
    for (image, referral) in referrals.referrers {
      let isNamed = isNamed(image)
      guard request.takesReferrers else { continue }
      let repository = image.reference?.repositoryName ?? ""
      guard chosen[repository]?.contains(referral.subject) != true else {
        try take(image, referral)
        continue
      }
      guard others[repository]?.contains(referral.subject) != true else {
        others[repository]?.formUnion(try tree(image).manifests.map(\.digest))
        continue
      }
      // One may be asked for by its own name; and the subject of one may not be here at all.
      guard isNamed || (wanted.isEmpty && referral.depth == 0), isShards(image) else { continue }
      try take(image, referral)
    }
    return selected
  }

  private func isShards(_ image: LayoutImage) -> Bool { request.shard?.holds(image.label) ?? true }

  /// Throws unless every blob in `tree` lies in the archive with its size, or is left out on purpose.
  private func expectHeld(_ tree: ImageTree, in layout: Layout) throws {
    guard tree.blobs.allSatisfy({ layout.problem(with: $0) == nil }) else {
      throw TransferError.damaged(archive: layout.path, findings(in: layout, readings: []), way: nil)
    }
  }

  /// The images without those of earlier archives that a later one, made with `--skip-known` of them, holds by
  /// the same name.
  private func withoutSuperseded(_ images: [SelectedImage], among layouts: [Layout]) -> [SelectedImage] {
    guard layouts.contains(where: { !$0.knownSources.isEmpty }) else { return images }
    var later: [Digest: Set<Digest>] = [:]
    for layout in layouts {
      for source in layout.knownSources { later[source.digest, default: []].insert(layout.archiveDigest) }
    }
    var holders: [String: Set<Digest>] = [:]
    for image in images { holders[image.image.name, default: []].insert(image.layout.archiveDigest) }
    return images.filter { image in
      let archive = image.layout.archiveDigest
      let successors = (later[archive] ?? []).subtracting([archive])
      return image.image.name.isEmpty || successors.isDisjoint(with: holders[image.image.name] ?? [])
    }
  }
}

extension LayoutImage {
  /// Whether `glob` means this image: its full name, or the name without its host, with or without tag.
  func isNamed(by glob: Glob) -> Bool { names.contains { glob.matches($0) } }

  /// The names it can be chosen by.
  var names: [String] {
    guard let reference else { return [label, root.digest.description] }
    // What docker calls alpine is docker.io/library/alpine.
    let isOfficial = reference.host == "docker.io" && reference.repository.hasPrefix("library/")
    let repositories =
      [reference.repository] + (isOfficial ? [String(reference.repository.dropFirst("library/".count))] : [])
    let withTag = reference.tag.map { tag in repositories.map { "\($0):\(tag)" } } ?? []
    return [name, reference.repositoryName] + repositories + withTag
  }
}
