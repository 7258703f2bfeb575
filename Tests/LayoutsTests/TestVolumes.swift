import Archives
import Digests
import Foundation
import Images
import Layouts

/// Archives of test images, cut into volumes.
enum TestVolumes {
  /// Writes `images` in volumes of `size` bytes, blobs in no order and pieces of no size.
  static func write(_ images: [TestImage], to path: String, size: Int64) throws {
    let plan = try ArchivePlan(images)
    let writer = try ArchiveWriter(
      plan: plan, to: ArchivePlace(path, volumeSize: size), replacing: false)
    try fill(writer, with: images)
    try writer.finish()
  }

  static func fill(_ writer: ArchiveWriter, with images: [TestImage]) throws {
    for bytes in Set(images.flatMap(\.blobs)).shuffled() {
      for start in stride(from: 0, to: bytes.count, by: 333) {
        let piece = Array(bytes[start..<min(start + 333, bytes.count)])
        try writer.write(piece.span.bytes, of: Digest(of: bytes), at: Int64(start))
      }
      try writer.complete(Proof(of: bytes))
    }
  }

  /// The names of the volumes at `path`, in order.
  static func names(of path: String) -> [String] { ArchivePlace.volumes(of: path).map(\.path) }

  static func bytes(_ path: String) throws -> [UInt8] {
    try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
  }
}
