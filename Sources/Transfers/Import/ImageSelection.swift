import Digests
import Images
import Layouts

/// An image of an archive that is to be imported.
struct SelectedImage: Sendable {
  let layout: Layout
  /// The path of the archive in whose list it stands by its name.
  let listedIn: String
  let image: LayoutImage
  /// With what the archive leaves out because the destination has it.
  var tree: ImageTree
  /// The manifests of ``tree``.
  var manifests: ImportManifests
  @Seldom private(set) var referral: Referral?
  /// Where ``tree`` is that of one platform alone: what it was taken out of.
  @Seldom var origin: PlatformOrigin?
  /// What refers to it, and is not pushed.
  var referrersLeft: [UncarriedReferrer] = []
  /// Where its name is another image's: then ``image`` is named by its digest.
  @Seldom var superseded: SupersededName?

  init(_ archived: ArchivedImage, tree: ImageTree, referral: Referral?) {
    layout = archived.layout
    listedIn = archived.home.path
    image = archived.image
    self.tree = tree
    self.referral = referral
    manifests = ImportManifests(layout, orIn: archived.others)
  }

  /// The index in whose place it stands since its export, which took some platforms alone; nil where it is no such.
  var takenFrom: Digest? { origin == nil ? layout.indexDigest(of: image) : nil }
}

/// What an import takes out of its archives.
struct SelectedImages: Sendable {
  let images: [SelectedImage]
  /// Images that were asked for and of which something is missing, where the request allows that.
  let incomplete: [ImageFailure]
  /// What the archives list beside images, and no registry takes under a name.
  let strangers: [ImageFailure]
  /// What is worth a line of what is taken.
  let notes: [TransferNote]
}

/// The second step of an import: the images asked for and what refers to them.
struct ImageSelection: Sendable {
  private let request: ImportRequest
  /// Whether images of which something is missing are put aside, and do not stop the others.
  private let allowsIncomplete: Bool
  /// Whether there is an option that takes the images that are whole.
  private let offersWays: Bool

  init(_ request: ImportRequest, keepGoing: Bool, offersWays: Bool = true) {
    self.request = request
    self.offersWays = offersWays
    allowsIncomplete = request.allowsMissing || keepGoing
  }

  /// Every blob that the archives must hold of what is selected is there. Throws ``TransferError/notInArchive(name:near:)``,
  /// ``TransferError/nothingToImport(archives:)``, ``TransferError/dividedImage(name:archives:)``, ``MalformedGlob``. Blocks.
  func select(from archives: ImportedArchives) throws -> SelectedImages {
    let layouts = archives.layouts
    let wanted = try request.images.map { text in
      guard let glob = Glob(text) else { throw MalformedGlob(pattern: text) }
      return glob
    }
    var choice = try ImageChoice(
      from: archives, request: request, wanted: wanted, allowsIncomplete: allowsIncomplete,
      offersWays: offersWays)
    try choice.make()
    try choice.leaveOut(archives.putAside)
    if let missing = wanted.first(where: { !choice.matched.contains($0) }) {
      let names = Set(layouts.flatMap { $0.images.flatMap(\.names) })
      throw TransferError.notInArchive(
        name: missing.pattern, near: nearNames(to: missing.pattern, among: names))
    }
    if choice.selected.isEmpty, choice.incomplete.isEmpty, request.shard == nil {
      throw TransferError.nothingToImport(archives: layouts.map(\.path))
    }
    let (images, divided) = try fullest(of: choice.selected)
    return SelectedImages(
      images: images, incomplete: choice.incomplete + divided, strangers: strangers(in: layouts),
      notes: choice.notes)
  }

