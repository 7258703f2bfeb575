import Digests
import Files
import Images
import Layouts

/// What cannot be taken out of one of several archives, and can be had all the same, for another archive has it whole.
struct WholeCopies {
  /// Where an image is had instead.
  enum Copy {
    /// The other archive lists it by the same name: that is taken in any case.
    case listed(Layout)
    /// The other archive has all of it, by another name.
    case held(ArchivedImage)
    /// Each manifest and blob that is not right lies in another archive, of which this is one.
    case divided(Layout)

    var path: String {
      switch self {
      case .listed(let layout), .divided(let layout): layout.path
      case .held(let archived): archived.layout.path
      }
    }
  }

  private struct Whole {
    let first: ArchivedImage
    /// The archives that have it, by the names that they list it by.
    var names: [String: Layout] = [:]

    mutating func add(_ archived: ArchivedImage) {
      let label = archived.image.label
      names[label] = names[label] ?? archived.layout
    }
  }

  private let layouts: [Layout]
  private let scope: PlatformScope
  /// By their roots, images that cannot be taken out of some archive, as another has them.
  private var whole: [Digest: Whole] = [:]
  /// The same of those of which an archive lacks what lies in others.
  private var mended: [Digest: Whole] = [:]
  /// By the archive and the root, where that is which an image lacks there.
  private var divided: [ObjectIdentifier: [Digest: Layout]] = [:]
  /// The names under which an image is taken that its archive does not list by them.
  private var taken: Set<NamedRoot> = []

  private struct NamedRoot: Hashable {
    let label: String
    let root: Digest
  }

  /// `found` tells what there is of the images of an archive; of indexes no more is asked for than `scope`.
  init(among layouts: [Layout], for scope: PlatformScope, found: (Layout) -> DamagedImages) throws {
    self.layouts = layouts
    self.scope = scope
    let found = layouts.map(found)
    let roots = Set(found.flatMap(\.absences.keys))
    guard layouts.count > 1, !roots.isEmpty else { return }
    for (layout, found) in zip(layouts, found) {
      // An image may have thousands of names.
      var known: [Digest: Bool] = [:]
      for image in layout.images where roots.contains(image.root.digest) {
        try Task.checkCancellation()
        let root = image.root.digest
        var archived = ArchivedImage(image: image, layout: layout)
        if let error = found.absences[root] {
          if known[root] == nil {
            let holder = try holder(of: image, in: layout, lacking: error)
            known[root] = holder != nil
            divided[ObjectIdentifier(layout), default: [:]][root] = holder
          }
          archived.others = layouts
          if known[root] == true { mended[root, default: Whole(first: archived)].add(archived) }
        } else {
          let isWhole = known[root] ?? isEnough(archived, found)
          known[root] = isWhole
          if isWhole { whole[root, default: Whole(first: archived)].add(archived) }
        }
      }
    }
  }

  /// Whether of an image that is not damaged all is there that is asked for.
  private func isEnough(_ archived: ArchivedImage, _ found: DamagedImages) -> Bool {
    let (image, layout) = (archived.image, archived.layout)
    // What is there for the platforms that are asked for was seen before.
    guard scope == .all else { return true }
    guard found.spared[image.root.digest] == nil, let tree = try? layout.tree(of: image, withKnown: true)
    else { return false }
    return !tree.omitted.contains { layout.omissions[$0.digest]?.reason == .absent }
  }

  /// An archive that has something which `image` lacks in `layout`, where all of that lies in one; nil where something else is
  /// wrong with the image. What is read of the others is proved, and blobs are when they are sent.
  private func holder(
    of image: LayoutImage, in layout: Layout, lacking error: TransferError
  ) throws -> Layout? {
    guard case .imageNotWhole(_, let problems, _) = error, problems.allSatisfy(\.isOfCopy) else { return nil }
    let others = layouts.filter { $0 !== layout }
    var holder: Layout?
    /// Whether it is here, or in another, which is noted.
    func isHeld(_ lies: (Layout) -> Bool) -> Bool {
      if lies(layout) { return true }
      guard let other = others.first(where: lies) else { return false }
      holder = holder ?? other
      return true
    }
    func lies(_ manifest: Descriptor, in layout: Layout) -> Bool { (try? layout.manifest(manifest)) != nil }
    guard lies(image.root, in: layout), image.schema1Digest == nil || (try? layout.schema1(image)) != nil
    else { return nil }
    let walk = try ImageWalk.follow(image, in: layout, orIn: others, isDeep: true)
    guard walk.isSound, let tree = walk.tree else { return nil }
    guard scope == .all || tree.manifests.allSatisfy({ lies($0, in: layout) }) else { return nil }
    guard tree.manifests.allSatisfy({ part in isHeld { lies(part, in: $0) } }),
      tree.blobs.allSatisfy({ part in isHeld { $0.holds(part) } })
    else { return nil }
    let parts = Set(tree.parts.map(\.digest))
    let isHarmed = layouts.contains { layout in
      layout.problems.contains { $0.subject.map(parts.contains) == true }
    }
    return isHarmed ? nil : holder
  }

