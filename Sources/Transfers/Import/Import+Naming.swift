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
      for image in layout.images {
        let matching = wanted.filter { image.isNamed(by: $0) }
        guard wanted.isEmpty || !matching.isEmpty else { continue }
        unmatched.subtract(matching)
        guard request.shard?.holds(image.name) ?? true else { continue }
        selected.append((layout, image, try provenTree(of: image, in: layout)))
      }
    }
    if let missing = unmatched.first {
      let names = layouts.flatMap { $0.images.map(\.name) }
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

  /// Gives each image its target. Names that no registry takes and targets that two different images
  /// would share are blockers.
  func name(
    _ selected: [(layout: Layout, image: LayoutImage, tree: ImageTree)], blockers: inout [any Error]
  ) -> [ImportImage] {
    var byTarget: [Reference: ImportImage] = [:]
    var collisions: [Reference: Set<String>] = [:]
    for (layout, image, tree) in selected {
      guard let reference = image.reference else {
        blockers.append(TransferError.unnamedImage(archive: layout.path, digest: image.root.digest))
        continue
      }
      do {
        let target = try request.mapping.target(for: reference)
        if let problem = refusal(of: target) {
          blockers.append(
            TransferError.refusedByNGC(source: image.name, target: target, problem))
          continue
        }
        let named = ImportImage(source: image.name, target: target, tree: tree, archive: layout.path)
        if let other = byTarget[target], other.source != named.source || other.digest != named.digest {
          collisions[target, default: [other.source]].insert(named.source)
        }
        byTarget[target] = named
      } catch {
        blockers.append(error)
      }
    }
    for (target, sources) in collisions.sorted(by: { $0.key < $1.key }) {
      blockers.append(TransferError.targetCollision(target: target, sources: sources.sorted()))
    }
    return byTarget.values.sorted { ($0.target, $0.source) < ($1.target, $1.source) }
  }
}

extension Import {
  /// Why NGC would not have `target`; nil where it is not NGC's, or nothing is known against it.
  private func refusal(of target: Reference) -> NGCNameProblem? {
    guard registries.nvidiaHosts.contains(target.host) else { return nil }
    return NGCRules.problem(with: target.repository)
  }
}

extension LayoutImage {
  /// Whether `glob` means this image: its full name, or the name without its host, with or without tag.
  func isNamed(by glob: Glob) -> Bool {
    var names = [name]
    if let reference {
      names.append(reference.repositoryName)
      names.append(reference.repository)
      if let tag = reference.tag { names.append("\(reference.repository):\(tag)") }
    }
    return names.contains { glob.matches($0) }
  }
}
