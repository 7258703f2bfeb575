import Digests
import Files
import Layouts

/// `NAME.tar.sha256`: what `sha256sum -c` reads, one line for each file that an archive consists of.
struct ChecksumFile: Sendable {
  /// Beside the archive and named after it.
  let path: String
  /// The files that the archive at a path consists of, itself or its volumes in order, and those that go with it. All lie in
  /// its directory.
  let files: [String]

  private let archive: String

  /// `enclosed` are files that go with the archive.
  init(of archive: String, files: [String], enclosed: [String] = []) {
    self.archive = archive
    path = ArchiveCompanion.checksums.path(beside: archive)
    self.files = files + enclosed
  }

  /// Makes sure that the checksums can be written. Throws `FileError`, `foreign` among them for another file of that name.
  func checkWritable() throws(FileError) { try AtomicFile.checkReplacing(path, where: isChecksums) }

  /// Whether checksums lie there.
  var isThere: Bool { (try? DataFile.open(reading: path)).map(isChecksums) ?? false }

  /// Whether the file holds checksums of this archive's files, of what goes with archives, and of nothing else.
  private func isChecksums(_ file: DataFile) -> Bool {
    guard let bytes = try? file.read(Self.longest + 1, at: 0), bytes.count <= Self.longest else {
      return false
    }
    let name = archive.split(separator: "/").last.map(String.init) ?? archive
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    return !lines.isEmpty
      && lines.allSatisfy { line in
        let text = String(decoding: line, as: UTF8.self).drop { $0 == "\\" }
        let fields = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        guard let sum = fields.first, sum.count == 64, sum.allSatisfy(\.isHexDigit), fields.count == 2 else {
          return false
        }
        // sha256sum marks a file that it read as binary with a star.
        let of = String(fields[1].dropFirst())
        return Self.escaped(name) == of || VolumeName(of)?.base == Self.escaped(name)
          || EnclosedFile.isNamed(of)
      }
  }

  /// Those of as many volumes as there can be are not longer, in bytes.
  private static let longest = 8 << 20

  /// Hashes the files and writes the checksums, whole or not at all. `known` are those files' digests that have
  /// been computed already; the others are read, several at a time.
  func write(known: [String: Digest] = [:], on executor: BlockingExecutor) async throws {
    let digests = try await executor.mapConcurrently(files) { file in
      try known[file] ?? Self.digest(of: file)
    }
    let text = zip(files, digests).map { Self.line(for: $0, $1) }.joined()
    try await executor.run {
      try AtomicFile.replace(path, with: Array(text.utf8), where: isChecksums)
    }
  }

  /// The digest of the whole file. Blocks.
  static func digest(of path: String) throws -> Digest {
    let file = try DataFile.open(reading: path)
    var hasher = ContentHasher()
    try unsafe ContentPieces.read(0..<Int64.max, from: { try unsafe file.read(into: $0, at: $1) }) { piece in
      hasher.update(piece)
    }
    return hasher.digest()
  }

  private static func escaped(_ name: String) -> String {
    name.unicodeScalars.map { scalar in
      switch scalar {
      case "\\": "\\\\"
      case "\n": "\\n"
      case "\r": "\\r"
      default: String(scalar)
      }
    }.joined()
  }

  /// `<hex>  <name>`; a line whose name needs escapes begins with a backslash, as coreutils write it.
  static func line(for path: String, _ digest: Digest) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let escaped = escaped(name)
    return "\(escaped == name ? "" : "\\")\(digest.hex)  \(escaped)\n"
  }
}
