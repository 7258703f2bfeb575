import Digests
public import Files
public import Images

/// A manifest that was read once and of which the bytes alone are kept, in memory or where they can be read again: what it
/// says takes a few times their room. What is read again is proved again.
public struct ManifestBytes: Sendable {
  /// An archive: many manifests lie in it.
  final class Archive: Sendable {
    let file: any RandomAccess

    init(_ file: any RandomAccess) { self.file = file }
  }

  private enum Place: Sendable {
    case memory([UInt8])
    case spool(SpooledContent, offset: Int64)
    case archive(Archive, offset: Int64)
  }

  /// Its type, digest and size.
  public let descriptor: Descriptor
  private let opaque: OpaqueManifests
  private let place: Place

  /// The bytes of `manifest`, in memory.
  public init(_ manifest: Manifest) {
    self.init(manifest, manifest.descriptor, .memory(manifest.bytes))
  }

  /// The same of one that lies at `offset` of `archive`. `descriptor` is the manifest's own, as it is kept.
  init(_ manifest: Manifest, as descriptor: Descriptor, at offset: Int64, of archive: Archive) {
    self.init(manifest, descriptor, .archive(archive, offset: offset))
  }

  private init(_ manifest: Manifest, _ descriptor: Descriptor, _ place: Place) {
    self.descriptor = descriptor
    self.place = place
    opaque = manifest.opaque
  }

  private init(_ former: ManifestBytes, _ descriptor: Descriptor, _ place: Place) {
    self.descriptor = descriptor
    self.place = place
    opaque = former.opaque
  }

  /// The same, with its bytes in `content` if they are in memory, and with a descriptor that `share` gives. Throws what laying
  /// them down throws.
  public func moved(
    to content: SpooledContent, share: (Descriptor) -> Descriptor
  ) throws(FileError) -> ManifestBytes {
    guard case .memory(let bytes) = place else { return self }
    return ManifestBytes(
      self, share(descriptor), .spool(content, offset: try unsafe content.append(bytes.span.bytes)))
  }

  var digest: Digest { descriptor.digest }

  /// The bytes, which have the digest. Throws `archive` when they cannot be read, and ``LayoutError/wrongContent(_:_:)``
  /// when they are not what they were.
  func bytes() throws(LayoutError) -> [UInt8] {
    if case .memory(let bytes) = place { return bytes }
    let bytes = try stored()
    do throws(DigestError) {
      var verifier = BlobVerifier(digest: digest, size: descriptor.size)
      try unsafe verifier.update(bytes.span.bytes)
      _ = try verifier.finish()
    } catch {
      throw .wrongContent(digest, error)
    }
    return bytes
  }

  /// What it says. Throws `archive` and ``LayoutError/cancelled``, and ``LayoutError/notAManifest(_:_:)`` when it is no longer
  /// what it was.
  func decoded() throws(LayoutError) -> Manifest {
    do throws(ManifestError) {
      if case .memory(let bytes) = place {
        return try Manifest(
          bytes: bytes, mediaType: descriptor.mediaType, opaque: opaque, by: digest.algorithm)
      }
    } catch {
      throw .notAManifest(digest, error)
    }
    try LayoutError.checkCancellation()
    let bytes = try stored()
    do { return try Manifest(bytes: bytes, as: descriptor, opaque: opaque) } catch {
      throw .notAManifest(digest, error)
    }
  }

  /// What is known of it, where its type is none that Ferry knows.
  var record: OpaqueRecord? { opaque.isEmpty ? nil : opaque[digest] }

  /// The bytes as they lie, unproved.
  private func stored() throws(LayoutError) -> [UInt8] {
    switch place {
    case .memory(let bytes): bytes
    case .spool(let content, let offset):
      try BlobExtent(offset: offset, size: descriptor.size).bytes(in: content)
    case .archive(let archive, let offset):
      try BlobExtent(offset: offset, size: descriptor.size).bytes(in: archive.file)
    }
  }
}
