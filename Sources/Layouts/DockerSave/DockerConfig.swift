import Digests
import Images

/// An image's config in an archive of docker's.
struct DockerConfig {
  let descriptor: Descriptor
  let diffIDs: [Digest]

  /// `name` is the file's path, which holds the digest that it had when it was written, the image ID: the
  /// descriptor has that one, so that damage is found as everywhere else.
  init(bytes: [UInt8], name: String, archive: String) throws(LayoutError) {
    let actual = Digest(of: bytes)
    let digest = Self.digest(in: name) ?? actual
    descriptor = Descriptor(mediaType: .ociConfig, digest: digest, size: Int64(bytes.count))
    do throws(ManifestError) {
      diffIDs = try (ImageConfig(bytes: bytes).rootfs?.diffIDs ?? []).map { (diffID) throws(ManifestError) in
        guard let diffID else { throw .malformed("the field 'rootfs.diff_ids' has what is no sha256") }
        return diffID
      }
    } catch {
      guard digest == actual else {
        throw .wrongContent(digest, .mismatch(expected: digest, actual: actual))
      }
      guard case .malformed(let why) = error else { throw .notAManifest(digest, error) }
      throw .malformed(path: archive, entry: name, why: why)
    }
  }

  /// `<hex>.json` of docker, podman and skopeo, `sha256:<hex>` of crane and kaniko, `blobs/sha256/<hex>` of
  /// buildkit.
  private static func digest(in name: String) -> Digest? {
    var text = name.split(separator: "/").last ?? ""
    if text.hasSuffix(".json") { text = text.dropLast(5) }
    return Digest(hex: text.hasPrefix("sha256:") ? text.dropFirst(7) : text)
  }
}
