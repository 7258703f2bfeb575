import Digests
import Files

@testable import Images
@testable import Layouts
@testable import Transfers

extension FuzzTarget {
  /// What an earlier run, or the other side, is said to have left.
  static let journals = [
    FuzzTarget("export-journal") { bytes in
      var whole = JournalReader()
      whole.take(bytes)
      var inPieces = JournalReader()
      for start in stride(from: 0, to: bytes.count, by: 100) {
        inPieces.take(Array(bytes[start..<min(start + 100, bytes.count)]))
      }
      try promise(
        whole.state == inPieces.state && whole.wholeLines == inPieces.wholeLines
          && whole.isJournal == inPieces.isJournal, "a journal that is another in pieces")
      try promise(whole.wholeLines <= bytes.count, "lines that are not there")
      for line in bytes.split(separator: UInt8(ascii: "\n")) {
        guard let record = JournalRecord(line: Array(line)) else { continue }
        try promise(JournalRecord(line: record.line.dropLast()) == record, "a record that changes")
      }
      guard let state = whole.state else { return }
      // The next run wants all that it speaks of.
      let blobs = state.blobs.sorted { $0.key < $1.key }.map { digest, blob in
        Descriptor(mediaType: .ociGzipLayer, digest: digest, size: blob.size)
      }
      let config = Descriptor(mediaType: .ociConfig, digest: Digest(of: []), size: 0)
      let image = try Manifest(
        bytes: JSONValue.object([
          "schemaVersion": .integer(2), "mediaType": .string(MediaType.ociManifest.rawValue),
          "config": .object(JSONValue.descriptor(config)),
          "layers": .array(blobs.map { .object(JSONValue.descriptor($0)) }),
        ]).bytes, mediaType: nil)
      let plan = try ArchivePlan(
        images: [(Reference("old.example/team/a:1"), image.descriptor)], manifests: [image],
        blobs: [config] + blobs)
      let continuation = ArchiveContinuation(of: plan, from: state, fileSize: 1 << 20, room: 1 << 16)
      for (digest, claim) in continuation.claims {
        try promise((0...(state.blobs[digest]?.size ?? -1)).contains(claim.have), "more than there can be")
      }
      // What changes its place may lie behind the end for a while, where there is room.
      let end = max(1 << 20, plan.totalSize) + (1 << 16)
      for move in continuation.moves {
        try promise(
          move.count > 0 && move.from >= 0 && move.from + move.count <= end && move.to >= 0
            && move.to + move.count <= end, "bytes that are moved from, or to, where there are none")
      }
    },
    FuzzTarget("import-journal") { bytes in
      let records = UploadRecord.records(in: bytes)
      for record in records {
        try promise(UploadRecord.records(in: record.line) == [record], "a record that changes")
      }
      try promise(UploadRecord.open(after: records).count <= records.count, "uploads that nobody began")
      if UploadRecord.areLines(bytes[...]) {
        let end = UploadRecord.endOfLines(in: bytes)
        let lines = bytes[..<end].count { $0 == UInt8(ascii: "\n") }
        try promise(records.count == lines, "a line that is taken for a record, and read as none")
      }
      _ = UploadRecord.areRecords(bytes)
    },
    FuzzTarget("check-journal") { bytes in
      guard let text = ReadBackText(bytes) else { return }
      try promise((0...bytes.count).contains(text.end), "an end that is not there")
      try promise(
        ReadBackText(Array(bytes[..<text.end]))?.entries.count == text.entries.count, "entries that go")
    },
    FuzzTarget("receipt") { bytes in
      let receipt = try read(bytes)
      var written: [UInt8] = []
      try DocumentText.write(ReceiptHead(of: receipt)) { written += $0 }
      try promise((try? read(written)) == receipt, "a receipt that changes")
    },
  ]

  /// By way of a file without a name, as receipts are read.
  private static func read(_ bytes: [UInt8]) throws -> Receipt {
    var spool = try Spool.create(in: "/tmp", called: "receipt")
    try spool.append(bytes.span.bytes)
    var reading = ReceiptReading()
    try reading.read(spool.file) { _ in }
    return try reading.receipt(at: "receipt")
  }
}
