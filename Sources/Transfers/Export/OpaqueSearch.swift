import Digests
import Images
import Registry

/// Reads manifests of one repository, and finds out of those whose types Ferry does not know what they name that the repository
/// has: as manifests what it gives as such, all else as blobs. What it does not have is not carried, and told.
final class OpaqueSearch {
  private let client: RegistryClient
  private let repository: String
  /// Manifests of such types that were found, with what they name.
  private var records: OpaqueManifests = [:]
  /// How much was asked for.
  private var asked = 0

  /// The most that one image may have asked for, so that a hostile registry cannot ask for work without end.
  private static let mostAsked = 20_000

  init(_ client: RegistryClient, repository: String) {
    self.client = client
    self.repository = repository
  }

  /// The manifest that `descriptor` points at, proved, with what is to be known of it. Throws `RegistryError` and
  /// ``ManifestError``.
  func manifest(_ descriptor: Descriptor) throws -> Manifest {
    let manifest = try client.manifest(
      descriptor.digest.description, of: repository, as: descriptor.mediaType)
    return try Manifest(bytes: complete(manifest).bytes, as: descriptor, opaque: records)
  }

  /// `manifest`, as the registry gave it, with what is to be known of it and what it lists. Throws `RegistryError` and
  /// ``ManifestError``.
  func complete(_ manifest: Manifest) throws -> Manifest {
    switch manifest.content {
    case .index:
      for entry in manifest.unknownManifests where records[entry.digest] == nil {
        if let child = try child(entry.digest, as: entry.mediaType), child.mediaType == entry.mediaType {
          try expect(child.descriptor, entry)
          _ = try record(of: child, depth: 1)
        }
      }
    case .opaque: _ = try record(of: manifest, depth: 0)
    case .image, .artifact, .schema1: return manifest
    }
    return try Manifest(bytes: manifest.bytes, mediaType: manifest.mediaType, opaque: records)
  }

  /// A manifest that something lists; nil where the repository has none under that digest.
  private func child(_ digest: Digest, as type: MediaType?) throws -> Manifest? {
    try ask()
    do {
      return try client.manifestIfPresent(digest.description, of: repository, as: type)
    } catch RegistryError.notAManifest {
      return nil
    } catch RegistryError.refused(_, 400..<500, _) {
      // A registry may say so of what is a blob there.
      return nil
    }
  }

  /// What is known of a manifest of an unknown type, which is kept, and nothing of any other.
  private func record(of manifest: Manifest, depth: Int) throws -> OpaqueRecord? {
    guard case .opaque = manifest.content else { return nil }
    if let known = records[manifest.digest] { return known }
    guard depth <= ImageTree.deepest else { throw ManifestError.malformed(.nestedTooDeeply) }
    var found: [Descriptor] = []
    for entry in try NamedContent(in: manifest.bytes).entries {
      if let part = try part(entry, depth: depth) { found.append(part) }
    }
    let record = OpaqueRecord(manifest.descriptor, found: found)
    records[manifest.digest] = record
    return record
  }

  /// What of the repository a manifest names by `entry`; nil where that is nothing.
  private func part(_ entry: NamedContent.Entry, depth: Int) throws -> Descriptor? {
    if entry.mayBeManifest, let child = try child(entry.digest, as: entry.mediaType) {
      let isNamed = entry.mediaType.map { $0 == child.mediaType } ?? true
      let isOpaque = try isNamed && record(of: child, depth: depth + 1) != nil
      if isNamed, isOpaque || child.mediaType.isManifest {
        return try sized(child.descriptor, as: entry)
      }
    }
    let type = entry.mediaType ?? .octetStream
    guard !type.isManifest else { return nil }
    try ask()
    guard let size = try client.blobSize(entry.digest, in: repository) else { return nil }
    return try sized(Descriptor(mediaType: type, digest: entry.digest, size: size), as: entry)
  }

  private func sized(_ part: Descriptor, as entry: NamedContent.Entry) throws(ManifestError) -> Descriptor {
    if let size = entry.size, size != part.size {
      throw .malformed(.otherSize(part.digest, size, actual: part.size))
    }
    return part
  }

  private func expect(_ part: Descriptor, _ entry: Descriptor) throws(ManifestError) {
    guard part.size == entry.size else {
      throw .malformed(.otherSize(part.digest, entry.size, actual: part.size))
    }
  }

  private func ask() throws {
    try Task.checkCancellation()
    asked += 1
    guard asked <= Self.mostAsked else { throw ManifestError.malformed(.namesTooMuch(limit: Self.mostAsked)) }
  }
}
