import Digests
import Images
import Layouts
import NVIDIA

extension Import {
  /// Gives each image its target. Names that no registry takes, or NGC does not, and targets that different
  /// images would share are blockers; the images stay in the list, for the whole of it to be shown.
  func name(
    _ selected: [SelectedImage], blockers: inout [any Error]
  ) -> [ImportImage] {
    var byTarget: [Reference: [ImportImage]] = [:]
    var misfits: [MisfitName] = []
    let isOnly = selected.count { $0.referral == nil } == 1
    var unnamed: [(archive: String, image: UnnamedImage)] = []
    for selected in selected {
      let image = selected.image
      guard let target = target(of: selected, isOnly: isOnly) else {
        // What refers to an image is named with it.
        guard selected.referral == nil else { continue }
        unnamed.append(
          (
            selected.layout.path,
            UnnamedImage(digest: image.root.digest, tag: image.bareTag, name: image.name)
          ))
        continue
      }
      var named = ImportImage(
        source: image.label, target: target, tree: selected.tree, archive: selected.layout.path,
        referral: selected.referral)
      if !RepositoryName.isValid(target.repository) {
        named.state = .refused
        blockers.append(
          TransferError.invalidTarget(source: named.source, target: target.repositoryName))
      } else if let problem = problemOnNGC(with: target) {
        named.state = .refused
        misfits.append(MisfitName(source: named.source, target: target, problem: problem))
      }
      let others = byTarget[named.target] ?? []
      // Repositories that become one may each have the same signature.
      if others.contains(where: {
        $0.digest == named.digest && ($0.source == named.source || named.referral != nil)
      }) {
        continue
      }
      byTarget[named.target, default: []].append(named)
    }
    for (archive, images) in Dictionary(grouping: unnamed, by: \.archive).sorted(by: { $0.key < $1.key }) {
      blockers.append(TransferError.unnamedImages(archive: archive, images.map(\.image)))
    }
    if let given = request.givenName, !isOnly,
      selected.allSatisfy({ $0.image.reference != nil })
    {
      blockers.append(TransferError.nothingToName(given, images: selected.count))
    }
    if !misfits.isEmpty {
      blockers.append(TransferError.refusedByNGC(misfits.sorted { $0.target < $1.target }))
    }
    return byTarget.sorted { $0.key < $1.key }.flatMap { target, images in
      guard images.count > 1 else { return images }
      let sources = Set(images.map(\.source)).sorted()
      blockers.append(TransferError.targetCollision(target: target, sources: sources))
      return images.sorted { $0.source < $1.source }.map { image in
        var image = image
        image.state = .refused
        return image
      }
    }
  }

  /// Where an image goes, though no registry may take the name; nil when it has none. A given name is for
  /// images that have none, or for the only one; what refers to those goes beside them.
  private func target(of selected: SelectedImage, isOnly: Bool) -> Reference? {
    let image = selected.image
    let digest = selected.tree.root.digest
    if let given = request.givenName, isOnly || image.reference == nil {
      let ownTag = image.bareTag ?? image.reference?.tag
      guard let referral = selected.referral else { return request.mapping.unchecked(given, ownTag: ownTag) }
      if referral.depth > 0 { return request.mapping.unchecked(given, referrerTag: ownTag, digest: digest) }
    }
    guard let target = image.reference.map(request.mapping.unchecked) else { return nil }
    // An image that has no tag is called what compressing makes of it.
    guard target.tag == nil, target.digest == image.root.digest else { return target }
    return Reference(host: target.host, repository: target.repository, digest: digest)
  }

  /// Why NGC would not have `target`; nil where it is not NGC's, or nothing is known against it.
  private func problemOnNGC(with target: Reference) -> NGCNameProblem? {
    guard registries.nvidiaHosts.contains(target.host) else { return nil }
    return NGCRules.problem(with: target.repository)
  }
}
