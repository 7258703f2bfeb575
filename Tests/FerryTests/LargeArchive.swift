import Foundation
import TestSupport

/// An archive with layers large enough to be uploaded in chunks, made once for a run: an OCI layout in a tar,
/// written without Ferry's help.
struct LargeArchive: Sendable {
  let path: String
  /// The digests of all blobs but the manifest, with their sizes.
  let blobs: [String: Int]
  /// The manifest's.
  let digest: String

  /// What all blobs come to, in bytes.
  var size: Int { blobs.values.reduce(0, +) }

  static let image = "old/team/model:1.0"
  /// In bytes: two that go in chunks, two that do not.
  private static let sizes = [44 << 20 + 4321, 36 << 20, 3 << 20, 777]

  static func shared() throws -> LargeArchive { try made.get() }

  private static let made = Result {
    let directory = try RunDirectory.make("large-archive")
    let layout = "\(directory)/layout"
    try FileManager.default.createDirectory(
      atPath: "\(layout)/blobs/sha256", withIntermediateDirectories: true)
    var blobs: [String: Int] = [:]
    func add(_ bytes: [UInt8]) throws -> String {
      let digest = BlobDigest.of(bytes)
      let hex = digest.drop { $0 != ":" }.dropFirst()
      try Data(bytes).write(to: URL(fileURLWithPath: "\(layout)/blobs/sha256/\(hex)"))
      return digest
    }
    func descriptor(_ type: String, _ bytes: [UInt8]) throws -> String {
      let digest = try add(bytes)
      blobs[digest] = bytes.count
      return
        #"{"mediaType":"application/vnd.oci.image.\#(type)","digest":"\#(digest)","size":\#(bytes.count)}"#
    }
    let config = try descriptor("config.v1+json", Array(#"{"architecture":"amd64","os":"linux"}"#.utf8))
    let layers = try sizes.enumerated().map { index, size in
      try descriptor("layer.v1.tar", noise(size, seed: UInt64(index) + 50))
    }
    let manifest = Array(
      """
      {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":\(config),\
      "layers":[\(layers.joined(separator: ","))]}
      """.utf8)
    let digest = try add(manifest)
    let index = """
      {"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",\
      "digest":"\(digest)","size":\(manifest.count),"annotations":{\
      "io.containerd.image.name":"old.example/\(image)","org.opencontainers.image.ref.name":"1.0"}}]}
      """
    try Data(index.utf8).write(to: URL(fileURLWithPath: "\(layout)/index.json"))
    try Data(#"{"imageLayoutVersion":"1.0.0"}"#.utf8).write(to: URL(fileURLWithPath: "\(layout)/oci-layout"))
    let path = "\(directory)/large.tar"
    try Command.run("tar", ["-C", layout, "-cf", path, "oci-layout", "index.json", "blobs"])
    try FileManager.default.removeItem(atPath: layout)
    return LargeArchive(path: path, blobs: blobs, digest: digest)
  }

  private static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
    var random = SeededGenerator(seed: seed)
    var words = [UInt64](repeating: 0, count: (count + 7) / 8)
    words.withUnsafeMutableBufferPointer { buffer in
      for index in buffer.indices { buffer[index] = random.next() }
    }
    return words.withUnsafeBytes { Array($0.prefix(count)) }
  }

  /// Whether the registry holds the image, whole and right, as `name`.
  func isHeld(by registry: RegistryProcess, as name: String = "new/team/model") throws -> Bool {
    guard registry.storage.digest(of: name, "1.0") == digest else { return false }
    return blobs.keys.allSatisfy { blob in
      registry.storage.hasBlob(blob, in: name)
        && registry.storage.bytes(of: blob).map { BlobDigest.of($0) } == blob
    }
  }
}
