import Archives
import Digests
import Layouts

/// `NAME.tar.sha256`: what `sha256sum -c` reads, one line for each file that an archive consists of.
struct ChecksumFile: Sendable {
  /// Beside the archive and named after it.
  let path: String
  /// The files that the archive at a path consists of: itself, or its volumes in order. All lie in its directory.
  let files: [String]

  init(of archive: String, files: [String]) {
    path = ArchiveCompanion.checksums.path(beside: archive)
    self.files = files
  }

  /// Hashes the files and writes the checksums, whole or not at all. `known` are those files' digests that have
  /// been computed already; the others are read, several at a time.
  func write(known: [String: Digest] = [:], on executor: BlockingExecutor) async throws {
    let digests = try await executor.mapConcurrently(files) { file in
      try known[file] ?? Self.digest(of: file)
    }
    let text = zip(files, digests).map { Self.line(for: $0, $1) }.joined()
    try await executor.run { try DataFile.replace(path, with: Array(text.utf8)) }
  }

  /// The digest of the whole file. Blocks.
  static func digest(of path: String) throws -> Digest {
    let file = try DataFile.open(reading: path)
    var hasher = ContentHasher()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    defer { unsafe buffer.deallocate() }
    var offset: Int64 = 0
    while true {
      try Task.checkCancellation()
      let count = try unsafe file.read(into: buffer, at: offset)
      guard count > 0 else { return hasher.digest() }
      unsafe hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
      offset += Int64(count)
    }
  }

  /// `<hex>  <name>`; a line whose name needs escapes begins with a backslash, as coreutils write it.
  static func line(for path: String, _ digest: Digest) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let escaped = name.unicodeScalars.map { scalar in
      switch scalar {
      case "\\": "\\\\"
      case "\n": "\\n"
      case "\r": "\\r"
      default: String(scalar)
      }
    }.joined()
    return "\(escaped == name ? "" : "\\")\(digest.hex)  \(escaped)\n"
  }
}