  /// Of an image that lies in several archives the one of which there is most: tools save of an index the platforms that they
  /// have. Where no archive has all that the others have of it, that is ``TransferError/dividedImage(name:archives:)``, which is
  /// thrown, unless images may be put aside: then it fails, and what refers to it with it.
  private func fullest(
    of images: [SelectedImage]
  ) throws -> (images: [SelectedImage], divided: [ImageFailure]) {
    struct Name: Hashable {
      let label: String
      let root: Digest
    }
    guard let first = images.first, images.contains(where: { $0.layout !== first.layout }) else {
      return (images, [])
    }
    let places = Dictionary(grouping: images.indices) {
      Name(label: images[$0].image.label, root: images[$0].image.root.digest)
    }
    func parts(of place: Int) -> Set<Digest> { Set(images[place].tree.parts.map(\.digest)) }
    var referrersLeft: [Int: [UncarriedReferrer]] = [:]
    var passedOver: Set<Int> = []
    var divided: [(place: Int, failure: ImageFailure)] = []
    for (name, places) in places.sorted(by: { $0.value[0] < $1.value[0] }) where places.count > 1 {
      try Task.checkCancellation()
      var best = places[0]
      var most = parts(of: best)
      for place in places.dropFirst() {
        let others = parts(of: place)
        if others.count > most.count { (best, most) = (place, others) }
      }
      let left = places.filter { $0 != best }
      passedOver.formUnion(left)
      guard !left.allSatisfy({ parts(of: $0).isSubset(of: most) }) else {
        referrersLeft[best] = left.flatMap { images[$0].referrersLeft }
        continue
      }
      let error = TransferError.dividedImage(
        name: name.label, archives: places.map { images[$0].layout.path })
      guard allowsIncomplete else { throw error }
      passedOver.insert(best)
      divided.append((best, ImageFailure(image: name.label, error: error)))
    }
    var kept = images
    for (place, referrers) in referrersLeft { kept[place].referrersLeft += referrers }
    kept = kept.indices.filter { !passedOver.contains($0) }.map { kept[$0] }
    guard !divided.isEmpty else { return (kept, []) }
    let lost = Self.withoutReferrers(to: divided.map { images[$0.place] }, of: kept)
    return (lost.kept, divided.map(\.failure) + lost.failures)
  }

  /// `images` without what refers to those that are `lost` and to nothing that is left, or to what goes with them, and that as
  /// failures.
  private static func withoutReferrers(
    to lost: [SelectedImage], of images: [SelectedImage]
  ) -> (kept: [SelectedImage], failures: [ImageFailure]) {
    func contents(_ image: SelectedImage) -> [RepositoryContent] {
      let repository = image.image.reference?.repositoryName ?? ""
      return image.tree.manifests.map { RepositoryContent(repository: repository, digest: $0.digest) }
    }
    var gone: [RepositoryContent: String] = [:]
    for image in lost { for part in contents(image) { gone[part] = image.image.label } }
    for image in images where image.referral == nil { for part in contents(image) { gone[part] = nil } }
    var kept: [SelectedImage] = []
    var failures: [ImageFailure] = []
    // What refers to something stands behind it.
    for image in images {
      let repository = image.image.reference?.repositoryName ?? ""
      guard let subject = image.referral?.subject,
        let name = gone[RepositoryContent(repository: repository, digest: subject)]
      else {
        kept.append(image)
        continue
      }
      failures.append(ImageFailure(image: image.image.label, error: TransferError.subjectFailed(name)))
      for part in contents(image) { gone[part] = image.image.label }
    }
    return (kept, failures)
  }

  /// Unless some images are chosen, what is no image was to be carried too.
  private func strangers(in layouts: [Layout]) -> [ImageFailure] {
    guard request.images.isEmpty, request.shard?.index ?? 1 == 1 else { return [] }
    return layouts.flatMap { layout in
      layout.others.map {
        ImageFailure(
          image: $0.digest.description, error: TransferError.notAnImage(archive: layout.path, $0))
      }
    }
  }
}

extension LayoutImage {
  /// Whether `glob` means this image: its full name, or the name without its host, with or without tag.
  func isNamed(by glob: Glob) -> Bool { names.contains { glob.matches($0) } }

  /// The names it can be chosen by.
  fileprivate var names: [String] {
    guard let reference else { return [label, root.digest.description] }
    // What docker calls alpine is docker.io/library/alpine.
    let isOfficial = reference.host == "docker.io" && reference.repository.hasPrefix("library/")
    let repositories =
      [reference.repository] + (isOfficial ? [String(reference.repository.dropFirst("library/".count))] : [])
    let withTag = reference.tag.map { tag in repositories.map { "\($0):\(tag)" } } ?? []
    return [name, reference.repositoryName] + repositories + withTag + [digest.description]
  }
}
