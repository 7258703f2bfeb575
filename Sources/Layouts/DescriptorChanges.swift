public import Digests
public import Images

/// Content that gives way to other content: what manifests that list it become.
///
/// A manifest that lists none of it stays as it is, byte by byte. Of one that does, all else is kept in
/// meaning, in one form of JSON: the same change gives the same bytes each time.
public struct DescriptorChanges: Sendable {
  /// What a layer or manifest becomes; a layer is compressed with gzip then.
  public struct Replacement: Hashable, Sendable {
    public let digest: Digest
    /// In bytes.
    public let size: Int64

    public init(digest: Digest, size: Int64) {
      self.digest = digest
      self.size = size
    }
  }

  /// With the turn in which each became known: a manifest is made again as it was made first, whatever came to be known
  /// after it.
  private var replacements: [Digest: (new: Replacement, turn: Int)]
  /// By the digests of what was made: of what, and in which turn.
  private var originals: [Digest: (manifest: Descriptor, turn: Int)] = [:]

  /// Changes of uncompressed layers.
  public init(layers: [Digest: Replacement]) {
    replacements = layers.mapValues { ($0, 0) }
  }

  /// What takes the place of a layer, or of a manifest of a tree that was rewritten.
  public subscript(digest: Digest) -> Replacement? { replacements[digest]?.new }

  /// The tree with the changed content, and with all manifests above it changed; `fetch` gives those as they were. Throws
  /// ``LayoutError``, and what `fetch` throws.
  public mutating func rewrite(
    _ tree: ImageTree, fetch: (Descriptor) throws -> Manifest
  ) throws -> ImageTree {
    // Children stand before the indexes that list them.
    for descriptor in tree.manifests where replacements[descriptor.digest] == nil {
      let turn = originals.count
      let new = try applied(to: fetch(descriptor), until: turn)
      guard new.digest != descriptor.digest else { continue }
      originals[new.digest] = (descriptor, turn)
      let replacement = Replacement(digest: new.digest, size: Int64(new.bytes.count))
      replacements[descriptor.digest] = (replacement, turn + 1)
    }
    guard let root = self[tree.root.digest] else { return tree }
    let omitted = Set(tree.omitted.map(\.digest))
    return try ImageTree(
      root: Descriptor(mediaType: tree.root.mediaType, digest: root.digest, size: root.size),
      includes: { !omitted.contains($0.digest) }
    ) { try manifest($0, fetch: fetch) }
  }

  /// A manifest of a tree that was rewritten; `fetch` gives what it was made of, or itself where it stayed as it is. Throws
  /// ``LayoutError``, and what `fetch` throws.
  public func manifest(_ descriptor: Descriptor, fetch: (Descriptor) throws -> Manifest) throws -> Manifest {
    guard let original = originals[descriptor.digest] else { return try fetch(descriptor) }
    let manifest = try applied(to: fetch(original.manifest), until: original.turn)
    guard manifest.digest == descriptor.digest else {
      throw LayoutError.wrongContent(
        descriptor.digest, .mismatch(expected: descriptor.digest, actual: manifest.digest))
    }
    return manifest
  }

  /// `manifest` with what was known in a turn.
  private func applied(to manifest: Manifest, until turn: Int) throws(LayoutError) -> Manifest {
    do {
      return try Application(replacements: replacements, turn: turn).applied(to: manifest)
    } catch {
      throw .notAManifest(manifest.digest, error)
    }
  }
}

/// The changes that were known in a turn, made in one manifest.
private struct Application {
  let replacements: [Digest: (new: DescriptorChanges.Replacement, turn: Int)]
  let turn: Int

  private subscript(digest: Digest) -> DescriptorChanges.Replacement? {
    replacements[digest].flatMap { $0.turn <= turn ? $0.new : nil }
  }

  func applied(to manifest: Manifest) throws(ManifestError) -> Manifest {
    guard changes(manifest) else { return manifest }
    let content: JSONValue
    do { content = try DocumentShape.index.decode(JSONValue.self, from: manifest.bytes) } catch {
      throw .malformed(.json(error.jsonFault))
    }
    guard content.isExact else { throw .malformed(.inexactNumber) }
    var members = content.members ?? [:]
    let list = manifest.mediaType.isIndex ? "manifests" : "layers"
    let entries = members[list]?.elements ?? []
    members[list] = .array(entries.map { manifest.mediaType.isIndex ? child($0) : layer($0) })
    return try manifest.rewritten(JSONValue.object(members).bytes)
  }

  /// Whether a manifest lists anything that changes.
  private func changes(_ manifest: Manifest) -> Bool {
    switch manifest.content {
    case .image(let image):
      image.layers.contains { $0.mediaType.compressedLayer != nil && self[$0.digest] != nil }
    case .index(let index):
      index.manifests.contains { entry in
        self[entry.digest] != nil
          || entry.attestedDigest.flatMap { try? Digest($0) }.map { self[$0] != nil } ?? false
      }
    // What a manifest of an unknown type names may be named for more than its layers: it stays as it is.
    case .artifact, .schema1, .opaque: false
    }
  }

  private func layer(_ entry: JSONValue) -> JSONValue {
    guard var members = entry.members,
      let type = members["mediaType"]?.text.flatMap({ MediaType(rawValue: $0).compressedLayer }),
      let replacement = replacement(of: members["digest"])
    else { return entry }
    members["mediaType"] = .string(type.rawValue)
    Self.point(&members, to: replacement)
    return .object(members)
  }

  private func child(_ entry: JSONValue) -> JSONValue {
    guard var members = entry.members else { return entry }
    if let replacement = replacement(of: members["digest"]) { Self.point(&members, to: replacement) }
    // An attestation stands beside the image it speaks of, and says which that is.
    if var annotations = members["annotations"]?.members,
      let subject = replacement(of: annotations[Descriptor.attestedDigestAnnotation])
    {
      annotations[Descriptor.attestedDigestAnnotation] = .string(subject.digest.description)
      members["annotations"] = .object(annotations)
    }
    return .object(members)
  }

  private func replacement(of digest: JSONValue?) -> DescriptorChanges.Replacement? {
    digest?.text.flatMap { try? Digest($0) }.flatMap { self[$0] }
  }

  private static func point(
    _ members: inout [String: JSONValue], to replacement: DescriptorChanges.Replacement
  ) {
    members["digest"] = .string(replacement.digest.description)
    members["size"] = .integer(replacement.size)
    members["data"] = nil
  }
}
