import Files
import Images
import Synchronization

@testable import Layouts
@testable import Tar

extension FuzzTarget {
  /// What comes off a disk or through a pipe.
  static let archives = [
    FuzzTarget("tar", longest: 16 << 10) { bytes in
      let index = Result { () throws(TarError) in try TarIndex.read(BytesInMemory(bytes), names: .layout) }
      if case .success(let index) = index {
        var position: Int64 = 0
        for entry in index.entries {
          try promise(
            entry.headerOffset >= position && entry.offset > entry.headerOffset && entry.size >= 0
              && entry.end >= entry.offset, "an entry of no place")
          position = entry.end
        }
        // The last one alone may be cut off.
        for entry in index.entries.dropLast() {
          try promise(entry.end <= bytes.count, "an entry behind the end")
        }
      }
      // The same from a pipe.
      let front = ContentFront(
        of: try streamed(bytes, memoryLimit: 1), limit: 1 << 20, spoolingIn: "/nowhere")
      let passing = Result { () throws(TarError) in
        try TarIndex.read(front, names: .layout, until: { _ in false })
      }
      guard case (.success(let first), .success(let second)) = (index, passing) else { return }
      try promise(first.entries.elementsEqual(second.entries), "another tar from a pipe")
    },
    FuzzTarget("tar-header", longest: 1100) { bytes in
      let size = bytes.prefix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) }
      guard let path = Array(bytes.dropFirst(8)).text else { return }
      let header = try TarHeader.bytes(path: path, size: size)
      let index = try TarIndex.read(BytesInMemory(header), names: TarNames())
      let entry = index.entries.first
      try promise(
        entry?.path == path && entry?.size == size && entry?.hasOwnHeaders == true
          && entry?.contradiction == nil && entry?.offset == Int64(header.count),
        "a header that is read otherwise")
    },
    FuzzTarget("archive", longest: 32 << 10) { bytes in
      let layout = try Layout.open(BytesInMemory(bytes))
      for image in layout.images {
        guard let tree = try? layout.tree(of: image) else { continue }
        for blob in tree.blobs where blob.size <= 64 << 10 {
          _ = try? layout.bytes(of: blob, limit: 64 << 10)
        }
      }
    },
    FuzzTarget("compressed") { bytes in
      let content = try streamed(bytes, memoryLimit: 8 << 20)
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
      defer { buffer.deallocate() }
      var total = 0
      while total < 4 << 20 {
        let count = try content.read(into: buffer)
        try promise(count <= buffer.count, "more than there is room for")
        if count == 0 { break }
        total += count
      }
    },
  ]

  private static func streamed(_ bytes: [UInt8], memoryLimit: Int64) throws -> StreamedContent {
    let position = Atomic(0)
    return try StreamedContent("input", memoryLimit: memoryLimit) { buffer in
      // In pieces, as they come through a pipe.
      let start = position.load(ordering: .relaxed)
      let count = min(buffer.count, bytes.count - start, 700)
      bytes[start..<start + count].withUnsafeBytes { buffer.copyMemory(from: $0) }
      position.store(start + count, ordering: .relaxed)
      return count
    }
  }
}

/// A file's content without a file.
private struct BytesInMemory: RandomAccess {
  let path = "input"
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func size() -> Int64 { Int64(bytes.count) }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int {
    guard (0..<Int64(bytes.count)).contains(offset) else { return 0 }
    let part = bytes[Int(offset)...].prefix(buffer.count)
    part.withUnsafeBytes { buffer.copyMemory(from: $0) }
    return part.count
  }
}
