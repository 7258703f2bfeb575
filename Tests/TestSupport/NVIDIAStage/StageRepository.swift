import Foundation

/// One repository of a back end.
public struct StageRepository: Sendable {
  public struct Manifest: Sendable {
    public let bytes: [UInt8]
    public let mediaType: String
    /// What the registry knows it by.
    let digest: String

    init(bytes: [UInt8], mediaType: String, digest: String? = nil) {
      self.bytes = bytes
      self.mediaType = mediaType
      self.digest = digest ?? StagedImage.digest(of: bytes)
    }

    /// Of Docker's schema 1.
    var isSchema1: Bool { mediaType.contains("docker.distribution.manifest.v1+") }
  }

  /// Markdown; nil leaves the key out of the REST answer.
  public var description: String?
  public var isPublic = false
  public var isReadOnly = false
  /// When its tags were pushed, as the REST services say it.
  public var date = "2017-03-27T18:48:21.000Z"
  /// Digests by tag.
  public internal(set) var tags: [String: String] = [:]
  public internal(set) var manifests: [String: Manifest] = [:]
  public internal(set) var blobs: [String: [UInt8]] = [:]

  mutating func add(_ image: StagedImage, tag: String?) {
    for child in image.children { add(child, tag: nil) }
    blobs.merge(image.blobs) { _, new in new }
    put(
      Manifest(bytes: image.manifest, mediaType: image.mediaType, digest: image.digest),
      as: tag ?? image.digest)
  }

  /// Stores a manifest by its digest, and by its tag where `identifier` is one.
  @discardableResult
  mutating func put(_ manifest: Manifest, as identifier: String) -> String {
    manifests[manifest.digest] = manifest
    if !identifier.contains(":") { tags[identifier] = manifest.digest }
    return manifest.digest
  }

  /// Gives other bytes for a blob than those it has the digest of, as storage that rots does.
  public mutating func damage(_ digest: String) {
    blobs[digest]?[0] ^= 1
  }

  func manifest(_ identifier: String) -> (digest: String, manifest: Manifest)? {
    let digest = tags[identifier] ?? identifier
    return manifests[digest].map { (digest, $0) }
  }

  /// The first of the things directly below a manifest that is not here.
  func missing(below manifest: Manifest) -> String? {
    guard let object = try? JSONSerialization.jsonObject(with: Data(manifest.bytes)) as? [String: Any]
    else { return "manifest" }
    let digests: (Any?) -> [String] = { value in
      let objects = value as? [[String: Any]] ?? (value as? [String: Any]).map { [$0] } ?? []
      return objects.compactMap { $0["digest"] as? String }
    }
    return digests(object["manifests"]).first { manifests[$0] == nil }
      ?? (digests(object["config"]) + digests(object["layers"])).first { blobs[$0] == nil }
  }

  /// What the REST services call a tag's size: its blobs', in bytes.
  func size(of tag: String) -> Int {
    guard let (_, manifest) = manifest(tag),
      let object = try? JSONSerialization.jsonObject(with: Data(manifest.bytes)) as? [String: Any]
    else { return 0 }
    return (object["layers"] as? [[String: Any]] ?? []).compactMap { $0["size"] as? Int }.reduce(0, +)
  }
}
