import Digests
import Images
import Layouts
import NVIDIA

extension Import {
  /// The images asked for, with their trees; every blob that the archive must hold is there.
  func select(from layouts: [Layout]) throws -> [(layout: Layout, image: LayoutImage, tree: ImageTree)] {
    let wanted = try request.images.map { text in
      guard let glob = Glob(text) else { throw MalformedGlob(pattern: text) }
      return glob
    }
    var unmatched = Set(wanted)
    var selected: [(layout: Layout, image: LayoutImage, tree: ImageTree)] = []
    for layout in layouts {
      var trees: [Digest: ImageTree] = [:]
      for image in layout.images {
        let matching = wanted.filter { image.isNamed(by: $0) }
        guard wanted.isEmpty || !matching.isEmpty else { continue }
        unmatched.subtract(matching)
        guard request.shard?.holds(image.name) ?? true else { continue }
        // An image may have thousands of names; it is walked once.
        let tree = try trees[image.root.digest] ?? provenTree(of: image, in: layout)
        trees[image.root.digest] = tree
        selected.append((layout, image, tree))
      }
    }
    if let missing = unmatched.first {
      let names = Set(layouts.flatMap { $0.images.flatMap(\.names) })
      throw TransferError.notInArchive(
        name: missing.pattern, near: nearNames(to: missing.pattern, among: names))
    }
    return selected
  }

  /// The image's tree, once every blob in it is known to lie in the archive with its size.
  private func provenTree(of image: LayoutImage, in layout: Layout) throws -> ImageTree {
    let tree = try layout.tree(of: image)
    let problems = tree.blobs.compactMap { layout.problem(with: $0) }
    guard problems.isEmpty else {
      throw TransferError.damaged(archive: layout.path, problems: problems)
    }
    return tree
  }

  /// Gives each image its target. Names that no registry takes, or NGC does not, and targets that different
  /// images would share are blockers; the images stay in the list, for the whole of it to be shown.
  func name(
    _ selected: [(layout: Layout, image: LayoutImage, tree: ImageTree)], blockers: inout [any Error]
  ) -> [ImportImage] {
    var byTarget: [Reference: [ImportImage]] = [:]
    var misfits: [MisfitName] = []
    for (layout, image, tree) in selected {
      guard let reference = image.reference else {
        blockers.append(TransferError.unnamedImage(archive: layout.path, digest: image.root.digest))
        continue
      }
      var named = ImportImage(
        source: image.name, target: request.mapping.unchecked(reference), tree: tree, archive: layout.path)
      do {
        _ = try request.mapping.target(for: reference)
        if let problem = problemOnNGC(with: named.target) {
          named.state = .refused
          misfits.append(MisfitName(source: image.name, target: named.target, problem: problem))
        }
      } catch {
        named.state = .refused
        blockers.append(error)
      }
      let others = byTarget[named.target] ?? []
      if others.contains(where: { $0.source == named.source && $0.digest == named.digest }) { continue }
      byTarget[named.target, default: []].append(named)
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

  /// Why NGC would not have `target`; nil where it is not NGC's, or nothing is known against it.
  private func problemOnNGC(with target: Reference) -> NGCNameProblem? {
    guard registries.nvidiaHosts.contains(target.host) else { return nil }
    return NGCRules.problem(with: target.repository)
  }
}

extension LayoutImage {
  /// Whether `glob` means this image: its full name, or the name without its host, with or without tag.
  func isNamed(by glob: Glob) -> Bool { names.contains { glob.matches($0) } }

  /// The names it can be chosen by.
  fileprivate var names: [String] {
    guard let reference else { return [name] }
    let withTag = reference.tag.map { ["\(reference.repository):\($0)"] } ?? []
    return [name, reference.repositoryName, reference.repository] + withTag
  }
}
