import Archives
import Digests
import Images
import Layouts

extension Export {
  /// Reads what `--skip-known` names: archives, and receipts of imports. Throws for a file that cannot be read
  /// or is damaged. Blocks.
  func knownContent() throws -> KnownContent {
    var known = KnownContent()
    let receipts = Set(try request.known.filter(Self.isReceipt))
    for path in receipts.sorted() { try add(receipt: path, to: &known) }
    for archive in try ArchiveInput.group(request.known.filter { !receipts.contains($0) }) {
      try add(archive: archive, to: &known)
    }
    return known
  }

  /// Everything an archive's images consist of: what it holds, and what it left out because the other side had
  /// it even then.
  private func add(archive: ArchiveInput, to known: inout KnownContent) throws {
    let layout = try OpenedArchive(archive, spool: nil).layout
    guard layout.problems.isEmpty else {
      throw TransferError.knownUnusable(path: archive.path, problems: layout.problems)
    }
    let source = KnownSource(kind: .archive, name: Self.name(of: archive.path), digest: layout.archiveDigest)
    known.add([], of: nil, by: source)
    // An image may have thousands of names; it is walked once a repository.
    var walked: Set<[String]> = []
    for image in layout.images {
      let repository = image.reference?.repositoryName
      guard walked.insert([repository ?? "", image.root.digest.hex]).inserted else { continue }
      known.add(try layout.tree(of: image, withKnown: true).blobs, of: repository, by: source)
    }
  }

  /// Everything that the images a destination confirmed consist of.
  private func add(receipt path: String, to known: inout KnownContent) throws {
    let receipt = try Receipt.read(path: path)
    let source = KnownSource(
      kind: .receipt, name: Self.name(of: path), digest: Digest(of: try Receipt.bytes(path: path)))
    known.add([], of: nil, by: source)
    for image in receipt.images {
      known.add(image.blobs, of: (try? Reference(image.source))?.repositoryName, by: source)
    }
  }

  /// Whether `path` is JSON rather than any kind of archive.
  private static func isReceipt(_ path: String) throws -> Bool {
    guard let status = try? DataFile.open(reading: path), let size = try? status.size(), size > 0 else {
      return false
    }
    return try status.read(1, at: 0) == [UInt8(ascii: "{")]
  }

  private static func name(of path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }
}
