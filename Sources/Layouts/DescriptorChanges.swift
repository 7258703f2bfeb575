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

  private var replacements: [Digest: Replacement]
  private var rewritten: [Digest: Manifest] = [:]

  /// Changes of uncompressed layers.
  public init(layers: [Digest: Replacement]) {
    replacements = layers
  }

  /// What takes the place of a layer, or of a manifest of a tree that was rewritten.
  public subscript(digest: Digest) -> Replacement? { replacements[digest] }

  /// The tree with the changed content, and with all manifests above it changed. Throws ``LayoutError``.
  public mutating func rewrite(_ tree: ImageTree) throws -> ImageTree {
    // Children stand before the indexes that list them.
    for manifest in tree.manifests where replacements[manifest.digest] == nil {
      let new: Manifest
      do { new = try applied(to: manifest) } catch {
        throw LayoutError.notAManifest(manifest.digest, error)
      }
      rewritten[new.digest] = new
      guard new.digest != manifest.digest else { continue }
      replacements[manifest.digest] = Replacement(digest: new.digest, size: Int64(new.bytes.count))
    }
    guard let root = replacements[tree.root.digest] else { return tree }
    let omitted = Set(tree.omitted.map(\.digest))
    return try ImageTree(
      root: Descriptor(mediaType: tree.root.mediaType, digest: root.digest, size: root.size),
      includes: { !omitted.contains($0.digest) }
    ) { descriptor in
      guard let manifest = rewritten[descriptor.digest] else { throw LayoutError.missing(descriptor.digest) }
      return manifest
    }
  }

  private func applied(to manifest: Manifest) throws(ManifestError) -> Manifest {
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
    return try Manifest(bytes: JSONValue.object(members).bytes, mediaType: manifest.mediaType)
  }

  /// Whether a manifest lists anything that changes.
  private func changes(_ manifest: Manifest) -> Bool {
    switch manifest.content {
    case .image(let image):
      image.layers.contains { $0.mediaType.compressedLayer != nil && replacements[$0.digest] != nil }
    case .index(let index):
      index.manifests.contains { entry in
        replacements[entry.digest] != nil
          || entry.attestedDigest.flatMap { try? Digest($0) }.map { replacements[$0] != nil } ?? false
      }
    case .artifact: false
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

  private func replacement(of digest: JSONValue?) -> Replacement? {
    digest?.text.flatMap { try? Digest($0) }.flatMap { replacements[$0] }
  }

  private static func point(_ members: inout [String: JSONValue], to replacement: Replacement) {
    members["digest"] = .string(replacement.digest.description)
    members["size"] = .integer(replacement.size)
    members["data"] = nil
  }
}
