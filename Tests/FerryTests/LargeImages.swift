import Foundation
import TestSupport

/// A registry whose images are large enough to be interrupted in, with a gateway before it.
struct LargeImages {
  let registry: RegistryProcess
  let gateway: FaultGateway
  /// The layers' digests, the largest first.
  let layers: [String]

  static let mebibyte = 1 << 20
  /// Of the layers, in bytes: large ones that every run is interrupted in, and some that are soon there.
  static let sizes = [40 * mebibyte + 11, 30 * mebibyte + 513, 12 * mebibyte, 300_000, 70_001, 1]
  /// Which layers each tag has.
  static let tags = ["one": [0, 3], "two": [1, 4, 5], "three": [0, 2, 3]]

  private static let contents = sizes.enumerated().map { index, size in
    content(size, seed: UInt64(index) + 1)
  }

  init() throws {
    registry = try RegistryProcess()
    gateway = FaultGateway(before: registry.host)
    for (tag, layers) in Self.tags { try Self.push(layers, as: tag, to: registry) }
    layers = Self.contents.map { BlobDigest.of($0) }
  }

  /// Points a tag at an image of these layers.
  static func push(_ layers: [Int], as tag: String, to registry: RegistryProcess) throws {
    try registry.storage.add(layers: layers.map { contents[$0] }, to: "big/app", tag: tag)
  }

  func push(_ layers: [Int], as tag: String) throws { try Self.push(layers, as: tag, to: registry) }

  func references(_ tags: [String]) -> [String] { tags.map { gateway.reference("big/app:\($0)") } }

  /// The size of all blobs of these images, in bytes.
  func size(_ tags: [String]) -> Int {
    Set(tags.flatMap { Self.tags[$0] ?? [] }).reduce(0) { $0 + Self.sizes[$1] }
  }

  /// The arguments of an export of these tags through the gateway, which is waited for however long it takes.
  func export(_ tags: [String], to archive: String, jobs: Int = 2) -> [String] {
    ["export", "--plain-http", "--stall-timeout", "3600", "--jobs", "\(jobs)", "-o", archive]
      + references(tags)
  }

  /// What went over the wire for blobs, in bytes; `digest` limits it to one.
  func moved(_ digest: String = "/blobs/") -> Int {
    gateway.exchanges.filter { $0.path.contains(digest) }.reduce(0) { $0 + $1.sent }
  }

  private static func content(_ count: Int, seed: UInt64) -> [UInt8] {
    var random = SeededGenerator(seed: seed)
    var bytes = [UInt8](repeating: 0, count: count)
    bytes.withUnsafeMutableBytes { buffer in
      for offset in stride(from: 0, to: count, by: 8) {
        withUnsafeBytes(of: random.next()) { word in
          let length = min(8, count - offset)
          UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<offset + length])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: word[..<length]))
        }
      }
    }
    return bytes
  }
}

/// Whether two files have the same bytes.
func areEqual(_ one: String, _ other: String) throws -> Bool {
  try Command("cmp", ["-s", one, other]).run().status == 0
}
