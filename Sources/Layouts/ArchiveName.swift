import Digests
import Images

/// What the lists of an archive call an image, told apart: names that a registry could know it by, and what only looks
/// like one.
///
/// Tools write digests, image IDs, `<none>` and addresses with a scheme where a name belongs. None of these may become
/// a repository: who imports such an image has to say what it is called.
enum ArchiveName {
  /// The name of the image with this root that `index.json` gives as `text`; nil where it is a tag and no more, or no
  /// name. Names without a host, which skopeo writes too, are docker's.
  static func reference(_ text: String, of root: Digest) -> Reference? {
    guard let reference = try? Reference(anyTag: text) else {
      guard text.contains("/") || text.contains(":") else { return nil }
      return dockerReference(text, of: root)
    }
    return checked(reference, of: root)
  }

  /// The same for a name as docker writes it.
  static func dockerReference(_ text: String, of root: Digest) -> Reference? {
    guard !transports.contains(where: { text.hasPrefix($0 + ":") }) else { return nil }
    return (try? Reference(dockerName: text)).flatMap { checked($0, of: root) }
  }

  /// The same where the manifest, and so its digest, is made here: a name by the digest that some registry knew the image by
  /// keeps its repository, and its tag where it has one.
  static func savedReference(_ text: String, of root: Digest) -> Reference? {
    if let reference = dockerReference(text, of: root) { return reference }
    guard let given = try? Reference(dockerName: text), given.digest != nil else { return nil }
    let kept =
      given.tag.map { given.with(tag: $0) }
      ?? Reference(host: given.host, repository: given.repository, digest: root)
    return dockerReference(kept.description, of: root)
  }

  /// Whether `text` is an image's ID or the hexadecimal part of a digest, which docker takes for no name, and nobody
  /// for a tag.
  static func isID(_ text: some StringProtocol) -> Bool {
    [64, 96, 128].contains(text.utf8.count) && isHexadecimal(text)
  }

  /// Whether `text` is an image's ID as docker shows it, whole or cut. In docker's own lists it stands for no name; in
  /// an `index.json` so short a one may be a commit's, which many take for a tag.
  static func isShownID(_ text: String) -> Bool {
    [12, 64].contains(text.utf8.count) && isHexadecimal(text)
  }

  /// Whether `text` is what tools write where an image has no name: nothing, an ID, `<none>`, where it lies, or a digest, of
  /// whatever repository.
  static func standsForNone(_ text: String) -> Bool {
    text.isEmpty || isID(text) || isShownID(text) || text.contains("<none>") || (try? Digest(text)) != nil
      || transports.contains { text.hasPrefix($0 + ":") } || (try? Reference(dockerName: text))?.digest != nil
  }

  /// How skopeo and podman write where an image lies, not what it is called.
  private static let transports = [
    "docker-archive", "docker-daemon", "oci-archive", "containers-storage",
  ]

  private static func isHexadecimal(_ text: some StringProtocol) -> Bool {
    text.utf8.allSatisfy {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0 | 0x20)
    }
  }

  /// `reference`, unless it is a digest in disguise or names another image than this.
  private static func checked(_ reference: Reference, of root: Digest) -> Reference? {
    if let digest = reference.digest, digest != root { return nil }
    let last = reference.repository.split(separator: "/").last ?? ""
    return reference.isDigestInDisguise || isID(last) ? nil : reference
  }
}

/// The names by which the readers of an `index.json` know its images. One reader goes by the full name, another by
/// what image-spec gives as the reference, and that one may be a tag and no more.
enum ReaderNames {
  /// What was met of a name.
  private struct Holders {
    var roots: Set<Digest> = []
    /// The platforms of those; nil where one has none.
    var platforms: Set<Platform?> = []
    var isAmbiguous = false

    init(_ first: Descriptor) { add(first) }

    /// One name may stand for an image of each platform (image-spec `image-layout.md`).
    mutating func add(_ root: Descriptor) {
      guard roots.insert(root.digest).inserted else { return }
      let isNew = platforms.insert(root.platform).inserted
      if roots.count > 1, !isNew || platforms.contains(nil) { isAmbiguous = true }
    }
  }

