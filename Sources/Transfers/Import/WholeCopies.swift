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
    /// Its manifests are right, and each blob that is not lies in another archive, of which this is one.
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
  /// By their roots, images that cannot be taken out of some archive, as another has them.
  private var whole: [Digest: Whole] = [:]
  /// The same of those of which an archive lacks blobs that lie in others.
  private var mended: [Digest: Whole] = [:]
  /// By the archive and the root, where the blobs are that an image lacks there.
  private var divided: [ObjectIdentifier: [Digest: Layout]] = [:]
  /// The names under which an image is taken that its archive does not list by them.
  private var taken: Set<NamedRoot> = []

  private struct NamedRoot: Hashable {
    let label: String
    let root: Digest
  }

  /// `absences` tells what keeps images of an archive from being taken, by their roots; `isEnough` whether of an image that is
  /// not among those all is there that is asked for.
  init(
    among layouts: [Layout], absences: (Layout) -> [Digest: TransferError],
    isEnough: (ArchivedImage) -> Bool
  ) throws {
    self.layouts = layouts
    let lost = layouts.map(absences)
    let roots = Set(lost.flatMap(\.keys))
    guard layouts.count > 1, !roots.isEmpty else { return }
    for (layout, lost) in zip(layouts, lost) {
      // An image may have thousands of names.
      var known: [Digest: Bool] = [:]
      for image in layout.images where roots.contains(image.root.digest) {
        try Task.checkCancellation()
        let root = image.root.digest
        let archived = ArchivedImage(image: image, layout: layout)
        if let error = lost[root] {
          if known[root] == nil {
            let holder = holder(of: image, in: layout, lacking: error)
            known[root] = holder != nil
            divided[ObjectIdentifier(layout), default: [:]][root] = holder
          }
          if known[root] == true { mended[root, default: Whole(first: archived)].add(archived) }
        } else {
          let isWhole = known[root] ?? isEnough(archived)
          known[root] = isWhole
          if isWhole { whole[root, default: Whole(first: archived)].add(archived) }
        }
      }
    }
  }

  /// An archive that has blobs which `image` lacks in `layout`, where each of them lies in one; nil where something else is wrong
  /// with the image.
  private func holder(of image: LayoutImage, in layout: Layout, lacking error: TransferError) -> Layout? {
    guard case .imageNotWhole(_, let problems, _) = error else { return nil }
    var holder: Layout?
    for problem in problems {
      let wanted: (digest: Digest, size: Int64)
      switch problem {
      case .missing(let blob): wanted = (blob.digest, blob.size)
      case .wrongSize(let digest, let expected, _): wanted = (digest, expected)
      default: return nil
      }
      guard let other = layouts.first(where: { $0.blobs[wanted.digest]?.size == wanted.size }) else {
        return nil
      }
      holder = holder ?? other
    }
    // A manifest that is not there is no blob that could be brought.
    return (try? layout.tree(of: image)) == nil ? nil : holder
  }

  /// Where `image` is had, which cannot be taken out of `layout` for `error`; nil where it is nowhere.
  func copy(of image: LayoutImage, in layout: Layout, insteadOf error: TransferError) -> Copy? {
    let root = image.root.digest
    if let copy = whole[root].flatMap({ copy(of: image, in: $0, insteadOf: error) }) { return copy }
    if let holder = divided[ObjectIdentifier(layout)]?[root] { return .divided(holder) }
    return mended[root].flatMap { copy(of: image, in: $0, insteadOf: error) }
  }

  private func copy(of image: LayoutImage, in whole: Whole, insteadOf error: TransferError) -> Copy? {
    if let other = whole.names[image.label] { return .listed(other) }
    // What one list gives a name to and another cannot tell may be another image.
    guard !error.isOfName else { return nil }
    return .held(
      ArchivedImage(
        image: LayoutImage(
          reference: image.reference, name: image.name, root: whole.first.image.root,
          isReferrer: image.isReferrer),
        layout: whole.first.layout))
  }

  /// What is to be taken for `image` of `layout`, which is had as `copy` tells; nil where that is taken anyhow.
  mutating func take(_ copy: Copy, for image: LayoutImage, of layout: Layout) -> ArchivedImage? {
    switch copy {
    case .listed: nil
    case .divided: ArchivedImage(image: image, layout: layout)
    case .held(let archived):
      taken.insert(NamedRoot(label: image.label, root: image.root.digest)).inserted ? archived : nil
    }
  }
}

extension TransferError {
  /// Whether it is of what a name stands for.
  fileprivate var isOfName: Bool {
    guard case .imageNotWhole(_, let problems, _) = self else { return false }
    return problems.contains { if case .unreadableImage = $0 { true } else { false } }
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
  /// Whether a blob is not right as one archive has it, so that it may be in another.
  var isOfOneCopy: Bool {
    if case .damagedBlob? = self as? TransferError { return true }
    switch self as? LayoutError {
    case nil, .cancelled?, .archive(.noSpace)?: return false
    default: return true
    }
  }
}