  /// Where `image` is had, which cannot be taken out of `layout` for `error`; nil where it is nowhere.
  func copy(of image: LayoutImage, in layout: Layout, insteadOf error: TransferError) -> Copy? {
    let root = image.root.digest
    if let copy = whole[root].flatMap({ copy(of: image, in: $0, of: layout, insteadOf: error) }) {
      return copy
    }
    if let holder = divided[ObjectIdentifier(layout)]?[root] { return .divided(holder) }
    return mended[root].flatMap { copy(of: image, in: $0, of: layout, insteadOf: error) }
  }

  private func copy(
    of image: LayoutImage, in whole: Whole, of layout: Layout, insteadOf error: TransferError
  ) -> Copy? {
    if let other = whole.names[image.label] { return .listed(other) }
    // What one list gives a name to and another cannot tell may be another image.
    guard !error.isOfName else { return nil }
    var held = whole.first
    held.image = image.rooted(at: held.image.root)
    held.listing = layout
    return .held(held)
  }

  /// What is to be taken for `image` of `layout`, which is had as `copy` tells; nil where that is taken anyhow.
  mutating func take(_ copy: Copy, for image: LayoutImage, of layout: Layout) -> ArchivedImage? {
    switch copy {
    case .listed: return nil
    case .divided:
      var archived = ArchivedImage(image: image, layout: layout)
      archived.others = layouts
      return archived
    case .held(let archived):
      return taken.insert(NamedRoot(label: image.label, root: image.root.digest)).inserted ? archived : nil
    }
  }
}

extension LayoutProblem {
  /// Whether it is wrong with what one archive has, and another may have it right.
  fileprivate var isOfCopy: Bool {
    switch self {
    case .missing, .wrongSize, .damaged: true
    default: false
    }
  }
}

extension TransferError {
  /// Whether it is of what a name stands for.
  fileprivate var isOfName: Bool {
    guard case .imageNotWhole(_, let problems, _) = self else { return false }
    return problems.contains { problem in
      switch problem {
      case .unreadableImage, .ambiguousName, .disagreement: true
      default: false
      }
    }
  }
}

extension Layout {
  /// Whether `blob` is there with its size.
  func holds(_ blob: Descriptor) -> Bool { blobs[blob.digest]?.size == blob.size }
}

extension ImportedArchives {
  /// The next archive that has `blob` with its size, of those that have not been `tried`: what can be read in place comes before
  /// what passes by once, where that `mayPass`.
  func copy(of blob: Descriptor, besides tried: [Layout], mayPass: Bool = false) -> Layout? {
    let others = layouts.filter { layout in
      layout.holds(blob) && !tried.contains { $0 === layout }
    }
    return others.first { !isStreamed($0) } ?? (mayPass ? others.first : nil)
  }

  /// What `body` makes of `blob`, read from `layout`, or where that has it damaged from the next archive that has it and can be
  /// read in place; `observer` hears of that. Throws what the last one showed.
  func reading<Value>(
    _ blob: Descriptor, from layout: Layout, observer: any TransferObserver,
    _ body: (Layout) throws -> Value
  ) throws -> Value {
    var tried = [layout]
    var current = layout
    while true {
      do {
        return try body(current)
      } catch  where error.isOfOneCopy {
        guard let other = copy(of: blob, besides: tried) else { throw error }
        observer.note(.blobElsewhere(blob: blob.digest, error: error, taken: other.path))
        tried.append(other)
        current = other
      }
    }
  }
}

extension Error {
  /// Whether what is wrong is wrong with an archive, and not with the machine or with what was asked for.
  var isOfOneArchive: Bool {
    let error: any Error = self
    return switch error {
    case LayoutError.cancelled, LayoutError.archive(.noSpace): false
    case is LayoutError, TransferError.damaged, TransferError.incompleteArchive: true
    default: false
    }
  }

  /// Whether a blob is not right as one archive has it, so that it may be in another.
  var isOfOneCopy: Bool {
    if case .damagedBlob? = self as? TransferError { return true }
    switch self as? LayoutError {
    case nil, .cancelled?, .archive(.noSpace)?: return false
    default: return true
    }
  }
}