  /// Names that stand for two of these images, to one reader or to two of them, sorted.
  static func ambiguous(among images: [LayoutImage]) -> [String] {
    // Tens of thousands of names may be of one image each: of these no more is kept than where in `images` it stands.
    var first: [String: Int32] = [:]
    var several: [String: Holders] = [:]
    let own = subjects(among: images)
    for (place, image) in images.enumerated()
    where !image.isReferrer && !isAttestation(image, of: own) && !AttachedContent.isAttached(image.root) {
      for name in names(of: image) {
        guard let other = first[name].map({ images[Int($0)].root }) else {
          first[name] = Int32(clamping: place)
          continue
        }
        guard other.digest != image.root.digest || several[name] != nil else { continue }
        several[name, default: Holders(other)].add(image.root)
      }
    }
    return several.filter(\.value.isAmbiguous).map(\.key).sorted()
  }

  /// What gives those images their names that attestations among `images` speak of, by their digests.
  private static func subjects(among images: [LayoutImage]) -> [String: [String?]] {
    let subjects = Set(images.lazy.compactMap(\.root.attestedDigest))
    var own: [String: [String?]] = [:]
    for image in subjects.isEmpty ? [] : images {
      let digest = image.root.digest.description
      if subjects.contains(digest), own[digest] == nil { own[digest] = given(image) }
    }
    return own
  }

  /// The two annotations that give an image its names.
  private static func given(_ image: LayoutImage) -> [String?] {
    [IndexFile.nameAnnotation, IndexFile.refNameAnnotation].map { image.root.annotations?[$0] }
  }

  /// Whether an image is an attestation as buildkit lists them: for no platform, and beside the image that it speaks of,
  /// of which the names are. Under any other name it is what readers find there.
  private static func isAttestation(_ image: LayoutImage, of own: [String: [String?]]) -> Bool {
    guard let subject = image.root.attestedDigest, let platform = image.root.platform else { return false }
    return platform == Platform(os: "unknown", architecture: "unknown") && own[subject] == given(image)
  }

  /// The full names of an image; of one that has none, its tags. What image-spec gives as the reference is one whatever
  /// the other annotation says, for some readers look at no other.
  static func names(of image: LayoutImage) -> Set<String> {
    var names: Set<String> = []
    if let reference = image.reference {
      // Mostly the same text, which then is in memory once.
      if let name = name(reference) { names.insert(name == image.name ? image.name : name) }
    } else if let tag = image.bareTag {
      names.insert(tag)
    }
    guard let given = image.root.annotations?[IndexFile.refNameAnnotation], given != image.name else {
      return names
    }
    if RepositoryName.isValidTag(given), !ArchiveName.isID(given) {
      // The tag of an image that has a name by digest is of no use to those who look for a tag.
      guard let reference = image.reference else { return names.union([given]) }
      if reference.digest == nil { names.insert("\(reference.repositoryName):\(given)") }
    } else if let other = fullName(given, of: image), let name = name(other) {
      names.insert(name)
    }
    return names
  }

  /// What a reference that is no tag stands for.
  private static func fullName(_ given: String, of image: LayoutImage) -> Reference? {
    if let whole = try? Reference(anyTag: given) { return whole }
    // Some leave the host out, of whatever registry.
    guard let host = image.reference?.host, host != "docker.io" else {
      return ArchiveName.reference(given, of: image.root.digest)
    }
    return image.reference?.digest == nil ? try? Reference("\(host)/\(given)") : nil
  }

  /// A name as it is compared: docker's registry has two, and without a tag it is the latest. nil for one by digest,
  /// which can mean one image alone.
  static func name(_ reference: Reference) -> String? {
    guard reference.digest == nil else { return nil }
    let host = reference.host == "index.docker.io" ? "docker.io" : reference.host
    let name = "\(host)/\(reference.repository):\(reference.identifier)"
    // Of no other is there another form.
    guard host == "docker.io", !reference.repository.contains("/") else { return name }
    return (try? Reference(name)).map(\.description) ?? name
  }
}
