import Digests
import Files
import Foundation
import Images
import Layouts
import Testing

/// Archives of test images, cut into volumes.
enum TestVolumes {
  /// Writes `images` in volumes of `size` bytes, blobs in no order and pieces of no size.
  static func write(_ images: [TestImage], to path: String, size: Int64) throws {
    let plan = try ArchivePlan(images)
    let writer = try ArchiveWriter.open(
      plan: plan, to: ArchivePlace(path, volumeSize: size), replacing: false)
    try fill(writer, with: images)
    try writer.finish()
  }

  static func fill(_ writer: ArchiveWriter, with images: [TestImage]) throws {
    for bytes in Set(images.flatMap(\.blobs)).shuffled() {
      try writer.put(bytes, by: 333)
    }
  }

  /// The names of the volumes at `path`, in order.
  static func names(of path: String) -> [String] { ArchivePlace.volumes(of: path).map(\.path) }

  static func bytes(_ path: String) throws -> [UInt8] {
    try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
  }

  /// The one archive that `arguments` name.
  static func open(_ arguments: [String]) throws -> Layout {
    let inputs = try ArchiveInput.group(arguments)
    #expect(inputs.count == 1)
    return try Layout.open(try #require(inputs.first))
  }

  /// What opening finds wrong as a whole with volumes, as paths; the front of the archive may be among it.
  static func accused(_ arguments: [String]) throws -> [String] {
    do {
      return try open(arguments).volumes.filter { $0.state != .present }.map(\.path)
    } catch LayoutError.volumeNeeded(let path, _) {
      return [path]
    }
  }
}

extension BlobEntry {
  /// Writes bytes in pieces.
  mutating func write(_ bytes: some Collection<UInt8>, by step: Int = .max) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = Array(rest.prefix(step))
      try write(piece.span.bytes)
      rest = rest.dropFirst(piece.count)
    }
  }
}

extension ArchiveStream {
  /// Sends a whole blob.
  func put(_ bytes: [UInt8]) throws {
    var entry = try begin(Digest(of: bytes))
    try entry.write(bytes)
    try entry.finish()
  }
}

extension ArchiveWriter {
  /// Writes a whole blob.
  func put(_ bytes: [UInt8], by step: Int = .max) throws {
    var entry = try begin(Digest(of: bytes))
    try entry.write(bytes, by: step)
    try entry.finish()
  }

  /// How much of a blob an earlier run left that is right, in bytes.
  func have(_ digest: Digest) throws -> Int64 {
    let entry = try begin(digest)
    let position = entry.position
    entry.suspend()
    return position
  }

  /// Writes one file at `path`.
  static func open(
    plan: ArchivePlan, path: String, replacing: Bool, earlier: Earlier = .discarded, checksums: Bool = false
  ) throws(LayoutError) -> ArchiveWriter {
    try open(
      plan: plan, to: ArchivePlace(path), replacing: replacing, earlier: earlier, checksums: checksums)
  }
}
